"""Blank forms whose boxes have four plain lines: apart, touching, in a table, pale, coloured, six hundred."""

from __future__ import annotations

from typing import Final

from tests.drawing_frames import A4_MM, A5_ACROSS_MM, A5_MM, DPI, FormSheet
from tests.drawing_sheet import DrawnForm, Tone, Twin

PINK, LIGHT_BLUE, GREEN, ORANGE = (165, 120, 240), (235, 190, 120), (110, 185, 100), (60, 150, 250)
INKS: Final[dict[str, tuple[Tone, Tone]]] = {
    "pink": (PINK, (232, 222, 252)),
    "light blue": (LIGHT_BLUE, (250, 240, 222)),
    "green": (GREEN, (224, 242, 222)),
    "orange": (ORANGE, (214, 234, 254)),
}
"""Each printed colour (blue, green, red) and the pale ground that goes with it."""


def admission(dpi: float = DPI, twin: Twin | None = None) -> DrawnForm:
    """Print a hospital's form: separate boxes, logo, QR code, running text; X and dash fill unused boxes."""
    sheet = FormSheet(A5_MM, dpi, twin=twin)
    sheet.logo(18, 10, 13)
    sheet.text(36, 17, "Admission", 4.4)
    sheet.text(36, 22, "St. Anne's hospital, ward reception", 2.2)
    sheet.qr(116, 9, 16, "ADM/7/2041")
    sheet.rule(18, 28, 114, 0.5)
    sheet.paragraph(18, 33, 112, 3)
    rows: tuple[tuple[str, str, int, tuple[str, ...]], ...] = (
        ("case", "Case number", 7, ()),
        ("born", "Date of birth", 8, ()),
        ("weight", "Weight (kg)", 3, ("X", "-")),
        ("pressure", "Blood pressure", 6, ("X", "-")),
        ("bed", "Ward and bed", 4, ("X",)),
        ("plan", "Insurance", 8, ()),
        ("days", "Days planned", 2, ("-",)),
    )
    for i, (name, label, count, filler) in enumerate(rows):
        top = 48 + 18.5 * i
        sheet.text(18, top + 5.6, label, 2.4)
        sheet.field(name, "separate", sheet.boxes(52, top, count, (6.6, 8.6), 3.0), filler=filler)
    sheet.rule(18, 186, 50, 0.2)
    sheet.text(18, 190, "Signature", 1.8)
    sheet.paragraph(18, 197, 112, 2, 1.6, 20)
    return sheet.form("admission")


def account(dpi: float = DPI, twin: Twin | None = None) -> DrawnForm:
    """Print a payment slip, A5 across: boxes that touch, dark bands with white words, a picture."""
    sheet = FormSheet(A5_ACROSS_MM, dpi, twin=twin)
    sheet.band(16, 9, 178, 10, "PAYMENT SLIP")
    sheet.picture(158, 23, 36, 27)
    sheet.paragraph(16, 27, 130, 3)
    rows = (("payer", "Account of payer", 10), ("bank", "Bank code", 8), ("payee", "Account of payee", 10))
    for i, (name, label, count) in enumerate(rows):
        top = 46 + 19 * i
        sheet.text(16, top - 1.6, label, 2.2)
        sheet.field(name, "touching", sheet.boxes(16, top, count, (7.4, 9.4), 0.0))
    sheet.text(16, 101.4, "Amount", 2.2)
    sheet.field("amount", "touching", sheet.boxes(16, 103, 7, (7.4, 9.4), 0.0), filler=("-",))
    sheet.text(92, 101.4, "Date", 2.2)
    sheet.field("date", "touching", sheet.boxes(92, 103, 6, (7.4, 9.4), 0.0))
    sheet.rule(16, 130, 80, 0.2)
    sheet.text(16, 134, "Signature of the account holder", 1.8)
    sheet.text(194 - 60, 140, "Printed on recycled paper", 1.6, grey=110)
    return sheet.form("account")


def gradebook(dpi: float = DPI, twin: Twin | None = None) -> DrawnForm:
    """Print a ruled table: a head of words, row numbers and names, cells for one digit and cells for two."""
    sheet = FormSheet(A4_MM, dpi, twin=twin)
    sheet.text(20, 20, "Class register of marks", 4.4)
    sheet.text(20, 27, "Secondary school, autumn term. Enter one number in each cell.", 2.2)
    head, tall = 36.0, 9.8
    columns = (
        *(("No.", 10.0), ("Name", 46.0), ("Oral", 8.4), ("Lab", 8.4), ("Test", 8.4)),
        *(("Part A", 12.5), ("Part B", 12.5), ("Total", 12.5)),
    )
    names = ("Abara", "Bello", "Chen", "Duarte", "Eze", "Farah", "Gomez", "Haddad", "Ito", "Jansen", "Kaya", "Lopez")
    x = 20.0
    for label, width in columns:
        sheet.label((x, head, width, 9.0), label, 1.7)
        x += width
    for row in range(22):
        top = head + 9.0 + row * tall
        x = 20.0
        for label, width in columns:
            name = f"row{row + 1:02d}_{label}".lower().replace(" ", "_")
            if label == "No.":
                sheet.label((x, top, width, tall), str(row + 1), 2.4)
            elif label == "Name":
                sheet.label((x, top, width, tall), f"{names[row % 12]} {chr(65 + row)}.", 2.6, middle=False)
            elif width < 10:
                box = sheet.box(x, top, width, tall, 0.35)
                sheet.field(name, "table, one digit", [box], filler=("-",))
            else:
                sheet.field(name, "table, two digits", [sheet.box(x, top, width, tall, 0.35)], length=(1, 2))
            x += width
    sheet.text(20, 268, "Sum of all columns is not entered here.", 2.0)
    sheet.rule(120, 280, 60, 0.25)
    sheet.text(120, 284, "Class teacher", 1.9)
    return sheet.form("gradebook")


def survey(dpi: float = DPI, twin: Twin | None = None) -> DrawnForm:
    """Print a questionnaire: boxes with pale grey frames under grey bands, tick boxes' words, a grey picture."""
    sheet = FormSheet(A4_MM, dpi, twin=twin)
    sheet.fill(18, 12, 174, 14, 222)
    sheet.text(22, 21.5, "Household survey", 4.6)
    sheet.text(136, 21, "Interviewer's copy", 2.2)
    sheet.picture(150, 32, 42, 32)
    sheet.paragraph(20, 38, 120, 5)
    for block, (heading, rows) in enumerate(
        (
            ("A. People", (("men", 2), ("women", 2), ("children", 2), ("eldest", 3))),
            ("B. House", (("rooms", 2), ("area", 4), ("built", 4), ("rent", 5))),
            ("C. Water", (("wells", 2), ("litres", 5), ("distance", 4), ("paid", 5))),
        )
    ):
        top = 76 + 66 * block
        sheet.fill(18, top - 8, 174, 6.5, 232)
        sheet.text(20, top - 3.2, heading, 2.6)
        for i, (name, count) in enumerate(rows):
            left, low = 20 + 88 * (i % 2), top + 4 + 26 * (i // 2)
            sheet.text(left, low + 6, name.capitalize(), 2.4)
            boxes = sheet.boxes(left + 26, low, count, (7.4, 9.4), 2.0, 0.4, 200)
            sheet.field(name, "pale grey", boxes, filler=("-",) if count > 3 else ())
    return sheet.form("survey")


def order(dpi: float = DPI, twin: Twin | None = None) -> DrawnForm:
    """Print an order form in four colours: frames on white, on a ground of their colour, and filled with it."""
    sheet = FormSheet(A4_MM, dpi, colour=True, twin=twin)
    sheet.text(20, 20, "Order of supplies", 4.6)
    sheet.text(20, 27, "Fill in one block for each store. Colours must not be copied.", 2.2)
    for block, (name, (ink, ground)) in enumerate(INKS.items()):
        top = 38 + 60 * block
        outside, inside = block in (0, 2), block in (1, 3)
        if outside:
            sheet.fill(18, top, 174, 54, ground)
        sheet.band(18, top, 174, 7, f"Store {name}", ink)
        for i, (label, count) in enumerate((("article", 7), ("pieces", 4), ("price", 6), ("store", 5))):
            left, low = 22 + 88 * (i % 2), top + 14 + 21 * (i // 2)
            sheet.text(left, low - 1.6, label.capitalize(), 2.1, grey=ink)
            gap, width = (0.0, 8.0) if i % 2 else (2.0, 7.6)
            if outside or inside:
                tone = 255 if outside else ground
                for k in range(count):
                    sheet.fill(left + k * (width + gap), low, width, 10.0, tone)
            boxes = sheet.boxes(left, low, count, (width, 10.0), gap, 0.4, ink)
            sheet.field(f"{label}_{block + 1}", name, boxes)
    sheet.text(105, 285, "O-11 four-part set", 1.8, middle=True)
    return sheet.form("order")


def census(dpi: float = DPI, twin: Twin | None = None) -> DrawnForm:
    """Print 600 small boxes on a page: thirty lines of four fields of five; corner squares."""
    sheet = FormSheet(A4_MM, dpi, twin=twin)
    markers = sheet.corner_squares()
    sheet.text(105, 18, "Census of livestock", 4.4, middle=True)
    for k, head in enumerate(("Cattle", "Sheep", "Goats", "Poultry")):
        sheet.text(46 + 38 * k, 27, head, 2.0, middle=True)
    for row in range(30):
        top = 30 + 7.9 * row
        sheet.text(22, top + 4.0, str(row + 1), 2.0, middle=True)
        for k in range(4):
            boxes = sheet.boxes(31 + 38 * k, top, 5, (4.6, 5.6), 1.0, 0.25)
            sheet.field(f"row{row + 1:02d}_{'csgp'[k]}", "600 small", boxes)
    return sheet.form("census", markers)
