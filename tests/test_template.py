"""A template is read as written, written as it can be read, and every mistake in it is named with its place."""

from __future__ import annotations

import copy
import pickle
import string
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formreader.errors import TemplateError
from formreader.template import Field, Markers, Rectangle, Template, load_template, save_template

WIDTH, HEIGHT = 600, 800

FORM = """
[form]
name = "visit-record"
reference = "blank.png"
width = 600
height = 800
dpi = 72
"""
FIELD = """
[[field]]
name = "patient_id"
boxes = [[20, 20, 30, 40], [60.5, 20, 30, 40]]
"""
MARKERS = """
[form.markers]
kind = "squares"
centres = [[20, 20], [580, 20], [580, 780], [20, 780]]
size = 12.5
"""
ARUCO = MARKERS.replace("squares", "aruco")
NO_REFERENCE = FORM.replace('reference = "blank.png"\n', "")


def blank() -> np.ndarray[Any, np.dtype[np.uint8]]:
    picture = np.full((HEIGHT, WIDTH), 255, np.uint8)
    cv2.rectangle(picture, (20, 20), (50, 60), 0, 2)
    return picture


def written(folder: Path, text: str) -> Path:
    cv2.imwrite(str(folder / "blank.png"), blank())
    path = folder / "template.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[str]:
    """Every line of the refusal but the first, which counts them."""
    with pytest.raises(TemplateError) as caught:
        load_template(written(folder, text))
    first, *lines = str(caught.value).splitlines()
    assert first == f"template.toml: {len(lines)} problem{'s' * (len(lines) != 1)}"
    return [line.removeprefix("  ") for line in lines]


def test_a_template_is_read_as_written(tmp_path: Path) -> None:
    wide = '[[field]]\nname = "betrag.€"\nbox = [20, 100, 200, 50]\nlength = [1, 5]\n'
    wide = wide.replace(".€", "_ä") + 'required = true\nfiller = ["X", "-"]\nfiller_only = "zero"\n'
    template = load_template(written(tmp_path, FORM + FIELD + wide))
    assert (template.name, template.width, template.height, template.dpi) == ("visit-record", 600, 800, 72)
    assert template.fields == (
        Field("patient_id", ((20, 20, 30, 40), (60.5, 20, 30, 40))),
        Field("betrag_ä", ((20, 100, 200, 50),), (1, 5), True, ("X", "-"), "zero"),
    )
    assert template.reference is not None
    np.testing.assert_array_equal(template.reference, blank())
    assert template.path == (tmp_path / "template.toml").resolve()
    assert template.markers is None


def test_markers_take_the_place_of_a_reference(tmp_path: Path) -> None:
    squares = load_template(written(tmp_path, NO_REFERENCE + MARKERS + FIELD))
    assert squares.reference is None
    assert squares.markers == Markers("squares", ((20, 20), (580, 20), (580, 780), (20, 780)), 12.5)
    aruco = ARUCO + 'dictionary = "4X4_50"\nids = [0, 1, 2, 3]\n'
    read = load_template(written(tmp_path, NO_REFERENCE + aruco + FIELD)).markers
    assert read is not None
    assert (read.kind, read.dictionary, read.ids) == ("aruco", "4X4_50", (0, 1, 2, 3))


@pytest.mark.parametrize(
    ("paper", "width", "height", "dpi"),
    [("A4", 2480, 3508, 300), ("A4", 3508, 2480, 300), ("Letter", 1700, 2200, 200), ("A3", 3508, 4961, 300)],
)
def test_the_paper_gives_the_resolution(tmp_path: Path, paper: str, width: int, height: int, dpi: int) -> None:
    text = NO_REFERENCE.replace("600", str(width)).replace("800", str(height)).replace("dpi = 72", f'paper = "{paper}"')
    assert load_template(written(tmp_path, text + MARKERS + FIELD)).dpi == pytest.approx(dpi, rel=0.001)


@pytest.mark.parametrize("ending", ["png", "jpg", "tif"])
def test_the_reference_may_be_any_picture(tmp_path: Path, ending: str) -> None:
    path = written(tmp_path, FORM.replace("blank.png", f"blank.{ending}") + FIELD)
    cv2.imwrite(str(tmp_path / f"blank.{ending}"), blank())
    reference = load_template(path).reference
    assert reference is not None
    assert np.abs(reference.astype(int) - blank()).mean() < 2


def test_all_problems_are_named_at_once_with_their_places(tmp_path: Path) -> None:
    text = f"""
{FORM.replace("blank.png", "gone.png")}
widht = 7
[[field]]
name = "amount"
box = [20, 900, 420, 110]
lenght = 5
[[field]]
name = "date"
boxes = [[590, 20, 30, 40]]
date = "DD.MM.YYYY"
[[field]]
name = "code"
boxes = [[300, 20, 30, 40], [10, 10, 0, 5]]
[[field]]
name = "code"
boxes = [[100, 200, 30, 40]]
box = [100, 300, 30, 40]
"""
    assert problems(tmp_path, text) == [
        "form: unknown key 'widht' (did you mean 'width'?)",
        "field 'amount': unknown key 'lenght' (did you mean 'length'?)",
        "field 'amount': box lies outside the page of 600 x 800: [20, 900, 420, 110]",
        "field 'date': box 1 lies outside the page of 600 x 800: [590, 20, 30, 40]",
        "field 'date': 'date' should be one of DDMMYYYY, DDMMYY, YYYYMMDD, MMDDYYYY, MMYYYY, YYYY, HHMM, not "
        "'DD.MM.YYYY'",
        "field 'code': box 2 has no size: width 0, height 5",
        "field 'code': give either 'boxes' (one a digit) or 'box' (one for several digits)",
        "field 'code': fields number 3 and 4 have this one name",
        "form: reference 'gone.png' cannot be read (No such file or directory)",
    ]


FIELD_MISTAKES = {
    'name = "a"\nboxes = [[590, 20, 30, 40]]': "box 1 lies outside the page of 600 x 800: [590, 20, 30, 40]",
    'name = "a"\nboxes = [[-1, 20, 30, 40]]': "box 1 lies outside the page of 600 x 800: [-1, 20, 30, 40]",
    'name = "a"\nbox = [0, 790, 30, 40]\nlength = 2': "box lies outside the page of 600 x 800: [0, 790, 30, 40]",
    'name = "a"\nboxes = [[1, 2, 0, 4]]': "box 1 has no size: width 0, height 4",
    'name = "a"\nboxes = [[9, 9, 9, -4]]': "box 1 has no size: width 9, height -4",
    'name = "a"\nboxes = [[1, 2, 3]]': "'boxes' number 1 should be",
    'name = "a"\nboxes = [[1, 2, nan, 4]]': "'boxes' number 1 should be a finite number, not nan",
    'name = "a"\nboxes = []': "'boxes' is empty",
    'name = "a"': "give either 'boxes'",
    'name = "a"\nboxes = [[1, 2, 3, 4]]\nbox = [9, 9, 9, 9]\nlength = 2': "give either 'boxes'",
    'name = "a"\nboxes = [[1, 2, 3, 4]]\nlength = 1': "'length' belongs to 'box'",
    'name = "a"\nbox = [1, 2, 3, 4]': "'box' needs a 'length'",
    'name = "a"\nbox = [1, 2, 3, 4]\nlength = 3\ndecimals = 4': "'decimals' should be 1 to 3",
    'name = "a"\nbox = [1, 2, 3, 4]\nlength = 3\ndecimals = 0': "'decimals' should be 1 to 3",
    'name = "a"\nbox = [1, 2, 3, 4]\nlength = 3\ndecimals = "1"': "'decimals' is a number of digits right of the point",
    'name = "a"\nbox = [1, 2, 3, 4]\nlength = 3\npoint = 2': "'point' needs 'decimals'",
    'name = "a"\nbox = [1, 2, 3, 4]\nlength = 3\ndecimals = 1\npoint = 9': "'point' lies outside the box",
    'name = "a"\nbox = [1, 2, 3, 4]\nlength = 3\ndecimals = 1\npoint = "here"': "'point' is \"written\", or where",
    'name = "a"\nboxes = [[1, 2, 3, 4]]\ndecimals = 2': "'decimals' should be 1 to 1; not 2",
    'name = "a"\nboxes = [[1, 2, 3, 4]]\ndecimals = 1\npoint = 2': "'point' belongs to 'box'; of 'boxes'",
    'name = "a"\nbox = [1, 2, 3, 4]\nlength = 0': "'length' should be 1 to 20, least before most, not 0",
    'name = "a"\nbox = [1, 2, 3, 4]\nlength = 21': "'length' should be 1 to 20",
    'name = "a"\nbox = [1, 2, 3, 4]\nlength = [5, 1]': "'length' should be 1 to 20, least before most, not [5, 1]",
    'name = "a"\nbox = [1, 2, 3, 4]\nlength = "5"': "'length' is a number of digits, or [least, most]",
    'name = "a"\nboxes = [[1, 2, 3, 4]]\nfiller = ["Y"]': "'filler' number 1 should be 'X' or '-', not 'Y'",
    'name = "a"\nboxes = [[1, 2, 3, 4]]\nfiller = ["X", "X"]': "'filler' names a mark twice",
    'name = "a"\nboxes = [[1, 2, 3, 4]]\nrequired = "yes"': "'required' should be",
    'name = "a"\nbox = [1, 2, 3, 4]\nkind = "kye"': "'kind' should be 'digits', 'key', 'choice', 'barcode' or 'image'",
    'name = "a"\nboxes = [[1, 2, 3, 4]]\nfiler = ["X"]': "unknown key 'filer' (did you mean 'filler'?)",
    'name = "a"\nboxes = [[1, 2, 3, 4]]\nzzz = 1': "unknown key 'zzz'",
    'name = "a"\nboxes = [[10, 10, 20, 20], [15, 10, 20, 20]]': "box 1 lies on box 2 of field 'a'",
}


@pytest.mark.parametrize(("text", "problem"), FIELD_MISTAKES.items())
def test_a_mistake_in_a_field_is_named(tmp_path: Path, text: str, problem: str) -> None:
    (only,) = problems(tmp_path, f"{FORM}\n[[field]]\n{text}\n")
    assert only.startswith(f"field 'a': {problem}")


@pytest.mark.parametrize(
    "name", ["scan", "Page", "status", "review", "two words", "", "-x", "=1+1", "a,b", "a/b", "a" * 101]
)
def test_a_name_that_cannot_be_a_column_is_refused(tmp_path: Path, name: str) -> None:
    (only,) = problems(tmp_path, f'{FORM}\n[[field]]\nname = "{name}"\nboxes = [[1, 2, 3, 4]]\n')
    assert only.startswith(f"field '{name}': " if name else "field number 1: ")


@pytest.mark.parametrize("name", ["a", "10.b-2", "größe_2", "Имя", "数字", "नाम", "_05"])
def test_names_may_be_of_any_script(tmp_path: Path, name: str) -> None:
    text = f'{FORM}\n[[field]]\nname = "{name}"\nboxes = [[1, 2, 3, 4]]\n'
    assert load_template(written(tmp_path, text)).fields[0].name == name


FORM_MISTAKES = [
    (FORM, "template: it has no field"),
    (FORM.replace("width = 600\n", "") + FIELD, "form: 'width' is missing"),
    (FORM.replace("600", "60000") + FIELD, "form: 'width' should be less than or equal to 30000, not 60000"),
    (FORM.replace("600", "-6") + FIELD, "form: 'width' should be greater than or equal to 1, not -6"),
    (FORM.replace("600", "601") + FIELD, "form: reference 'blank.png' has 600 x 800 pixels, the form 601 x 800"),
    (FORM.replace("dpi = 72", "") + FIELD, "form: give either 'dpi' or 'paper'"),
    (FORM.replace("dpi = 72", 'paper = "A9"') + FIELD, "form: 'paper' should be 'A3', 'A4'"),
    (FORM.replace("dpi = 72", 'dpi = 72\npaper = "A4"') + FIELD, "form: give either 'dpi' or 'paper'"),
    (FORM.replace("blank.png", "gone.png") + FIELD, "form: reference 'gone.png' cannot be read"),
    (FORM.replace("blank.png", "template.toml") + FIELD, "form: reference template.toml: no PNG"),
    (FORM.replace("blank.png", "../blank.png") + FIELD, "form: 'reference' should not leave the template's folder"),
    (FORM.replace("blank.png", "..\\\\blank.png") + FIELD, "form: 'reference' should not leave the template's folder"),
    (FORM.replace("blank.png", "/etc/x.png") + FIELD, "form: 'reference' should name a picture in the template's fold"),
    (FORM.replace("blank.png", "C:/x.png") + FIELD, "form: 'reference' should name a picture in the template's folder"),
    (FORM.replace('"blank.png"', "7") + FIELD, "form: 'reference' is the name of a picture, or a list of them"),
    (NO_REFERENCE + FIELD, "form: it needs a 'reference' picture or [form.markers]"),
    (NO_REFERENCE + "reference_filled = true\n" + MARKERS + FIELD, "form: 'reference_filled' says"),
    (FORM + 'gather = "qr"\n' + FIELD, "form: 'gather' belongs to forms of several pages"),
    (FORM.replace("visit-record", "a/b") + FIELD, "form: 'name' should be"),
    (FORM + FIELD + "[[feild]]\n", "template: unknown key 'feild' (did you mean 'field'?)"),
    (FORM + FIELD.replace("[[field]]", "[field]"), "field: write [[field]], with two brackets"),
    (FORM + MARKERS.replace("780]]", "900]]") + FIELD, "form: markers: centre number 4 lies outside the page"),
    (FORM + MARKERS.replace(", [20, 780]]", "]") + FIELD, "form.markers: 'centres' should"),
    (FORM + MARKERS.replace("size", "sise") + FIELD, "form.markers: 'size' is missing"),
    (FORM + MARKERS.replace("[580, 20], [580, 780]", "[580, 780], [580, 20]") + FIELD, "form: markers: the centres"),
    (FORM + ARUCO + "ids = [1, 2, 3, 4]\n" + FIELD, "form: markers: 'dictionary' should be one that OpenCV knows"),
    (
        FORM + ARUCO + 'dictionary = "dict_4x4_50"\nids = [1, 2, 3, 4]\n' + FIELD,
        "form: markers: 'dictionary' should be one that OpenCV knows, such as \"4X4_50\", not 'dict_4x4_50'",
    ),
    (
        FORM + ARUCO + 'dictionary = "4X4_50"\nids = [1, 2, 3, 50]\n' + FIELD,
        "form: markers: 'ids' of dictionary \"4X4_50\" go from 0 to 49, not 50",
    ),
    (FORM + ARUCO + 'dictionary = "4X4_50"\n' + FIELD, "form: markers: aruco needs four"),
    (FORM + MARKERS.replace("squares", "rings") + FIELD, "form.markers: 'kind' should be 'squares' or 'aruco'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), FORM_MISTAKES)
def test_a_mistake_in_the_form_is_named(tmp_path: Path, text: str, problem: str) -> None:
    assert any(line.startswith(problem) for line in problems(tmp_path, text))


def test_boxes_of_two_fields_on_one_another_are_refused_and_touching_ones_are_not(tmp_path: Path) -> None:
    other = FIELD.replace("patient_id", "other")
    assert problems(tmp_path, FORM + FIELD + other.replace("[20, 20,", "[25, 22,").replace("60.5", "160")) == [
        "field 'patient_id': box 1 lies on box 1 of field 'other'"
    ]
    assert len(load_template(written(tmp_path, FORM + FIELD + other.replace(" 20, 30", " 60, 30"))).fields) == 2


def test_a_file_that_is_no_template_says_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"absent\.toml: cannot be read \(No such file"):
        load_template(tmp_path / "absent.toml")
    with pytest.raises(TemplateError, match=r"no valid TOML: .*line 9"):
        load_template(written(tmp_path, FORM + "boxes = [[1, 2\n="))
    (tmp_path / "latin.toml").write_bytes(FORM.replace("visit", "café").encode("latin-1"))
    with pytest.raises(TemplateError, match="not UTF-8"):
        load_template(tmp_path / "latin.toml")


def test_a_file_saved_by_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, FORM + FIELD)
    path.write_bytes(b"\xef\xbb\xbf" + (FORM + FIELD).replace("\n", "\r\n").encode())
    assert load_template(path).name == "visit-record"


# --- writing ---------------------------------------------------------------------------------------------------------


def in_memory(**changes: Any) -> Template:
    fields = (Field("a", ((20, 20, 30, 40), (60.5, 20, 30, 40))),)
    return replace(Template("form", WIDTH, HEIGHT, 72.0, fields, blank()), **changes)


def test_what_is_written_can_be_read_and_edited_by_people(tmp_path: Path) -> None:
    save_template(in_memory(), tmp_path / "visit.toml")
    assert (tmp_path / "visit.toml").read_text(encoding="utf-8").splitlines()[3:] == [
        "[form]",
        'name = "form"',
        'reference = "visit.png"',
        "reference_filled = false",
        "width = 600",
        "height = 800",
        "dpi = 72",
        "",
        "[[field]]",
        'name = "a"',
        "boxes = [",
        "    [20, 20, 30, 40],",
        "    [60.5, 20, 30, 40],",
        "]",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["visit.png", "visit.toml"]


def test_the_reference_may_be_named(tmp_path: Path) -> None:
    save_template(in_memory(), tmp_path / "t.toml", reference="blank form.png")
    assert load_template(tmp_path / "t.toml") == in_memory()
    assert (tmp_path / "blank form.png").is_file()


@pytest.mark.parametrize(
    "changes",
    [
        {"fields": ()},
        {"fields": (Field("two words", ((1, 2, 3, 4),)),)},
        {"fields": (Field("a", ((1, 2, 3, 4), (20, 2, 3, 4)), (2, 5)),)},
        {"width": 601},
        {"reference": None},
    ],
)
def test_a_template_that_could_not_be_read_again_is_not_written(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match=r"t\.toml: \d problem"):
        save_template(in_memory(**changes), tmp_path / "t.toml")
    assert list(tmp_path.iterdir()) == []


@st.composite
def templates(draw: st.DrawFn) -> Template:
    letters = string.ascii_letters + string.digits + "_äßЖ数"
    names = draw(st.lists(st.text(letters, min_size=1, max_size=12), min_size=1, max_size=5, unique=True))
    fields = tuple(draw(described(f"n{name}", row)) for row, name in enumerate(names))
    squares = Markers("squares", ((20.25, 20), (580, 20), (580, 780), (20, 780)), draw(st.floats(1, 50)))
    aruco = Markers("aruco", squares.centres, 10.0, "4X4_50", (3, 1, 2, 0))
    markers = draw(st.sampled_from([None, squares, aruco]))
    reference = draw(st.sampled_from([blank(), None] if markers else [blank()]))
    return Template(
        name="".join(draw(st.lists(st.sampled_from("aB é'=#[].-_{}$数"), min_size=1, max_size=20))) + "x",
        width=WIDTH,
        height=HEIGHT,
        dpi=draw(st.floats(50, 1200)),
        fields=fields,
        reference=reference,
        reference_filled=reference is not None and draw(st.booleans()),
        markers=markers,
    )


@st.composite
def described(draw: st.DrawFn, name: str, row: int) -> Field:
    """Draw a field in a row of its own, so that no two overlap."""
    top, side = 10.0 + 60 * row, st.floats(5, 20, allow_subnormal=False) | st.integers(5, 20).map(float)
    boxes: list[Rectangle] = [(10.0 + 25 * k, top, draw(side), draw(side)) for k in range(draw(st.integers(1, 8)))]
    length = draw(st.just((1, 1)) | st.tuples(st.integers(2, 8), st.integers(8, 20)))
    return Field(
        name,
        tuple(boxes) if length == (1, 1) else (boxes[0],),
        length,
        draw(st.booleans()),
        draw(st.sampled_from([(), ("X",), ("-",), ("X", "-")])),
        draw(st.sampled_from(["struck", "blank", "zero"])),
    )


@given(templates())
@settings(max_examples=40, deadline=None)
def test_reading_what_was_written_gives_the_same_template(
    tmp_path_factory: pytest.TempPathFactory, template: Template
) -> None:
    path = tmp_path_factory.mktemp("templates") / "t.toml"
    save_template(template, path)
    again = load_template(path)
    assert again == template
    shown = (again.name, again.dpi, again.fields, again.markers, again.reference_filled)
    assert shown == (template.name, template.dpi, template.fields, template.markers, template.reference_filled)
    assert (again.reference is None) == (template.reference is None)


# --- identity --------------------------------------------------------------------------------------------------------

DIFFERENT: list[dict[str, Any]] = [
    {"name": "other"},
    {"dpi": 73.0},
    {"reference_filled": True},
    {"reference": 255 - blank()},
    {"fields": (Field("a", ((20, 20, 30, 40), (60.25, 20, 30, 40))),)},
    {"fields": (Field("a", ((60.5, 20, 30, 40), (20, 20, 30, 40))),)},
    {"fields": (Field("a", ((20, 20, 30, 40), (60.5, 20, 30, 40)), filler=("X",)),)},
    {"markers": Markers("squares", ((1, 1), (9, 1), (9, 9), (1, 9)), 2.0)},
]


@pytest.mark.parametrize("change", DIFFERENT)
def test_whatever_decides_reading_makes_another_template(change: dict[str, Any]) -> None:
    assert in_memory(**change) != in_memory()
    assert in_memory(**change).fingerprint != in_memory().fingerprint


def test_where_a_template_lies_does_not_make_another(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        save_template(in_memory(), tmp_path / name / f"{name}.toml")
    first, second = (load_template(tmp_path / name / f"{name}.toml") for name in "ab")
    assert first == second == in_memory()
    assert hash(first) == hash(second)
    assert first.path != second.path


def test_a_template_travels_to_another_process_as_its_path(tmp_path: Path) -> None:
    save_template(in_memory(), tmp_path / "t.toml")
    template = load_template(tmp_path / "t.toml")
    packed = pickle.dumps(template)
    assert len(packed) < 1000
    first, second = pickle.loads(packed), pickle.loads(packed)
    assert first == template
    assert first is second  # a worker reads the file once


def test_a_template_changed_on_disk_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    save_template(in_memory(), tmp_path / "t.toml")
    packed = pickle.dumps(load_template(tmp_path / "t.toml"))
    save_template(in_memory(dpi=99.0), tmp_path / "t.toml")
    with pytest.raises(TemplateError, match=r"t\.toml: it was changed since it was read"):
        pickle.loads(packed)


def test_a_template_without_a_path_travels_whole() -> None:
    for again in (pickle.loads(pickle.dumps(in_memory())), copy.copy(in_memory())):
        assert again == in_memory()
        np.testing.assert_array_equal(again.reference, blank())


@pytest.mark.parametrize(
    ("keys", "decimals", "point"),
    [
        ("decimals = 1", (1, 1), None),
        ('decimals = [0, 2]\npoint = "written"', (0, 2), None),
        ("decimals = 2\npoint = 75.5", (2, 2), 75.5),
    ],
)
def test_a_decimal_point_is_declared_and_kept(
    tmp_path: Path, keys: str, decimals: tuple[int, int], point: float | None
) -> None:
    wide = f'[[field]]\nname = "amount"\nbox = [20, 20, 100, 40]\nlength = [2, 5]\n{keys}\n'
    (field,) = load_template(written(tmp_path, FORM + wide)).fields
    assert (field.decimals, field.point) == (decimals, point)
    template = load_template(tmp_path / "template.toml")
    save_template(template, tmp_path / "again.toml")
    assert load_template(tmp_path / "again.toml").fields == (field,)
    plain = load_template(written(tmp_path, FORM + wide.replace(keys, "")))
    assert plain.fingerprint != template.fingerprint


def test_what_is_no_template_at_all_is_refused_however_large_or_deep(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text("a = " + "[" * 20_000)
    with pytest.raises(TemplateError, match="too deeply"):
        load_template(path)
    with path.open("wb") as file:
        file.truncate(20_000_000)
    with pytest.raises(TemplateError, match="larger than 10 MB"):
        load_template(path)
