"""Forms of one's own: what a list of fields becomes on paper, what is refused, and that it is read back."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pypdfium2 as pdfium
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from formreader.cli import app
from formreader.codes import read_codes
from formreader.errors import TemplateError, UnusableCall
from formreader.model import default_model_path, load_model
from formreader.pipeline import find_form, read_page
from formreader.printed import PrintedCode, from_text
from formreader.printing import print_form, write_form
from formreader.printing.fields_file import read_fields
from formreader.printing.form import Asked, Form, Grid, Item, Kind, Words
from formreader.printing.layout import laid_out
from formreader.printing.letters import fonts_for
from formreader.printing.setting import Setter
from formreader.printing.sheets import Layout, Place
from formreader.template import load_template
from formreader.values import Page, PageRef
from tests.drawing import Wear, fill
from tests.drawing_printed import KINDS, METER, printed, rendered

HEAD = '[form]\nname = "visit"\n'
FIELD = '[[field]]\nname = "{}"\ndigits = {}\n'


def fields_in(folder: Path, text: str) -> Path:
    path = folder / "fields.toml"
    path.write_text(text, encoding="utf-8")
    return path


def words_of(pdf: Path) -> list[str]:
    with closing(pdfium.PdfDocument(pdf)) as document:
        return [" ".join(page.get_textpage().get_text_bounded().split()) for page in document]


def codes_of(pdf: Path) -> list[PrintedCode | None]:
    grey = (np.asarray(cv2.cvtColor(page, cv2.COLOR_BGR2GRAY), np.uint8) for page in rendered(pdf))
    return [from_text(read_codes(page)[0].text) for page in grey]


# --- what is written -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_list_of_fields_becomes_a_form_and_the_template_of_its_boxes(tmp_path: Path) -> None:
    fields = fields_in(tmp_path, METER.replace("digits = 5", "digits = 5\nmax = 9000\nrequired = true"))
    call = ["print", str(fields), "-o", str(tmp_path / "form.pdf"), "--tone", "pale"]
    answer = CliRunner().invoke(app, call)
    assert answer.exit_code == 0, answer.output
    template = load_template(tmp_path / "form.toml")
    assert [(field.name, len(field.boxes), field.decimals) for field in template.fields] == [
        ("customer", 8, (0, 0)),
        ("day", 8, (0, 0)),
        ("gas", 6, (1, 1)),
        ("water", 5, (0, 0)),
        ("account", 20, (0, 0)),
    ]
    assert template.fields[3].required
    assert "at most 9000" in " ".join(map(str, template.fields[3].rules))
    found, _ = find_form([tmp_path / "form.pdf"], "found", [])
    there = np.array(sorted(box for field in found.fields for box in field.boxes))
    asked = np.array(sorted(box for field in template.fields for box in field.boxes))
    assert np.abs(there - asked).max() < 1.0, "each printed box lies where the template says, to a pixel of 300 dpi"
    assert codes_of(tmp_path / "form.pdf") == [PrintedCode("meters", 1, "")]
    assert "Customer number" in words_of(tmp_path / "form.pdf")[0]
    assert CliRunner().invoke(app, call).exit_code == 2, "nothing is written over"


@pytest.mark.slow
def test_the_same_list_gives_the_same_bytes(tmp_path: Path) -> None:
    fields = fields_in(tmp_path, METER)
    first, second = (print_form(fields, tmp_path / "form.pdf", copies=2) for _ in range(2))
    assert first.pdf == second.pdf
    assert b"/CreationDate (D:1970" in first.pdf


def test_what_is_printed_stands_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        HEAD
        + '''
instructions = """
[[text]]
"""
[[text]]
heading = "One"
[[field]]  # [[table]]
name = "two"
digits = 2
[[text]]
text = ["Three.", "Four."]
[[table]]
rows = 1
columns = [{name = "five", digits = 1}]
[["text"]]
heading = "Six"
'''
    )
    pdf = tmp_path / "form.pdf"
    write_form(print_form(fields_in(tmp_path, text), pdf), pdf)
    order = [re.search(rf"\b{word}\b", words_of(pdf)[0]) for word in ("One", "two", "Three", "Four", "five", "Six")]
    starts = [match.start() for match in order if match]
    assert len(starts) == 6
    assert starts == sorted(starts)


def test_copies_have_numbers_and_people_their_own(tmp_path: Path) -> None:
    text = HEAD + 'title = "Visit of {name}"\n' + FIELD.format("weight", 3) + 'label = "{{kg}}, ward {ward}"\n'
    people = tmp_path / "people.csv"
    people.write_text("name;ward\nAda;7\n=1+1;12\n", encoding="utf-8-sig")
    pdf = tmp_path / "form.pdf"
    call = ["print", str(fields_in(tmp_path, text)), "-o", str(pdf), "--data", str(people), "--number-from", "9"]
    answer = CliRunner().invoke(app, call)
    assert answer.exit_code == 0, answer.output
    assert codes_of(pdf) == [PrintedCode("visit", 1, "0009"), PrintedCode("visit", 1, "0010")]
    assert ["Visit of Ada" in page and "{kg}, ward 7" in page for page in words_of(pdf)] == [True, False]
    serials = (tmp_path / "form-serials.csv").read_text(encoding="utf-8")
    assert serials.splitlines() == ["name,ward,serial", "Ada,7,0009", "'=1+1,12,0010"]
    assert (tmp_path / "form-serials.csv").stat().st_mode & 0o077 == 0 or sys.platform == "win32"
    reference = cv2.imread(str(tmp_path / "form.png"), cv2.IMREAD_GRAYSCALE)
    assert reference is not None
    assert not read_codes(np.asarray(reference, np.uint8)), "the reference shows nothing that differs from copy to copy"
    assert 'name = "serial"\nkind = "barcode"' in (tmp_path / "form.toml").read_text(encoding="utf-8")


def test_a_class_list_goes_over_pages_with_its_head(tmp_path: Path) -> None:
    names = [f"Pupil {chr(65 + k // 26)}{chr(97 + k % 26)}" for k in range(60)]
    (tmp_path / "class.csv").write_text("no,name\n" + "".join(f"{k},{n}\n" for k, n in enumerate(names)), "utf-8")
    text = HEAD + '[[table]]\nrows = {file = "class.csv", column = "name"}\n'
    text += 'columns = [{name = "mark", label = "Points", digits = 2, max = 20}]\n'
    pdf = tmp_path / "form.pdf"
    result = print_form(fields_in(tmp_path, text), pdf)
    write_form(result, pdf)
    pages = words_of(pdf)
    assert len(pages) == 3
    assert all("Points" in page and f"Page {number} of 3" in page for number, page in enumerate(pages, 1))
    assert [name for page in pages for name in re.findall(r"Pupil \w\w", page)] == names
    assert [code.page for code in codes_of(pdf) if code] == [1, 2, 3]
    assert [field.name for field in result.form.fields][:2] == ["row01_mark", "row02_mark"]


def test_rows_may_have_names_of_the_fields_file(tmp_path: Path) -> None:
    text = HEAD + '[[table]]\nrows = ["Glucose", "Sodium of {ward}"]\ncolumns = [{name = "value", digits = 3}]\n'
    people = tmp_path / "people.csv"
    people.write_text("ward\n7\n", encoding="utf-8")
    pdf = tmp_path / "form.pdf"
    write_form(print_form(fields_in(tmp_path, text), pdf, people=people), pdf)
    assert "Glucose" in words_of(pdf)[0]
    assert "Sodium of 7" in words_of(pdf)[0]


def test_the_sample_is_printed(tmp_path: Path) -> None:
    fields = Path(__file__).parent.parent / "samples" / "own-form" / "fields.toml"
    assert print_form(fields, tmp_path / "form.pdf").template.count("[[field]]") == 22


# --- letters ---------------------------------------------------------------------------------------------------------


def font_with(letter: str, path: Path) -> Path:
    """Make a font that has a black square for one letter."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for point in ((0, 700), (700, 700), (700, 0)):
        pen.lineTo(point)
    pen.closePath()
    square = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({ord(letter): "square"})
    builder.setupGlyf({".notdef": square, "square": square})
    builder.setupHorizontalMetrics({".notdef": (800, 0), "square": (800, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Square", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200)
    builder.setupPost()
    builder.save(path)
    return path


def test_a_letter_that_no_font_has_is_named_and_a_font_given_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("formreader.printing.letters._installed", lambda: iter(()))
    fields = fields_in(tmp_path, HEAD + FIELD.format("weight", 3) + 'label = "भार"\n')
    with pytest.raises(UnusableCall, match=r"field 'weight': .* letter 'भ' \(U\+092D, Devanagari\); .*--font"):
        print_form(fields, tmp_path / "form.pdf")
    font = font_with("重", tmp_path / "square.ttf")
    fields = fields_in(tmp_path, HEAD + FIELD.format("weight", 3) + 'label = "重 kg"\n')
    pdf = tmp_path / "form.pdf"
    write_form(print_form(fields, pdf, fonts=[font]), pdf)
    assert "重 kg" in words_of(pdf)[0]
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    with pytest.raises(UnusableCall, match=r"broken\.ttf: cannot be used as a font"):
        print_form(fields, pdf, fonts=[tmp_path / "broken.ttf"])


def test_a_form_from_right_to_left_keeps_digits_from_left_to_right(tmp_path: Path) -> None:
    text = HEAD.replace("visit", "زيارة") + 'direction = "rtl"\ntitle = "سجل الزيارة"\n'
    text += FIELD.format("first", 3) + 'label = "رقم المريض"\n' + FIELD.format("second", 3)
    pdf = tmp_path / "form.pdf"
    write_form(print_form(fields_in(tmp_path, text), pdf), pdf)
    first, second = (np.array(field.boxes) for field in load_template(tmp_path / "form.toml").fields)
    assert (np.diff(first[:, 0]) > 0).all()
    assert second[:, 0].max() < first[:, 0].min()
    assert codes_of(pdf) == [PrintedCode("زيارة", 1, "")]


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", r"form: the table \[form\] is missing"),
        (HEAD, "it has no field"),
        (HEAD + 'titel = "x"\n' + FIELD.format("a", 1), r"form: unknown key 'titel' \(did you mean 'title'\?\)"),
        (HEAD + 'tone = "pail"\n' + FIELD.format("a", 1), r"form: 'tone' should be .*\(did you mean 'pale'\?\)"),
        (HEAD + FIELD.format("a b", 1), "field 'a b': a name should be"),
        (HEAD + FIELD.format("serial", 1), "field 'serial': the name 'serial' is that of"),
        (HEAD + FIELD.format("a", 1) * 2, "field 'a': fields number 1 and 2 have this one name"),
        (HEAD + FIELD.format("a", 99), "field 'a': 'digits' should be"),
        (HEAD + '[[field]]\nname = "a"\n', "field 'a': it needs 'digits'"),
        (HEAD + FIELD.format("a", 2) + "decimals = 2\n", "field 'a': 'decimals' should be less than 'digits'"),
        (HEAD + FIELD.format("a", 2) + 'max = "x"\n', "field 'a': 'max'"),
        (HEAD + FIELD.format("a", 2) + 'patern = "(\\n"\n', r"unknown key 'patern' \(did you mean 'pattern'\?\)"),
        (HEAD + FIELD.format("a", 2) + 'options = ["x"]\n', "'options' does not go with kind \"digits\""),
        (HEAD + '[[field]]\nname = "a"\nkind = "choice"\n', "field 'a': it needs 'options'"),
        (HEAD + '[[field]]\nname = "a"\nkind = "choice"\noptions = ["x"]\nmin = 2\n', "'min' does not go with kind"),
        (HEAD + FIELD.format("a", 2) + '[[check]]\nsum = ["b"]\nequals = "a"\n', "check number 1: .*'b'"),
        (HEAD + "check = 3\n" + FIELD.format("a", 2), "form: unknown key 'check'"),
        (HEAD + FIELD.format("a", 2) + "[[text]]\n", "text number 1: it says nothing"),
        (HEAD + "[[table]]\nrows = 2\ncolumns = [1]\n", "table number 1: 'columns' is a list of fields"),
        (HEAD + '[[table]]\nrows = {file = "no.csv", column = "x"}\ncolumns = [{name = "a", digits = 1}]\n', "no.csv"),
        (HEAD + FIELD.format("a", 2) + 'label = "{name}"\n', "field 'a': '{name}': there is no --data file"),
        (HEAD + FIELD.format("a", 2) + 'label = "a\\u202eb"\n', r"U\+202E cannot be printed"),
        (HEAD + FIELD.format("a", 36), "field 'a': it is 251 mm wide, and the page has room for 182 mm"),
        (HEAD + FIELD.format("a", 2) + 'label = "' + "word " * 900 + '"\n', "field 'a': it is .* mm high"),
        (HEAD + FIELD.format("a", 2) + 'one_of = {file = "../x.csv", column = "x"}\n', "should lie in the folder"),
        (HEAD.replace("visit", "ж" * 90) + FIELD.format("a", 2), "too long for the QR code"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableCall) as refusal:
        print_form(fields_in(tmp_path, text), tmp_path / "form.pdf", fonts=())
    assert re.search(problem, str(refusal.value)), str(refusal.value)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = HEAD + FIELD.format("a", 2) + "min = 5\nmax = 1\n[[field]]\ndigits = 2\n" + FIELD.format("c", 0)
    with pytest.raises(TemplateError) as refusal:
        read_fields(fields_in(tmp_path, text))
    assert [line.split(":")[0].strip() for line in str(refusal.value).splitlines()] == [
        "fields.toml",
        "field number 2",
        "field 'c'",
        "field 'a'",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"name,serial\nAda,1\n", "the column 'serial'"),
        (b"name\n\xff\n", "not UTF-8"),
        (b"name,ward\nAda\n", "row 2 has 1 cells"),
        (b"name\n", "and rows below"),
        (b"nam\nAda\n", r"no such column \(did you mean 'nam'\?\)"),
        (b"name\n" + b"x" * 600 + b"\n", "600 letters"),
    ],
)
def test_a_list_of_people_that_cannot_be_used_is_refused(content: bytes, problem: str, tmp_path: Path) -> None:
    fields = fields_in(tmp_path, HEAD + FIELD.format("a", 2) + 'label = "{name}"\n')
    (tmp_path / "people.csv").write_bytes(content)
    with pytest.raises(UnusableCall, match=problem):
        print_form(fields, tmp_path / "form.pdf", people=tmp_path / "people.csv")


def test_without_the_extra_printing_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fpdf", None)
    with pytest.raises(UnusableCall, match=r"pip install 'formreader\[print\]'"):
        print_form(fields_in(tmp_path, METER), tmp_path / "form.pdf")


# --- what lies where -------------------------------------------------------------------------------------------------

WORDS = st.text("abcdefghij äö.,", min_size=1, max_size=60).map(lambda text: f"x{text}")
KINDS_OF_FIELD: dict[str, Any] = {
    "digits": st.integers(1, 20),
    "options": st.lists(WORDS, min_size=1, max_size=6, unique=True).map(tuple),
}


@st.composite
def askeds(draw: st.DrawFn) -> Asked:
    kinds: list[Kind] = ["digits", "digits", "choice", "key", "image"]
    kind = draw(st.sampled_from(kinds))
    digits = draw(KINDS_OF_FIELD["digits"]) if kind == "digits" else 0
    return Asked(
        name="a",
        label=draw(WORDS),
        hint=draw(st.just("") | WORDS),
        kind=kind,
        digits=digits,
        decimals=draw(st.integers(0, digits - 1)) if digits > 1 else 0,
        letters="D" * digits if draw(st.booleans()) else "",
        options=draw(KINDS_OF_FIELD["options"]) if kind == "choice" else (),
        bubbles=draw(st.booleans()),
        new_page=draw(st.integers(0, 9)) == 0,
    )


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    rows = tuple(draw(st.lists(WORDS, min_size=1, max_size=30)))
    columns = [
        Asked("c", draw(WORDS), kind="digits", digits=draw(st.integers(1, 5)), letters="", layout="")
        for _ in range(draw(st.integers(1, 2)))
    ]
    if draw(st.booleans()):
        columns.append(Asked("o", draw(WORDS), kind="choice", options=("yes", "no")))
    if draw(st.booleans()):
        columns.append(Asked("t", "At", kind="digits", digits=4, layout="HHMM", letters="HHMM"))
    return Grid(draw(st.just("") | WORDS), draw(WORDS), rows, tuple(tuple(columns) for _ in rows))


@st.composite
def forms(draw: st.DrawFn) -> Form:
    texts = st.builds(Words, st.just("") | WORDS, st.lists(WORDS, max_size=3).map(tuple))
    items: list[Item] = draw(st.lists(st.one_of(askeds(), askeds(), grids(), texts), min_size=1, max_size=14))
    paper, rtl = draw(st.sampled_from(["A4", "Letter"])), draw(st.booleans())
    return Form("form", draw(WORDS), tuple(draw(st.lists(WORDS, max_size=3))), tuple(items), paper=paper, rtl=rtl)


def apart(first: Place, second: Place) -> float:
    """Give the clear space between two places, in millimetres; negative where they overlap."""
    (ax, ay, aw, ah), (bx, by, bw, bh) = first, second
    return max(bx - ax - aw, ax - bx - bw, by - ay - ah, ay - by - bh)


def places_of(layout: Layout, page: int) -> Iterator[tuple[str, Place]]:
    sheet = layout.sheets[page]
    yield from (("box", frame.place) for frame in sheet.parts.frames)
    yield from (("text", text.place) for text in sheet.parts.texts)
    yield from (("marker", place) for place in sheet.marks)
    yield "code", sheet.code


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(forms())
def test_nothing_lies_on_anything_else_or_leaves_the_margins(form: Form) -> None:
    with Setter(fonts_for(form, ()), form.rtl) as setter:
        layout = laid_out(form, setter, modules=29)
        for text in (text for sheet in layout.sheets for text in sheet.parts.texts):
            lines = setter.lines(text.words, text.style, text.place[2])
            assert len(lines) * text.style.line_mm <= text.place[3] + 0.01
            assert all(setter.width(line, text.style) <= text.place[2] + 0.01 for line in lines)
    least = {"box box": 0.6, "box marker": 4.0, "box code": 1.0, "marker text": 2.0, "code marker": 1.0}
    for page in range(len(layout.sheets)):
        places = list(places_of(layout, page))
        for number, (kind, place) in enumerate(places):
            x, y, width, height = place
            margin = 7.0 if kind == "code" else 10.0  # the code's quiet zone may reach into the white margin
            assert x >= margin - 0.01
            assert y >= margin - 0.01
            assert x + width <= layout.paper[0] - margin + 0.01
            assert y + height <= layout.paper[1] - margin + 0.01
            for other_kind, other in places[number + 1 :]:
                kinds = " ".join(sorted((kind, other_kind)))
                assert apart(place, other) >= least.get(kinds, 0.0) - 0.01, f"{kinds}: {place} {other}"
    for one in (one for sheet in layout.sheets for one in sheet.parts.written):
        assert len(one.boxes) == max(one.asked.digits, len(one.asked.options), 1)


# --- and back --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tone", ["black", "pale"])
@pytest.mark.parametrize("kind", [*KINDS])
@pytest.mark.slow
def test_what_is_written_on_a_printed_form_is_read(kind: str, tone: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    form, template = printed(KINDS[kind], tmp_path, tone=tone)
    values = {field.name: "".join(map(str, rng.integers(0, 10, len(field.boxes)))) for field in form.fields}
    filled = fill(form, values, rng, crossing=0)
    scan = filled.scan(Wear(dpi=200, skew_degrees=0.8, blur_mm=0.05, noise=2, contrast=0.9, jpeg_quality=70), rng)
    reading = read_page(Page(PageRef(tmp_path / "scan.png"), scan.pixels), template, load_model(default_model_path()))
    right = [one.value.replace(".", "") == values[one.name] for one in reading.fields]
    silent = [one.name for one, ok in zip(reading.fields, right, strict=True) if not ok and not one.reasons]
    assert not silent
    assert np.mean(right) > 0.95
