"""Blank forms with the rarer frames: combs, dotted, dashed, round, double, wide, tiny and big ones."""

from __future__ import annotations

from tests.drawing_frames import A4_MM, A5_ACROSS_MM, A5_MM, DPI, FormSheet
from tests.drawing_sheet import DrawnForm, Twin


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
        name = ("net", "tax", "sum")[i]
        sheet.field(name, "wide, decimal point", [rather], length=(3, 6), point=x + 0.64 * wide, areas=parts)
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
