"""Templates of forms of several pages: a template a page, and every mistake in what is said of the pages named."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from formreader.errors import TemplateError
from formreader.template import Template, form_of_text, load_form, load_template, load_templates, save_form

SIDES = (600, 800)
HEAD = '[form]\nname = "visit"\nwidth = 600\nheight = 800\ndpi = 72\n'
TWO = HEAD + 'reference = ["p1.png", "p2.png"]\n'
ONE = '[[field]]\nname = "id"\nboxes = [[20, 20, 30, 40]]\n'
OTHER = '[[field]]\npage = 2\nname = "total"\nboxes = [[20, 20, 30, 40]]\n'
MARKERS = (
    '[form.markers]\nkind = "aruco"\ndictionary = "4X4_50"\nsize = 30\n'
    "centres = [[20, 20], [580, 20], [580, 780], [20, 780]]\n"
)


def pictures(folder: Path) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    made = []
    for page in (1, 2):
        picture = np.full(SIDES[::-1], 255, np.uint8)
        cv2.rectangle(picture, (20, 20), (50, 60), 0, 1 + page)
        cv2.imwrite(str(folder / f"p{page}.png"), picture)
        made.append(picture)
    return made


def written(folder: Path, text: str) -> Path:
    path = folder / "visit.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["list", "tiff", "pdf"])
def test_each_page_has_a_template_of_its_own(tmp_path: Path, kind: str) -> None:
    shown = pictures(tmp_path)
    sheets = [Image.fromarray(picture) for picture in shown]
    if kind != "list":
        dpi = {"dpi": (72, 72)} if kind == "tiff" else {"resolution": 72}
        sheets[0].save(tmp_path / f"blank.{kind}", save_all=True, append_images=sheets[1:], **dpi)
    text = TWO if kind == "list" else HEAD + f'reference = "blank.{kind}"\n'
    path = written(tmp_path, text + ONE + OTHER)
    form = load_form(path)
    assert [(one.name, one.form, one.page, one.pages, one.gather) for one in form] == [
        ("visit#1", "visit", 1, 2, "sequence"),
        ("visit#2", "visit", 2, 2, "sequence"),
    ]
    assert [field.name for one in form for field in one.fields] == ["id", "total"]
    for one, picture in zip(form, shown, strict=True):
        assert one.reference is not None
        assert np.abs(one.reference.astype(int) - picture).mean() < 1, "a PDF's picture may be packed with loss"
    assert tuple(pickle.loads(pickle.dumps(form))) == form
    assert load_templates([path]) == form
    with pytest.raises(TemplateError, match="fields on 2 pages"):
        load_template(path)


def test_a_check_belongs_to_the_pages_that_have_all_it_speaks_of(tmp_path: Path) -> None:
    pictures(tmp_path)
    fields = ONE + ONE.replace("[20, 20", "[90, 20").replace('"id"', '"part"') + OTHER
    checks = '[[check]]\ncompare = "part <= id"\n[[check]]\ncompare = "part <= total"\n'
    first, second = load_form(written(tmp_path, TWO + 'gather = "file"\n' + fields + checks))
    assert [str(check) for check in first.checks] == ["part <= id"]
    assert not second.checks
    for one in (first, second):
        assert [str(check) for check in one.across_pages] == ["part <= total"]
    save_form((first, second), tmp_path / "again.toml", ("p1.png", "p2.png"))
    again = load_form(tmp_path / "again.toml")
    assert again == (first, second)
    assert [(one.gather, one.across_pages) for one in again] == [("file", first.across_pages)] * 2


def test_what_only_says_how_pages_are_gathered_is_no_other_template(tmp_path: Path) -> None:
    pictures(tmp_path)
    first, second = (load_form(written(tmp_path, TWO + more + ONE + OTHER)) for more in ("", 'gather = "file"\n'))
    assert first == second
    assert first[0].gather != second[0].gather


def test_markers_may_be_others_on_each_page(tmp_path: Path) -> None:
    ids = "ids = [[0, 1, 2, 3], [4, 5, 6, 7]]\n"
    form = load_form(written(tmp_path, HEAD + MARKERS + ids + ONE + OTHER))
    assert [one.markers and one.markers.ids for one in form] == [(0, 1, 2, 3), (4, 5, 6, 7)]


def test_a_page_without_fields_has_no_template(tmp_path: Path) -> None:
    pictures(tmp_path)
    (sheet,) = load_form(written(tmp_path, TWO + OTHER))
    assert (sheet.name, sheet.page, sheet.pages) == ("visit#2", 2, 2)


def test_the_text_alone_makes_the_same_sheets(tmp_path: Path) -> None:
    Image.fromarray(pictures(tmp_path)[0]).save(
        tmp_path / "blank.tif", save_all=True, append_images=[Image.new("L", SIDES, 255)] * 2
    )
    text = HEAD + 'reference = "blank.tif"\n' + ONE + OTHER
    names = [one.name for one in load_form(written(tmp_path, text))]
    assert [one.name for one in form_of_text(text)] == names == ["visit#1", "visit#2"]


def mistakes(folder: Path, text: str) -> str:
    pictures(folder)
    with pytest.raises(TemplateError) as caught:
        load_form(written(folder, text))
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (TWO + ONE + OTHER.replace("= 2", "= 3"), "field 'total': 'page' is 3, but the form has 2 pages"),
        (HEAD + 'reference = "p1.png"\n' + ONE + OTHER, "'page' is 2, but the form has one page"),
        (HEAD + 'reference = "p1.png"\npages = 2\n' + ONE, "'reference' should list a picture for each of the 2 pages"),
        (TWO + "pages = 3\n" + ONE, "'reference' lists 2 of the 3 pages"),
        (TWO + "pages = 0\n" + ONE, "form: 'pages' should be greater than or equal to 1"),
        (TWO.replace("p2", "none") + ONE, "form: reference 'none.png' cannot be read"),
        (TWO + OTHER + OTHER, "fields number 1 and 2 have this one name, both on page 2"),
        (TWO + ONE + OTHER + ONE.replace("id", "x"), "field 'id': box 1 lies on box 1 of field 'x'"),
        (TWO + ONE + OTHER.replace("boxes", 'kind = "key"\nboxes'), "none of the fields of page 2 has boxes"),
        (TWO + 'gather = "files"\n' + ONE, "or \"field:\" with a field's name, not 'files' (did you mean 'file'?)"),
        (TWO + 'gather = "field:idd"\n' + ONE, "form: 'gather': 'idd' is no field (did you mean 'id'?)"),
        (TWO + 'gather = "field:id"\n' + ONE + OTHER, "'id' should stand on every page, but it is not on page 2"),
        (TWO + 'gather = "qr"\ncodes = false\n' + ONE, "codes = false says that pages are not searched"),
        (TWO.replace("visit", "visit#2") + ONE, "'name' should not end in # and a number"),
        (HEAD + MARKERS + "ids = [[0, 1, 2, 3], [4, 5, 6]]\n" + ONE + OTHER, "four different 'ids' for page 2"),
        (HEAD + "pages = 2\n" + MARKERS + "ids = [0, 1, 2, 3]\n" + ONE + OTHER, "nothing tells its pages apart"),
        (TWO + MARKERS + "ids = [[0, 1, 2, 3]]\n" + ONE, "'ids' are listed for 1 of the 2 pages"),
    ],
)
def test_a_mistake_about_pages_is_named(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in mistakes(tmp_path, text)


def test_a_reference_of_too_few_pages_is_named(tmp_path: Path) -> None:
    first, second = (Image.fromarray(picture) for picture in pictures(tmp_path))
    first.save(tmp_path / "blank.tif", save_all=True, append_images=[second])
    text = HEAD + 'reference = "blank.tif"\n' + ONE + OTHER
    assert "'blank.tif' has 2 pages, but the template speaks of page 3" in mistakes(
        tmp_path, text.replace("= 2\nname", "= 3\nname")
    )


def test_a_form_is_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    pictures(tmp_path)
    first: Template = load_form(written(tmp_path, TWO + ONE + OTHER))[0]
    with pytest.raises(TemplateError, match="each of its 2 pages"):
        save_form((first,), tmp_path / "half.toml")
    assert not (tmp_path / "half.toml").exists()
