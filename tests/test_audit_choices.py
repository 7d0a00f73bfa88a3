"""Audits of boxes to mark: keyed by the words of their options, and put right like digits."""

from __future__ import annotations

import csv
import hashlib
import sqlite3
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from formreader.audit import Wish, begin, take_over, write_first, write_second
from formreader.audit.keying import key_for, may_lack_zeros
from formreader.audit.verdicts import verdict_on
from formreader.batch_forms import forms_of
from formreader.errors import KeysError, UnusableCall
from formreader.review import audit_keys
from formreader.review.state import Mode, Review
from formreader.served.calls import Refused
from formreader.store import AuditedField, Key, open_desk, open_results
from formreader.template import Field, Template, corners_of, load_template, save_template
from formreader.values import CLASSES, MARKED, Box, DigitReading, FieldReading, Match, PageReading, PageRef
from tests.drawing_batches import brought_back
from tests.test_store import opened

WORDS = ("no", "yes", "not asked")
FORM = Template(
    *("card", 400, 300, 300),
    (
        Field("age", ((30, 40, 40, 50), (70, 40, 40, 50))),
        Field("smokes", tuple((30 + 80 * i, 160, 40, 40) for i in range(3)), kind="choice", options=WORDS, many=True),
    ),
    reference=np.full((300, 400), 255, np.uint8),
)
TRUTH = [{"age": f"{20 + page}", "smokes": value} for page, value in enumerate(("yes", "no;not asked", "", "no"))]
SMOKES = AuditedField(1, 1, "card", "smokes", "no;not asked", "no;not asked", 0.99, 3, WORDS)


def read_page(folder: Path, number: int, misread: str) -> PageReading:
    """Draw a card and make its reading, in which the last page's marks may be misread."""
    scan, truth = folder / f"card{number}.png", TRUTH[number]
    picture = np.full((300, 400), 255, np.uint8)
    picture[290:] = np.random.default_rng(number).integers(0, 255, (10, 400), dtype=np.uint8)
    read = misread if misread and number == len(TRUTH) - 1 else truth["smokes"]
    digits = list[DigitReading]()
    for field in FORM.fields:
        for place, rectangle in enumerate(field.boxes, start=1):
            if field.kind == "choice":
                sign = MARKED if field.options[place - 1] in read.split(";") else None
            else:
                sign = truth["age"][place - 1]
            x, y, width, height = map(int, rectangle)
            cv2.rectangle(picture, (x, y), (x + width, y + height), 90, 2)
            box = Box(field.name, place, corners_of(rectangle), kind=field.kind)
            digits.append(DigitReading(box, sign, 0.99, np.zeros(len(CLASSES), np.float32), "" if sign else "blank"))
    scan.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    fields = (FieldReading("age", truth["age"], 0.99), FieldReading("smokes", read, 0.98, kind="choice"))
    ref = PageRef(scan, 1, scan.name, hashlib.sha256(scan.read_bytes()).hexdigest())
    return PageReading(ref, "card", Match(0.97, "markers"), fields, tuple(digits))


def batch_in(folder: Path, misread: str = "", begins: str = "") -> Path:
    """Read four cards, the marks of the last one misread."""
    save_template(FORM, folder / "card.toml")
    _, table, rest = (folder / "card.toml").read_text("utf-8").partition("[form]")
    (folder / "card.toml").write_text(begins + table + rest, "utf-8")
    with opened(folder / "out", template=load_template(folder / "card.toml")) as batch:
        for number in range(len(TRUTH)):
            page = read_page(folder, number, misread)
            batch.pending([page.ref])
            batch.add(page)
    return folder / "out"


def keyed(results: Path, name: str, says: dict[str, list[str]]) -> Path:
    """Fill in a file: what each field's cells hold, page by page."""
    path = results / "audit-1" / name
    with open_results(results) as batch:
        fields = {str(one.number): one for one in batch.audits().fields(batch.audits().all()[0])}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    for row in rows[2:]:
        row[2] = says[fields[row[0]].field][fields[row[0]].reading - 1]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_a_misread_mark_is_found_and_put_right(tmp_path: Path) -> None:
    results = batch_in(tmp_path, misread="yes")
    assert begin(results, Wish(Fraction(1, 2), size=100), "ann").accepted == 8
    sheet = write_first(results).file
    strips = (sheet.parent / "strips.html").read_text("utf-8")
    assert "no, yes, not asked" in strips
    assert strips.count("<img") == 8
    says = {"age": ["20", "21", "22", "23"], "smokes": ["YES", "Not asked;no", "_", "no"]}
    first = take_over(results, keyed(results, "keys.csv", says), "ann")
    assert (len(first.taken.keys), first.corrected) == (8, 0)
    assert write_second(results) is not None
    assert take_over(results, keyed(results, "second-keys.csv", says), "bob").corrected == 1
    with open_results(results) as batch:
        values = [{one.name: one.value for one in page.fields} for page in batch.pages()]
    assert values == TRUTH


def test_marks_are_keyed_in_the_review_by_their_words(tmp_path: Path) -> None:
    results = batch_in(tmp_path, misread="yes")
    begin(results, Wish(Fraction(1, 2), size=100), "ann")
    with open_desk(results) as desk:
        review = Review(desk, forms_of(desk.results), Mode(audit=0))
        fields = {field.number: field for field in desk.results.audits().fields(desk.results.audits().all()[0])}
        for who in ("ann", "bob"):
            while items := audit_keys.upcoming(review, who, audit_keys.After())["items"]:
                item, field = items[0], fields[items[0]["one"]]
                assert (item["kind"], item["options"]) == (("choice", WORDS) if field.options else ("digits", ()))
                said = (TRUTH[field.reading - 1][field.field] or "_").upper()
                if field.options:
                    with pytest.raises(Refused, match="None of its options"):
                        audit_keys.key(review, who, audit_keys.Keyed(one=item["one"], two=item["two"], key="3"))
                audit_keys.key(review, who, audit_keys.Keyed(one=item["one"], two=item["two"], key=said))
    with open_results(results) as batch:
        assert [{one.name: one.value for one in page.fields} for page in batch.pages()] == TRUTH


def test_what_is_no_option_is_named_and_nothing_taken(tmp_path: Path) -> None:
    results = batch_in(tmp_path)
    begin(results, Wish(Fraction(1, 2), size=100), "ann")
    write_first(results)
    says = {"age": ["20", "21", "22", "23"], "smokes": ["2", "no;maybe", "_", "no"]}
    with pytest.raises(KeysError, match="2 problems; nothing was taken over") as refused:
        take_over(results, keyed(results, "keys.csv", says), "ann")
    assert str(refused.value).count("none of its options, or not clearly one: no, yes, not asked") == 2


@pytest.mark.parametrize(
    ("typed", "key"),
    [("", None), ("_", ""), ("blank", ""), ("?", "?"), ("notasked; NO", "no;not asked"), ("'yes", "yes")],
)
def test_words_are_known_however_they_are_typed(typed: str, key: str | None) -> None:
    assert key_for(typed, SMOKES) == key


def test_an_option_s_own_name_comes_first() -> None:
    field = AuditedField(1, 1, "card", "why", "?;empty", "?;empty", 0.99, 3, ("?", "empty", "01"))
    assert [key_for(typed, field) for typed in ("?", "empty", "?;empty", "01")] == ["?", "empty", "?;empty", "01"]
    with pytest.raises(ValueError, match="none of its options"):
        key_for("1", field)
    assert may_lack_zeros("1", AuditedField(1, 1, "card", "n", "1", "1", 0.9, 2, ("1", "01")))
    assert not may_lack_zeros("1", AuditedField(1, 1, "card", "n", "1", "1", 0.9, 2, ("1", "2")))


def test_a_question_mark_within_an_option_is_a_word() -> None:
    field = AuditedField(1, 1, "card", "why", "who knows?", "who knows?", 0.99, 2, ("who knows?", "nobody?"))
    keys = [Key(1, look, "", who, "nobody?") for look, who in ((1, "ann"), (2, "bob"))]
    assert verdict_on(field, keys).state == "wrong"


def test_marks_whose_form_is_lost_are_not_drawn(tmp_path: Path) -> None:
    results = batch_in(tmp_path)
    with closing(sqlite3.connect(results / "batch.sqlite")) as connection:
        connection.execute("UPDATE runs SET template = ''")
        connection.commit()
    with pytest.raises(UnusableCall, match="does not know the options of card: smokes any more"):
        begin(results, Wish(Fraction(1, 2), size=100), "ann")


def test_a_template_of_an_editor_that_marks_utf_8_is_known_to_its_batch(tmp_path: Path) -> None:
    results = batch_in(tmp_path, begins="\ufeff")
    assert begin(results, Wish(Fraction(1, 2), size=100), "ann").accepted == 8
    (tmp_path / "card.toml").unlink()
    with open_results(results) as batch:
        forms = forms_of(batch)
    assert (forms.lost, [field.options for field in forms.templates["card"].fields]) == (frozenset(), [(), WORDS])


def test_batches_of_earlier_versions_make_room(tmp_path: Path) -> None:
    results = batch_in(tmp_path)
    with closing(sqlite3.connect(results / "batch.sqlite")) as connection:
        brought_back(connection, 3)
    begin(results, Wish(Fraction(1, 2), size=100), "ann")
    with open_results(results) as batch:
        fields = batch.audits().fields(batch.audits().all()[0])
    assert {field.options for field in fields} == {(), WORDS}
