"""Blank printed forms of different kinds."""

from __future__ import annotations

from formreader.template import Field
from tests.drawing_sheet import DrawnForm, Sheet

A4_MM = (210.0, 297.0)
A5_LANDSCAPE_MM = (210.0, 148.0)


def visit_record(dpi: float = 300) -> DrawnForm:
    """Print a clinic's form: separate boxes, solid squares in the corners."""
    sheet = Sheet(A4_MM, dpi)
    markers = sheet.corner_squares()
    sheet.logo(24, 20, 14)
    sheet.text(44, 28, "Visit record", 5)
    sheet.text(44, 34, "District health service - outpatient clinic", 2.4)
    sheet.rule(24, 40, 162, 0.5)
    sheet.text(
        24, 47, "Write one digit in each box, with a black or blue pen. Put X into boxes that are not needed.", 2.1
    )
    rows: tuple[tuple[str, str, int, tuple[str, ...]], ...] = (
        ("patient_id", "Patient number", 6, ()),
        ("visit_date", "Date of visit (DDMMYYYY)", 8, ()),
        ("age", "Age in years", 3, ("X", "-")),
        ("temperature", "Temperature (0.1 C)", 3, ()),
        ("weight", "Weight (0.1 kg)", 4, ()),
        ("pulse", "Pulse per minute", 3, ()),
        ("household", "Household number", 5, ("X",)),
        ("drug_code", "Drug code", 4, ()),
        ("doses", "Doses given", 2, ()),
    )
    fields = []
    for i, (name, label, count, filler) in enumerate(rows):
        top = 56 + i * 20.5
        sheet.text(24, top + 6, label, 2.6)
        fields.append(Field(name, sheet.boxes(88, top, count), required=i == 0, filler=filler))
        if name in {"temperature", "weight"}:
            sheet.fill(88 + 8.5 * (count - 1) - 1.05, top + 8.2, 0.6, 0.6, 20)
    sheet.rule(24, 246, 70, 0.25)
    sheet.text(24, 250, "Signature of the nurse", 2.0)
    sheet.rule(116, 246, 70, 0.25)
    sheet.text(116, 250, "Stamp", 2.0)
    sheet.text(105, 278, "Form V-12, page 1 of 1. Keep for ten years.", 1.9, middle=True)
    return DrawnForm("visit-record", sheet.pixels, dpi, tuple(fields), markers)


def class_marks(dpi: float = 300, rows: int = 20) -> DrawnForm:
    """Print a teacher's list: a touching grid in a ruled table, no markers; fields by row, as in ``r07.q2``."""
    sheet = Sheet(A4_MM, dpi)
    sheet.text(18, 22, "List of marks", 4.6)
    sheet.text(18, 29, "Secondary school examination - one line for each student", 2.4)
    sheet.text(130, 22, "Subject:", 2.4)
    sheet.rule(146, 22.5, 46, 0.2)
    sheet.text(130, 30, "Teacher:", 2.4)
    sheet.rule(146, 30.5, 46, 0.2)
    cell, tall, head = 7.2, 10.4, 40.0
    columns = (
        ("number", "Student no.", 5),
        ("q1", "Q1", 1),
        ("q2", "Q2", 1),
        ("q3", "Q3", 2),
        ("q4", "Q4", 2),
        ("total", "Total", 3),
    )
    starts: list[float] = []
    x = 30.0
    for _, label, count in columns:
        starts.append(x)
        sheet.box(x, head, cell * count, 8.0, 0.3)
        sheet.text(x + cell * count / 2, head + 5.2, label, 2.1, middle=True)
        x += cell * count + (6.0 if label == "Student no." else 0.0)
    sheet.text(x + 6, head + 5.2, "Remarks", 2.1)
    fields = []
    for row in range(rows):
        top = head + 8.0 + row * tall
        sheet.text(22, top + 6.6, str(row + 1), 2.3, middle=True)
        for (name, _, count), left in zip(columns, starts, strict=True):
            boxes = sheet.boxes(left, top, count, (cell, tall), 0.0, 0.3)
            fields.append(Field(f"r{row + 1:02d}.{name}", boxes, filler=() if name == "number" else ("-",)))
        sheet.rule(x + 6, top + tall, 192 - x - 6, 0.2, 90)
    sheet.text(18, 268, "Marks are whole numbers. A dash means that the student was absent.", 2.1)
    sheet.rule(130, 280, 62, 0.25)
    sheet.text(130, 284, "Signature", 2.0)
    return DrawnForm("class-marks", sheet.pixels, dpi, tuple(fields))


def meter_card(dpi: float = 300) -> DrawnForm:
    """Print a meter reader's card, A5 across: separate boxes with grey frames, no markers."""
    sheet = Sheet(A5_LANDSCAPE_MM, dpi)
    sheet.fill(12, 10, 186, 13, 205)
    sheet.text(16, 19, "METER READING CARD", 4.4)
    sheet.text(150, 18.6, "Water and power", 2.6)
    sheet.text(14, 31, "Please copy the digits left of the comma. Read the meter on the day of the visit.", 2.2)
    rows = (
        ("customer", "Customer number", 7, 37.0),
        ("water", "Water meter (m3)", 5, 55.0),
        ("power_day", "Power meter, day (kWh)", 6, 73.0),
        ("power_night", "Power meter, night (kWh)", 6, 91.0),
        ("read_on", "Read on (DDMMYY)", 6, 109.0),
    )
    fields = []
    for name, label, count, top in rows:
        sheet.text(14, top + 6.4, label, 2.5)
        boxes = sheet.boxes(80, top, count, (8.0, 10.0), 2.5, 0.4, 130)
        fields.append(Field(name, boxes, required=name == "customer"))
    sheet.rule(14, 132, 80, 0.25, 90)
    sheet.text(14, 136, "Signature of the customer", 1.9)
    sheet.text(140, 136, "Thank you - no stamp needed", 1.9)
    return DrawnForm("meter-card", sheet.pixels, dpi, tuple(fields))


def aruco_form(dpi: float = 300) -> DrawnForm:
    """Print a parcel slip with ArUco marks in its corners."""
    sheet = Sheet(A4_MM, dpi)
    markers = sheet.aruco_marks()
    sheet.text(105, 34, "Parcel count", 5, middle=True)
    sheet.text(30, 46, "Count twice. Write the second count only.", 2.4)
    fields = []
    for i, (name, label) in enumerate(
        (("depot", "Depot"), ("van", "Van"), ("loaded", "Loaded"), ("returned", "Returned"))
    ):
        sheet.text(30, 76 + i * 34, label, 3)
        fields.append(Field(name, sheet.boxes(80, 69 + i * 34, 6, (8.0, 10.0), 2.0)))
    return DrawnForm("parcel-count", sheet.pixels, dpi, tuple(fields), markers)


def dense(dpi: float = 300) -> DrawnForm:
    """Print a full A4 page of 100 separate boxes, twenty lines of five, with corner squares: for measuring speed."""
    sheet = Sheet(A4_MM, dpi)
    markers = sheet.corner_squares()
    sheet.text(105, 26, "Counting sheet", 4.5, middle=True)
    fields = []
    for row in range(20):
        top = 36 + row * 11.8
        sheet.text(26, top + 6, f"Station {row + 1}", 2.5)
        fields.append(Field(f"station_{row + 1:02d}", sheet.boxes(80, top, 5, (7.0, 9.0), 2.0)))
    return DrawnForm("counting-sheet", sheet.pixels, dpi, tuple(fields), markers)


def other_visit(dpi: float = 300) -> DrawnForm:
    """Print a form of the same house as `visit_record`, with the same squares and head, but other boxes."""
    sheet = Sheet(A4_MM, dpi)
    markers = sheet.corner_squares()
    sheet.logo(24, 20, 14)
    sheet.text(44, 28, "Ward transfer", 5)
    sheet.text(44, 34, "District health service - inpatient care", 2.4)
    sheet.rule(24, 40, 162, 0.5)
    fields = []
    for i, (name, label, count) in enumerate(
        (("ward", "Ward", 3), ("bed", "Bed", 2), ("moved_on", "Date (DDMM)", 4), ("staff", "Staff number", 5))
    ):
        top = 64 + i * 31
        sheet.text(24, top - 3, label, 2.8)
        fields.append(Field(name, sheet.boxes(24, top, count, (9.0, 11.0), 3.0)))
    for i in range(4):
        sheet.rule(24, 206 + i * 10, 162, 0.25)
    return DrawnForm("ward-transfer", sheet.pixels, dpi, tuple(fields), markers)


def other_marks(dpi: float = 300) -> DrawnForm:
    """Print a ruled table like `class_marks`, but another one."""
    sheet = Sheet(A4_MM, dpi)
    sheet.text(18, 22, "List of loans", 4.6)
    sheet.text(18, 29, "School library - one line for each book", 2.4)
    fields = []
    for row in range(17):
        top = 44 + row * 12.6
        sheet.text(22, top + 7.6, str(row + 1), 2.3, middle=True)
        fields.append(Field(f"r{row + 1:02d}.book", sheet.boxes(34, top, 6, (8.4, 12.6), 0.0, 0.3)))
        fields.append(Field(f"r{row + 1:02d}.days", sheet.boxes(110, top, 2, (8.4, 12.6), 0.0, 0.3)))
        sheet.rule(136, top + 12.6, 56, 0.2)
    return DrawnForm("library-loans", sheet.pixels, dpi, tuple(fields))
