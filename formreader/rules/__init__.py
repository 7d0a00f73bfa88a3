"""What the values of a form must be: rules of one field, and checks across the fields of a page."""

from formreader.rules.across import SIGNS, Across, Term
from formreader.rules.check_digits import METHODS, CheckDigit, Format, all_formats, example_lengths, format_named
from formreader.rules.dates import DATE_FORMATS, Bound, Date, time_of
from formreader.rules.kinds import Check, Rule
from formreader.rules.lists import OneOf
from formreader.rules.missing import OrMissing, allowed_word, plain
from formreader.rules.numbers import Least, Most, number_of
from formreader.rules.patterns import Pattern, matches_some, mistake_in
from formreader.rules.verdict import broken_checks, broken_rules, is_read

__all__ = [
    "DATE_FORMATS",
    "METHODS",
    "SIGNS",
    "Across",
    "Bound",
    "Check",
    "CheckDigit",
    "Date",
    "Format",
    "Least",
    "Most",
    "OneOf",
    "OrMissing",
    "Pattern",
    "Rule",
    "Term",
    "all_formats",
    "allowed_word",
    "broken_checks",
    "broken_rules",
    "example_lengths",
    "format_named",
    "is_read",
    "matches_some",
    "mistake_in",
    "number_of",
    "plain",
    "time_of",
]
