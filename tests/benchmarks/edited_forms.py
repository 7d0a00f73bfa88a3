"""Make the templates of real blank forms in the editor, as a person would: with the mouse and the keys, in a browser.

Run ``python -m tests.benchmarks.edited_forms DATA_DIR OUT_DIR``; DATA_DIR holds ``SA100.pdf`` and ``Form49A.pdf``. The
templates beside this module whose names begin with ``blank_forms`` were made so. What each form needed stands in
`FORMS`; a screenshot of each editor is put beside its template.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.browser import chromium, running

_INCOME: Final = (
    *("other_dividends", "taxed_interest", "untaxed_interest", "foreign_dividends", "foreign_dividends_tax"),
    *("untaxed_foreign_interest", "uk_dividends", "tax_off_pensions", "state_pension", "incapacity_benefit"),
    *("pension_lump_sum", "incapacity_tax", "lump_sum_tax", "jobseekers", "pensions", "other_benefits"),
    *("pre_owned_assets", "other_income", "expenses", "other_income_tax"),
)


@dataclass(frozen=True, slots=True)
class Work:
    """What a person does to the boxes that were found on a page.

    Attributes
    ----------
    deleted
        Fields by the names that they were found with.
    joined
        Fields that are one value, and what it is called.
    names
        Of all that is left, in reading order.
    rules
        By field: rules from the menu with what is put into them; for the field ``*`` all at once.
    """

    pdf: str
    page: int
    name: str
    names: tuple[str, ...]
    deleted: tuple[str, ...] = ()
    joined: tuple[tuple[str, ...], ...] = ()
    rules: dict[str, dict[str, str]] = field(default_factory=dict)


def _found(*numbers: int) -> tuple[str, ...]:
    return tuple(f"field_{number:02}" for number in numbers)


FORMS: Final = (
    Work(
        "SA100.pdf",
        3,
        "sa100_tr1",
        ("phone", "born", "insurance_number", "address_since"),
        # Names that the tax office prints, and the letters around the insurance number's digits.
        deleted=("UTR", "NINO", "Ref", "Name", *_found(5, 9)),
        joined=(_found(2, 3, 4), _found(6, 7, 8), _found(10, 11, 12)),
        rules={"born": {"date": "DDMMYYYY", "max": "today"}, "address_since": {"date": "DDMMYYYY", "max": "today"}},
    ),
    Work("SA100.pdf", 5, "sa100_tr3", _INCOME, rules={"*": {"align": "right"}}),
    Work(
        "Form49A.pdf",
        1,
        "form49a",
        ("range_code", "officer_number", "born", "pin_code"),
        # Letters and ticks; a code of letters stands in the first boxes of the head.
        deleted=(
            *_found(1, 2, *range(5, 26), *range(29, 41)),
            *(f"row{row:02}_col{column}" for row in (1, 2, 3) for column in (1, 2)),
        ),
        joined=(_found(26, 27, 28),),
        rules={"born": {"date": "DDMMYYYY", "max": "today"}},
    ),
)


def choose(page: Any, names: tuple[str, ...]) -> None:
    """Select fields by clicking on them in the list: the first, and with Ctrl the others."""
    for nth, name in enumerate(names):
        rows = page.locator("#list li").filter(has=page.locator(".about"))
        place = [row.input_value() for row in rows.locator("input").all()].index(name)
        rows.nth(place).locator(".about").click(modifiers=["Control"] if nth else [])


def edit(page: Any, work: Work) -> None:
    """Do to a form what it needs."""
    if work.deleted:
        choose(page, work.deleted)
        page.click(f"text=Delete {len(work.deleted)} fields")
    for names in work.joined:
        choose(page, names)
        page.click("text=Join to one field")
    page.locator("#list .about").first.click()
    page.click("#names")
    page.fill("#pasted", "\n".join(work.names))
    page.click("text=Name the fields")
    for name, rules in work.rules.items():
        if name == "*":
            page.locator("#stage").focus()
            page.keyboard.press("Control+a")
        else:
            choose(page, (name,))
        for rule, value in rules.items():
            page.select_option("#add-rule", rule)
            put = (
                page.select_option
                if page.locator(f"#rule-{rule}").evaluate("one => one.matches('select')")
                else page.fill
            )
            put(f"#rule-{rule}", value)


def main() -> None:
    """Make them all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for work in FORMS:
            target = given.out / f"blank_forms-{work.name}.toml"
            call = (
                "template",
                str(given.data / work.pdf),
                "-o",
                str(target),
                "--page",
                str(work.page),
                "--name",
                work.name,
            )
            with running(*call) as server:
                page = browser.new_context(viewport={"width": 1500, "height": 1000}).new_page()
                page.goto(server.address)
                page.wait_for_selector("#list li")
                edit(page, work)
                page.wait_for_timeout(800)
                page.screenshot(path=target.with_suffix(".png"))
                page.keyboard.press("Control+s")
                page.wait_for_timeout(1000)
                print(f"{target.name}: {page.locator('#standing').inner_text()}")


if __name__ == "__main__":
    main()
