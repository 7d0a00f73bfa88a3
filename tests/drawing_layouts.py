"""Twelve blank forms that between them have every kind of frame, each with its near twins.

They are fixed: the benchmark's figures are of these. What each field's frame is called stands in `DrawnForm.frames`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from tests.drawing_frames import FormSheet
from tests.drawing_sheet import MM_PER_INCH, DrawnForm, Tone, Twin

A4_MM = (210.0, 297.0)
A5_MM = (148.0, 210.0)
A5_ACROSS_MM = (210.0, 148.0)
DPI = 300.0

Layout = Callable[[float, Twin | None], DrawnForm]

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
        sheet.box(x, head, width, 9.0, 0.35)
        sheet.text(x + width / 2, head + 5.8, label, 1.7, middle=True)
        x += width
    for row in range(22):
        top = head + 9.0 + row * tall
        x = 20.0
        for label, width in columns:
            box = sheet.box(x, top, width, tall, 0.35)
            if label == "No.":
                sheet.text(x + width / 2, top + 6.4, str(row + 1), 2.4, middle=True)
            elif label == "Name":
                sheet.text(x + 2, top + 6.4, f"{names[row % 12]} {chr(65 + row)}.", 2.6)
            elif width < 10:
                sheet.field(f"row{row + 1:02d}_{label}".lower(), "table, one digit", [box], filler=("-",))
            else:
                name = f"row{row + 1:02d}_{label}".lower().replace(" ", "_")
                sheet.field(name, "table, two digits", [box], length=(1, 2))
            x += width
    sheet.text(20, 268, "Sum of all columns is not entered here.", 2.0)
    sheet.rule(120, 280, 60, 0.25)
    sheet.text(120, 284, "Class teacher", 1.9)
    return sheet.form("gradebook")


def tax_return(dpi: float = DPI, twin: Twin | None = None) -> DrawnForm:
    """Print a tax form: combs of a base line with short ticks, labels above, rules to write words on; ArUco corners."""
    sheet = FormSheet(A4_MM, dpi, twin=twin)
    markers = sheet.aruco_marks()
    sheet.text(105, 20, "Income tax return", 4.6, middle=True)
    sheet.text(105, 27, "Part 2 - employment and pensions", 2.4, middle=True)
    sheet.paragraph(26, 38, 158, 3)
    rows = (
        (("reference", 26.0, 10), ("office", 110.0, 4)),
        (("pay", 26.0, 8), ("deducted", 110.0, 7)),
        (("pension", 26.0, 8), ("started", 110.0, 8)),
        (("benefits", 26.0, 6), ("expenses", 110.0, 6)),
        (("interest", 26.0, 7), ("dividends", 110.0, 7)),
    )
    for i, pair in enumerate(rows):
        base = 74 + 34 * i
        for name, left, count in pair:
            sheet.text(left, base - 10.5, f"{name.capitalize()} in the year", 2.2)
            slots, to_ticks = sheet.comb_of_ticks(left, base, count, 5.6, 2.8)
            sheet.field(name, "comb of ticks", slots, also=to_ticks)
        sheet.text(26, base + 9, "Remarks", 1.9)
        sheet.rule(42, base + 9.5, 142, 0.2)
        sheet.rule(26, base + 17, 158, 0.2)
    sheet.text(105, 268, "TR-2 2024 Page 3", 1.8, middle=True)
    return sheet.form("tax-return", markers)


def permit(dpi: float = DPI, twin: Twin | None = None) -> DrawnForm:
    """Print an application: combs in one frame with thin full-height dividers, a crest, a barcode-like strip."""
    sheet = FormSheet(A5_MM, dpi, twin=twin)
    sheet.logo(66, 8, 15)
    sheet.text(74, 30, "Application for a permit", 4.0, middle=True)
    rows = (
        *(("number", "Identity number", 11), ("issued", "Issued on", 8), ("phone", "Telephone", 10)),
        *(("postcode", "Post code", 5), ("until", "Valid until", 8), ("fee", "Fee paid", 6)),
    )
    for i, (name, label, count) in enumerate(rows):
        top = 48 + 21 * i
        sheet.text(20, top - 2, f"{i + 1}. {label}", 2.3)
        tone = 0 if i % 2 else 120
        sheet.field(name, "comb in a frame", sheet.comb_in_frame(20, top, count, (6.2, 8.2), tone))
    sheet.paragraph(20, 178, 108, 4, 1.6)
    widths = [1, 2, 1, 3, 1, 1, 2, 2, 1, 3, 2, 1, 1, 2, 3, 1, 2, 1, 1, 3]
    x = 86.0
    for i, width in enumerate(widths):
        if i % 2 == 0:
            sheet.fill(x, 194, width * 0.6, 9, 0)
        x += width * 0.6
    return sheet.form("permit")


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


def diary(dpi: float = DPI, twin: Twin | None = None) -> DrawnForm:
    """Print a patient's diary: dotted, dashed and round-cornered frames."""
    sheet = FormSheet(A5_MM, dpi, twin=twin)
    sheet.text(18, 17, "Pain diary", 4.6)
    sheet.paragraph(18, 25, 112, 3)
    rows = (("patient", 6), ("day", 6), ("morning", 3), ("noon", 3), ("evening", 3), ("tablets", 2))
    for block, kind in enumerate(("dotted", "dashed", "round corners")):
        top = 46 + 52 * block
        sheet.text(18, top - 5, f"Week {block + 1}", 2.6)
        for i, (name, count) in enumerate(rows):
            left, low = 18 + 62 * (i % 2), top + 15.5 * (i // 2)
            sheet.text(left, low - 1, name.capitalize(), 1.8)
            places = [(left + k * 9.0, low, 7.2, 9.4) for k in range(count)]
            if kind == "round corners":
                boxes = [sheet.round_box(*place) for place in places]
            else:
                boxes = [sheet.broken_box(*place, "dotted" if kind == "dotted" else "dashed") for place in places]
            sheet.field(f"{name}_{block + 1}", kind, boxes)
    return sheet.form("diary")


def tally(dpi: float = DPI, twin: Twin | None = None) -> DrawnForm:
    """Print an election's tally: double grey frames with seven-segment guides, and boxes with dots; corner squares."""
    sheet = FormSheet(A4_MM, dpi, twin=twin)
    markers = sheet.corner_squares()
    sheet.text(105, 22, "Tally of votes", 5, middle=True)
    sheet.text(105, 29, "Polling station result, to be signed by all members", 2.3, middle=True)
    for i in range(9):
        top = 42 + 17.5 * i
        sheet.text(24, top + 8, f"{i + 1}. List {chr(65 + i)}", 2.6)
        for group, left in (("men", 66.0), ("women", 108.0), ("all", 150.0)):
            pairs = [sheet.double_box(left + 11.5 * k, top, 10.4, 13.6, 0.9, 120) for k in range(3)]
            for inner, _ in pairs:
                sheet.seven_segments(inner)
            boxes, also = [inner for inner, _ in pairs], [outer for _, outer in pairs]
            sheet.field(f"{group}_{i + 1}", "double, with guides", boxes, filler=("X", "-"), also=also)
    for i, name in enumerate(("voters", "ballots", "spoilt")):
        top = 206 + 17 * i
        sheet.text(24, top + 7, name.capitalize(), 2.6)
        row = sheet.boxes(108, top, 5, (8.0, 11.0), 2.6, 0.35, 60)
        for box in row:
            sheet.dot_guide(box)
        sheet.field(name, "dots inside", row, filler=("X", "-"))
    return sheet.form("tally", markers)


def invoice(dpi: float = DPI, twin: Twin | None = None) -> DrawnForm:
    """Print an invoice, A5 across: wide boxes for several digits, some with a printed decimal point."""
    sheet = FormSheet(A5_ACROSS_MM, dpi, twin=twin)
    sheet.text(16, 16, "Delivery invoice", 4.4)
    sheet.qr(176, 8, 18, "INV-2024-00417")
    sheet.rule(16, 28, 152, 0.4)
    rows = (("customer", "Customer", 42.0, 3, 6), ("order", "Order", 54.0, 5, 8), ("parcels", "Parcels", 28.0, 1, 3))
    for i, (name, label, width, least, most) in enumerate(rows):
        top = 36 + 18 * i
        sheet.text(16, top + 7, label, 2.4)
        sheet.field(name, "wide", [sheet.box(42, top, width, 11.0, 0.4)], length=(least, most))
        rather = sheet.box(128, top, 52, 11.0, 0.4)
        sheet.text(110, top + 7, ("Net", "Tax", "Sum")[i], 2.4)
        x, y, wide, tall = rather
        sheet.dot(rather, 0.64, 0.86, 0.55)
        parts = [(x, y, 0.61 * wide, tall), (x + 0.67 * wide, y, 0.33 * wide, tall)]
        sheet.field(("net", "tax", "sum")[i], "wide, decimal point", [rather], length=(3, 6), areas=parts)
    sheet.paragraph(16, 98, 170, 4)
    sheet.rule(16, 130, 60, 0.2)
    sheet.text(16, 134, "Received by", 1.8)
    return sheet.form("invoice")


def lab(dpi: float = DPI, twin: Twin | None = None) -> DrawnForm:
    """Print a laboratory's form: tiny boxes of 2.6 to 3.4 mm and big ones of 13 to 14.5 mm."""
    sheet = FormSheet(A5_MM, dpi, twin=twin)
    sheet.text(18, 17, "Laboratory request", 4.2)
    sheet.paragraph(18, 25, 112, 2)
    for i, (name, count) in enumerate((("sample", 5), ("room", 3))):
        top = 46 + 26 * i
        sheet.text(18, top - 3, name.capitalize(), 2.4)
        sheet.field(name, "big", sheet.boxes(18, top, count, (13.0, 14.5), 3.0, 0.5))
    tests = ("sodium", "potassium", "calcium", "iron", "urea", "glucose", "albumin", "lipase")
    for i, name in enumerate(tests):
        left, top = 18 + 60 * (i % 2), 112 + 13 * (i // 2)
        sheet.text(left, top + 2.6, name, 1.8)
        sheet.field(name, "tiny", sheet.boxes(left + 24, top, 6, (3.0, 3.4), 0.0 if i < 4 else 1.2, 0.2))
    for i, name in enumerate(("time", "batch")):
        sheet.text(18 + 60 * i, 172, name, 1.8)
        sheet.field(name, "tiny", sheet.boxes(42 + 60 * i, 169.6, 6, (2.6, 3.2), 1.4, 0.15))
    sheet.paragraph(18, 184, 112, 3, 1.6, 9)
    return sheet.form("lab")


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


LAYOUTS: Final[dict[str, Layout]] = {
    "admission": admission,
    "account": account,
    "gradebook": gradebook,
    "tax-return": tax_return,
    "permit": permit,
    "survey": survey,
    "order": order,
    "diary": diary,
    "tally": tally,
    "invoice": invoice,
    "lab": lab,
    "census": census,
}

TWINS: Final = ("row", "pitch", "title")


@cache
def blank(name: str) -> DrawnForm:
    """Give a layout's blank at 300 dpi."""
    return LAYOUTS[name](DPI, None)


def twin_of(name: str, kind: str) -> DrawnForm:
    """Print a near twin of a layout: one row moved, another pitch, or another title."""
    form = blank(name)
    middle = form.picture.shape[0] / 2
    _, y, _, height = min((box for field in form.fields for box in field.boxes), key=lambda box: abs(box[1] - middle))
    top, bottom = y / DPI * MM_PER_INCH, (y + height) / DPI * MM_PER_INCH
    if kind == "row":
        return LAYOUTS[name](DPI, Twin("row", top - 0.4, bottom + 0.4))
    if kind == "pitch":
        first = min(box[1] for field in form.fields for box in field.boxes)
        return LAYOUTS[name](DPI, Twin("pitch", first / DPI * MM_PER_INCH - 0.4))
    return LAYOUTS[name](DPI, Twin("title"))
