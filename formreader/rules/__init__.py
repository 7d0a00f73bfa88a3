"""What the values of a form must be: rules of one field, and checks across the fields of a page."""

from formreader.rules.kinds import Check, Rule
from formreader.rules.verdict import broken_checks, broken_rules

__all__ = ["Check", "Rule", "broken_checks", "broken_rules"]
