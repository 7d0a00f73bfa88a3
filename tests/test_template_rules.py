"""Rules and checks as people write them in a template, and every mistake in them."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from formreader.errors import TemplateError
from formreader.rules import Across, CheckDigit, Date, Format, Least, Most, OneOf, OrMissing, Pattern, plain
from formreader.template import Template, load_template, save_template
from formreader.template.lists import read_table

FORM = """
[form]
name = "exam"
width = 2000
height = 2000
dpi = 300
[form.markers]
kind = "squares"
centres = [[20, 20], [1980, 20], [1980, 1980], [20, 1980]]
size = 20
"""


def fields(**described: str) -> str:
    """Write a template of fields in rows of boxes: how many boxes, then the keys."""
    text = FORM
    for row, (name, keys) in enumerate(described.items()):
        count, _, rest = keys.partition("\n")
        boxes = [[50 + 50 * place, 50 + 60 * row, 40, 50] for place in range(int(count))]
        text += f'\n[[field]]\nname = "{name}"\nboxes = {boxes}\n{rest}\n'
    return text


def loaded(folder: Path, text: str) -> Template:
    path = folder / "template.toml"
    path.write_text(text, encoding="utf-8")
    return load_template(path)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(TemplateError) as caught:
        loaded(folder, text)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


EVERY = {
    "age": '3\nmin = 1\nmax = 110.5\nmissing = ["999", 998]\nallow = ["AB"]\nalign = "right"',
    "visit": '8\ndate = "DDMMYYYY"\nmin = 2020-01-31\nmax = "today"\nunique = true',
    "born": '4\ndate = "YYYY"\nmin = 1900',
    "at": '4\ndate = "HHMM"\nmin = 08:30:00\nmax = "16:00"',
    "class": '2\none_of = ["07", "12"]\nseverity = "warning"',
    "card": '8\npattern = "[1-9][0-9]*"\ncheck_digit = "luhn"\nformat = "stdnum:damm"',
    "paid": "5\ndecimals = 2",
}


def test_every_rule_is_read_as_written(tmp_path: Path) -> None:
    form = loaded(tmp_path, fields(**EVERY))
    by_name = {field.name: field for field in form.fields}
    age = by_name["age"]
    codes = ("999", "998")
    assert age.rules == (OrMissing(Least(Decimal(1)), codes), OrMissing(Most(Decimal("110.5")), codes))
    assert (age.missing, age.allow, age.align, age.unique) == (codes, ("AB",), "right", False)
    assert by_name["visit"].rules == (Date("DDMMYYYY", date(2020, 1, 31), "today"),)
    assert by_name["visit"].unique
    assert by_name["born"].rules == (Date("YYYY", date(1900, 1, 1)),)
    assert [str(rule) for rule in by_name["at"].rules] == ["a time as HHMM from 08:30 to 16:00"]
    assert by_name["class"].rules == (OneOf(("07", "12"), "warning"),)
    assert by_name["card"].rules == (Pattern("[1-9][0-9]*"), CheckDigit("luhn"), Format("damm"))
    assert (by_name["paid"].decimals, by_name["paid"].point) == ((2, 2), None)


CHECKED = fields(a="1", b="1", c="2", t="3", start='8\ndate="DDMMYYYY"', end='8\ndate="DDMMYYYY"')
CHECKED += """
[[check]]
sum = ["a", "b"]
equals = "t"
[[check]]
sum = ["a", "c"]
equals = 100
empty = "unknown"
[[check]]
compare = "a + b <= t"
severity = "warning"
[[check]]
compare = "start<=end"
"""


def test_checks_are_read_as_written(tmp_path: Path) -> None:
    checks = loaded(tmp_path, CHECKED).checks
    assert [(str(check), check.key, check.severity) for check in checks] == [
        ("a + b = t", "sum", "error"),
        ("a + c = 100", "sum", "error"),
        ("a + b <= t", "compare", "warning"),
        ("start <= end", "compare", "error"),
    ]
    assert [check.empty for check in checks if isinstance(check, Across)] == ["zero", "unknown", "zero", "zero"]
    assert checks[3].is_kept_by({"start": "31122023", "end": "01012024"}) is True


def test_check_is_made_for_every_row_of_a_table(tmp_path: Path) -> None:
    rows = {f"r{row}.{column}": "2" for row in ("1", "2", "x") for column in ("q1", "q2", "sum")}
    check = '\n[[check]]\nsum = ["{row}.q1", "{row}.q2"]\nequals = "{row}.sum"\n'
    form = loaded(tmp_path, fields(**rows, other="1") + check)
    assert [str(check) for check in form.checks] == [f"r{row}.q1 + r{row}.q2 = r{row}.sum" for row in "12x"]
    columns = '\n[[check]]\nsum = ["*.q1"]\nequals = "other"\n'
    form = loaded(tmp_path, fields(**rows, other="1") + columns)
    assert [str(check) for check in form.checks] == ["r1.q1 + r2.q1 + rx.q1 = other"]
    del rows["r2.q2"]
    assert problems(tmp_path, fields(**rows) + check) == ["check number 1: 'r2.q2' is no field (did you mean 'rx.q2'?)"]


@pytest.mark.parametrize("text", [fields(**EVERY), CHECKED])
def test_rules_are_written_as_they_can_be_read_and_travel(tmp_path: Path, text: str) -> None:
    form = loaded(tmp_path, text)
    save_template(form, tmp_path / "again.toml")
    again = load_template(tmp_path / "again.toml")
    assert (again.fields, again.checks) == (form.fields, form.checks)
    assert again == form
    whole = pickle.loads(pickle.dumps(replace(form, path=None)))
    assert (whole.fields, whole.checks, whole.fingerprint) == (form.fields, form.checks, form.fingerprint)
    assert pickle.loads(pickle.dumps(form)).checks == form.checks


ONE_CHANGE = [
    ("4", "4\nmin = 1"),
    ("4\nmin = 1", "4\nmin = 2"),
    ("4\nmin = 1", "4\nmax = 1"),
    ("4", '4\npattern = "1.*"'),
    ("4", '4\none_of = ["1234"]'),
    ("4", '4\ndate = "YYYY"'),
    ('4\ndate = "YYYY"', '4\ndate = "YYYY"\nmax = "today"'),
    ("4", '4\ncheck_digit = "luhn"'),
    ('4\ncheck_digit = "damm"', '4\nformat = "stdnum:damm"'),
    ("4", '4\nmissing = ["99"]'),
    ("4", '4\nallow = ["AB"]'),
    ("4", '4\nalign = "left"'),
    ("4", "4\nunique = true"),
    ("4", "4\ndecimals = 2"),
    ("4\nmax = 5", '4\nmax = 5\nseverity = "warning"'),
    ("4", '4\n[[check]]\nsum = ["a"]\nequals = "t"'),
    ('4\n[[check]]\ncompare = "a = t"', '4\n[[check]]\nsum = ["a"]\nequals = "t"\nempty = "unknown"'),
]


@pytest.mark.parametrize(("before", "after"), ONE_CHANGE)
def test_whatever_rules_say_makes_another_template(tmp_path: Path, before: str, after: str) -> None:
    first, second = (loaded(tmp_path, fields(t="4", a=keys)) for keys in (before, after))
    assert first.fingerprint != second.fingerprint


FIELD_MISTAKES = {
    '2\nmin = 9\nmax = 3': "'min' is more than 'max': 9 and 3",
    "2\nmin = 100": "'min' is 100, which is more than 2 boxes can hold",
    "3\nmin = 10\ndecimals = 2": "'min' is 10, which is more than 3 boxes can hold",
    "2\nmax = -1": "'max' is -1, but no value is less than 0",
    '2\nmax = "ten"': "'max' is a number, or of a 'date' a day, not 'ten'",
    "2\nmax = true": "'max' is a number, or of a 'date' a day",
    "2\nmax = 2024-01-01": "'max' is a number, or of a 'date' a day, not datetime.date(2024, 1, 1)",
    '8\ndate = "DDMMYYYY"\nmin = 5': "'min' of a 'DDMMYYYY' is a day, as \"2024-12-31\", or \"today\", not 5",
    '8\ndate = "DDMMYYYY"\nmin = "31.12.2024"': "'min' of a 'DDMMYYYY' is a day",
    '8\ndate = "DDMMYYYY"\nmin = 2024-01-01T00:00:00': "'min' is a number, or of a 'date' a day",
    '8\ndate = "DDMMYYYY"\nmin = "today"\nmax = "2020-01-01"': "'min' is later than 'max': today and 2020-01-01",
    '6\ndate = "DDMMYYYY"': "'date' DDMMYYYY has 8 digits, the field 6 boxes",
    '8\ndate = "TTMMJJJJ"': "'date' should be one of DDMMYYYY, DDMMYY,",
    '4\ndate = "HHMM"\nmin = "9"': "'min' of a 'HHMM' is a time, as \"08:30\", not '9'",
    '4\ndate = "HHMM"\nmax = "today"': "'max' of a 'HHMM' is a time",
    '2\npattern = "(1"': "'pattern' cannot be used (missing ): (1): '(1'",
    '2\npattern = "(?=1)"': "'pattern' cannot be used (invalid perl operator: (?=)",
    '2\npattern = "[0-9]{3}"': "'pattern' matches no value of 2 boxes: '[0-9]{3}'",
    "2\none_of = []": "'one_of' is empty",
    '2\none_of = "07"': "'one_of' is a list of values, as [\"07\", \"12\"], or {file",
    '2\none_of = ["07", "07"]': "'one_of' has twice: '07'",
    '2\none_of = ["07", "A1", "1.5"]': "'one_of' has what is not digits alone and so cannot be read: 'A1', '1.5'",
    '2\none_of = ["07", "123"]': "'one_of' has what does not fit 2 boxes: '123'",
    '2\none_of = {file = "gone.csv", column = "id"}': "'one_of': 'gone.csv' cannot be read (No such file",
    '2\none_of = {file = "../x.csv", column = "id"}': "'one_of' should name a file in the template's folder, not '../x",
    '2\none_of = {file = "C:/x.csv", column = "id"}': "'one_of' should name a file in the template's folder, not 'C:/x",
    '2\none_of = {file = "x.txt", column = "id"}': "'one_of' should name a file ending in .csv or .xlsx, not 'x.txt'",
    '8\ncheck_digit = "lunh"': "'check_digit' should be one of luhn, mod11, iso7064, verhoeff, damm, ean, isbn, not",
    '7\ncheck_digit = "ean"': "'check_digit' is of 8 or 12 or 13 or 14 digits, the field has 7 boxes",
    '1\ncheck_digit = "luhn"': "'check_digit' is of 2 to 20 digits, the field has 1 box",
    '8\nformat = "nl.bsn"': "'format' should be \"stdnum:\" and a format's name in python-stdnum, not 'nl.b",
    '9\nformat = "stdnum:nl.bsm"': "'format' should be \"stdnum:\" and a format's name in python-stdnum, not 'stdn",
    '9\nformat = "stdnum:..os"': "'format' should be \"stdnum:\" and",
    '9\nformat = "stdnum:iban"': "'format' iban has letters, which cannot be read",
    '8\nformat = "stdnum:nl.bsn"': "'format' is of 9 digits, the field has 8 boxes",
    '4\ndecimals = 1\ncheck_digit = "luhn"': "'check_digit' is of whole numbers; leave 'decimals' out",
    '2\nmissing = ["999"]': "'missing' has what does not fit 2 boxes: '999'",
    '2\nmissing = ["NA"]': "'missing' has what is not digits alone and so cannot be read: 'NA'",
    '2\ndecimals = 1\nmissing = ["99"]': "'missing' has what does not fit 2 boxes, 1 right of the point: '99'",
    '3\ndecimals = 2\none_of = ["1.5"]': "'one_of' has what does not fit 3 boxes, 2 right of the point: '1.5'",
    '3\npattern = "[0-9\\u001b]{3}"': "'pattern' holds a sign that cannot be shown",
    '2\nallow = ["99"]': "'allow' names words and marks, such as \"AB\"; a code of digits belongs to 'missing': '99'",
    '2\nallow = ["ABS"]': "'allow' has 'ABS', for which 2 boxes are too few",
    '1\nalign = "right"': "'align' belongs to several 'boxes'",
    '2\nalign = "middle"': "'align' should be 'left' or 'right', not 'middle'",
    '2\nseverity = "warning"': "'severity' says how serious it is to break a rule, but the field has none",
    "2\ndecimals = 3": "'decimals' should be 1 to 2; not 3",
}  # fmt: skip


@pytest.mark.parametrize(("keys", "problem"), FIELD_MISTAKES.items())
def test_mistake_in_a_rule_is_named(tmp_path: Path, keys: str, problem: str) -> None:
    (only,) = problems(tmp_path, fields(a=keys))
    assert only.startswith(f"field 'a': {problem}")


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = fields(a='2\nmin = 200\npattern = "("', b='3\none_of = {file = "x.csv", column = "id"}')
    found = problems(tmp_path, text + '[[check]]\nsum = ["a", "bb"]\nequals = "c"\n')
    assert [problem.split(" (")[0] for problem in found] == [
        "field 'a': 'min' is 200, which is more than 2 boxes can hold",
        "field 'a': 'pattern' cannot be used",
        "check number 1: 'bb' is no field",
        "check number 1: 'c' is no field",
        "field 'b': 'one_of': 'x.csv' cannot be read",
    ]


CHECK_MISTAKES = {
    "": "give either 'sum' with 'equals', or 'compare'",
    'sum = ["a"]': "'sum' needs 'equals'",
    'sum = []\nequals = "a"': "'sum' is a list of fields",
    'sum = "a"\nequals = "b"': "'sum' is a list of fields",
    'sum = ["a"]\nequals = ["b"]': "'equals' is the name of the field that holds the sum",
    'sum = ["a"]\nequals = "b"\ncompare = "a < b"': "give either",
    'compare = "a < b"\nequals = 3': "'equals' belongs to 'sum'",
    'compare = "a is b"': "'compare' should be such as \"first <= last\", with one of <= >= != < > =, not 'a is b'",
    'compare = "a < b < a"': "'compare' should be such as",
    'compare = "a <"': "'compare' should be such as",
    'compare = "a <= bb"': "'bb' is no field",
    'sum = ["a", "a"]\nequals = "b"': "names twice: 'a'",
    'compare = "a <= a"': "names twice: 'a'",
    'sum = ["a", "day"]\nequals = "b"': "a date can only be compared with another",
    'compare = "day <= a"': "a date can only be compared with another",
    'compare = "day <= year"': "dates as DDMMYYYY and YYYY cannot be compared",
    'sum = ["q{row}"]\nequals = "t{row}"': "no field is named as 't{row}' has it",
    'sums = ["a"]\nequals = "b"': "unknown key 'sums' (did you mean 'sum'?)",
    'sum = ["a"]\nequals = "b"\nempty = "one"': "'empty' should be 'zero' or 'unknown', not 'one'",
    'sum = ["a"]\nequals = "b"\nseverity = "bad"': "'severity' should be 'error' or 'warning', not 'bad'",
}


@pytest.mark.parametrize(("keys", "problem"), CHECK_MISTAKES.items())
def test_mistake_in_a_check_is_named(tmp_path: Path, keys: str, problem: str) -> None:
    known = fields(a="2", b="2", day='8\ndate = "DDMMYYYY"', year='4\ndate = "YYYY"')
    (only,) = problems(tmp_path, f"{known}\n[[check]]\n{keys}\n")
    assert only.startswith(f"check number 1: {problem}")


# --- lists in files --------------------------------------------------------------------------------------------------

LISTED = '4\none_of = {{file = "{}", column = "id"}}'


def listed(form: Template) -> tuple[str, ...]:
    (rule,) = form.fields[0].rules
    assert isinstance(plain(rule), OneOf)
    return plain(rule).entries  # type: ignore[attr-defined, no-any-return] # asserted above


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_list_is_a_column_of_a_csv(tmp_path: Path, sign: str) -> None:
    lines = ["name,id,note", '"Ann, or An",0042,x', "Bo,1234", "Cy,,y", "Di,0042,twice"]
    text = "\r\n".join(line.replace(",", sign) if '"' not in line else f'"Ann, or An"{sign}0042' for line in lines)
    (tmp_path / "class.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    form = loaded(tmp_path, fields(a=LISTED.format("class.csv")))
    assert listed(form) == ("0042", "1234")
    inline = loaded(tmp_path, fields(a='4\none_of = ["0042", "1234"]'))
    assert form == inline  # what the list says decides reading, not where it stands


def test_list_is_a_column_of_a_workbook_with_its_zeros(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for row in (["id", "name"], ["0042", "text"], [7, "shown as 0007"], [1234, "plain"], [55.0, "float"], [None, ""]):
        sheet.append(row)
    sheet["A3"].number_format = "0000"
    book.save(tmp_path / "class.xlsx")
    assert listed(loaded(tmp_path, fields(a=LISTED.format("class.xlsx")))) == ("0042", "0007", "1234", "55")


def test_a_list_in_a_workbook_takes_the_room_of_its_cells(tmp_path: Path) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (["id", "name"], ["0042", "Ann"], [], ["1234"]):
        sheet.append(row)
    book.save(tmp_path / "class.xlsx")
    rows, place = read_table(tmp_path / "class.xlsx", "class.xlsx", "name")
    assert (rows, place) == ([["id", "name"], ["0042", "Ann"], [], ["1234"]], 1)


def test_list_keeps_its_rows_where_a_cell_has_line_ends(tmp_path: Path) -> None:
    text = 'id,name\r\n0042,Ann\x0b9999\u20288888\r\n1234,"Bo\n7777"\r\n'
    (tmp_path / "class.csv").write_bytes(text.encode())
    assert listed(loaded(tmp_path, fields(a=LISTED.format("class.csv")))) == ("0042", "1234")


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml"])
@pytest.mark.parametrize("left", [None, 0, 100])
def test_damaged_workbook_is_named(tmp_path: Path, part: str, left: int | None) -> None:
    openpyxl.Workbook().save(tmp_path / "whole.xlsx")
    with ZipFile(tmp_path / "whole.xlsx") as whole, ZipFile(tmp_path / "c.xlsx", "w") as damaged:
        for name in whole.namelist():
            if name != part or left is not None:
                damaged.writestr(name, whole.read(name)[: left if name == part else None])
    (only,) = problems(tmp_path, fields(a=LISTED.format("c.xlsx")))
    assert only.startswith("field 'a': 'one_of': 'c.xlsx' ")


def test_a_workbook_that_would_fill_the_memory_is_not_opened(tmp_path: Path) -> None:
    openpyxl.Workbook().save(tmp_path / "whole.xlsx")
    with ZipFile(tmp_path / "whole.xlsx") as whole, ZipFile(tmp_path / "c.xlsx", "w", ZIP_DEFLATED) as bomb:
        for name in whole.namelist():
            bomb.writestr(name, whole.read(name))
        bomb.writestr("xl/sharedStrings.xml", "0" * (20 << 20))
    (only,) = problems(tmp_path, fields(a=LISTED.format("c.xlsx")))
    assert only == "field 'a': 'one_of': 'c.xlsx' is too large to be opened safely (xl/sharedStrings.xml)"


@pytest.mark.parametrize("name", ["c.xlsx", "c.csv"])
def test_a_list_whose_cells_lie_far_out_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet["A1"] = "id"
    for row in range(2, 12):
        sheet.cell(row, 500, "far")
    book.save(tmp_path / "c.xlsx")
    (tmp_path / "c.csv").write_text("id\n" + ("," * 499 + "far\n") * 10)
    monkeypatch.setattr("formreader.template.lists._MOST_CELLS", 2000)
    (only,) = problems(tmp_path, fields(a=LISTED.format(name)))
    assert only == f"field 'a': 'one_of': '{name}' is too large to be opened safely (over 2,000 cells)"


def test_changed_list_is_another_template(tmp_path: Path) -> None:
    (tmp_path / "class.csv").write_text("id\n0042\n")
    first = loaded(tmp_path, fields(a=LISTED.format("class.csv")))
    packed = pickle.dumps(first)
    (tmp_path / "class.csv").write_text("id\n0043\n")
    assert loaded(tmp_path, fields(a=LISTED.format("class.csv"))) != first
    with pytest.raises(TemplateError, match="changed since it was read"):
        pickle.loads(packed)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("c.csv", b"", "'c.csv' has no column 'id'"),
        ("c.csv", b"ids\n1\n", "'c.csv' has no column 'id' (did you mean 'ids'?)"),
        ("c.csv", b"id,id\n1,2\n", "'c.csv' has several columns 'id'"),
        ("c.csv", b"id\n\n", "'c.csv' has nothing in column 'id'"),
        ("c.csv", b"id\n\xfc\n", "'c.csv' is not UTF-8 (byte 3)"),
        ("c.xlsx", b"no workbook", "'c.xlsx' cannot be read ("),
    ],
)
def test_list_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(content)
    (only,) = problems(tmp_path, fields(a=LISTED.format(name)))
    assert only.startswith(f"field 'a': 'one_of': {problem}")


def test_entries_of_a_file_that_cannot_be_read_from_boxes_are_named(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("id\n12345\nA1\n0042\n")
    assert problems(tmp_path, fields(a=LISTED.format("c.csv"))) == [
        "field 'a': 'one_of' has what is not digits alone and so cannot be read: 'A1' (c.csv)",
        "field 'a': 'one_of' has what does not fit 4 boxes: '12345' (c.csv)",
    ]
