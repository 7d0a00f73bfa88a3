"""When marks are doubtful, and how far rules are believed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldParams:
    """How boxes become a value that can be accepted.

    Probabilities say how likely a classifier errs on crops like those that it was calibrated on. A real scan has
    look-alikes of its own (a 1 with a flag is a 7 on every page of its writer), so no box is believed beyond a limit:
    a share of doubt is spread evenly over all ten digits.

    Attributes
    ----------
    filler_doubt
        Most probability of a digit in a box that is taken for a filler: a dash is close to 1, a cross to 4, and a digit
        lost this way is wrong by a power of ten. Also the most of a filler in an unsure box that rules may decide.
    settled_at
        Least probability, given the rules, of a value that rules decide; what the caller aims at: 10 wrong in 10,000.
    writers_err
        Share of values that break a rule as they were written. Adding up by hand and copying numbers go wrong in one of
        a hundred; were it less, rules would be believed against the digits.
    likely_slips
        How many wrong values share most of what writers get wrong: a digit or a carry off. A wrong value near a lawful
        one is far likelier than any wrong value.
    least_lawful
        Least share of all values that is taken to keep a rule. Fewer often do (one of 2,000 numbers is on a list), but
        what is read is no chance value: it lies near what was meant, within the 54 that are a digit off in six boxes.
    sure_doubt, unsure_doubt, unread_doubt
        Doubt left about an accepted digit, one that is not, and a box that is flagged for what it holds.
    flatter, flattest
        Temperature of the probabilities of unsure and of unread boxes; 1 leaves them as they are.
    no_digit
        How much of an unsure box's probability of holding no digit counts. Models are calibrated with such marks in one
        of 50 boxes, forms have them in a few of 1,000; and most are digits gone wrong, of which a rule tells as well
        what was meant. With 4 of 1,000, at most one of 1,000 settled values is wrong.
    values_a_box, most_values, least_likely
        How many values are weighed for each box that takes part, how many at most, and how likely one must be beside
        the likeliest: rules are asked about each. What is left out counts against acceptance.
    suggested_at
        Least probability among the lawful values of one that is suggested: it stands out.
    """

    filler_doubt: float = 0.01
    settled_at: float = 0.999
    writers_err: float = 0.01
    likely_slips: int = 20
    least_lawful: float = 0.02
    sure_doubt: float = 1e-3
    unsure_doubt: float = 1e-2
    unread_doubt: float = 0.1
    flatter: float = 1.25
    flattest: float = 2.0
    no_digit: float = 0.1
    values_a_box: int = 20
    most_values: int = 500
    least_likely: float = 1e-6
    suggested_at: float = 0.5
