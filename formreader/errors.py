"""Every refusal, one class for each remedy.

::

    FormreaderError
    ├── PageError                a page's failure: recorded, the other pages are read
    │   ├── UnreadableScan       no image that can be decoded
    │   ├── ScanTooLarge         more pixels than any scanner makes
    │   ├── LockedPdf            needs a password
    │   ├── NoMatch              not a page of this form
    │   └── TooPoor              too few pixels, too blurred or too pale for any digit
    ├── BlankPage                a page without writing or print: skipped, no failure
    └── UnusableCall             the call cannot be carried out, nothing is written; exit code 2
        ├── TemplateError        the form description has mistakes, all listed
        ├── ModelError           the classifier's file cannot be trusted or used
        ├── TrainingDataError    no labelled digits can be had from there
        ├── NoScans              nothing to read at the given places
        ├── NoBoxes              no boxes were found on the form
        │   └── OtherSizes       boxes were found, but none of the sizes asked for
        ├── KeysError            a keyed file has mistakes, all listed
        └── BatchError           the results folder cannot take this run
"""

from __future__ import annotations

from typing import ClassVar


class FormreaderError(Exception):
    """Root of all refusals; the message says which file, what, and what to do."""


class PageError(FormreaderError):
    """One page cannot be read.

    Attributes
    ----------
    stage
        The step of the pipeline that refused it.
    """

    stage: ClassVar[str] = "read"


class UnreadableScan(PageError):
    """The file is no image that can be decoded; scan it again or take it out of the folder."""

    stage = "scans"


class ScanTooLarge(PageError):
    """The page has more pixels than any scanner makes; it was not decoded. Scan it at 600 dpi or less."""

    stage = "scans"


class LockedPdf(PageError):
    """The PDF needs a password; save a copy without one."""

    stage = "scans"


class NoMatch(PageError):
    """The page does not show the template's form; sort it out, or give its own template.

    Attributes
    ----------
    score
        Share of the form's printed frame found on the page, 0 to 1; of several forms the one that came nearest.
    """

    stage = "align"

    def __init__(self, message: str, score: float = 0.0) -> None:
        super().__init__(message)
        self.score = score


class TooPoor(PageError):
    """The page has too few pixels a box, is too blurred or too pale for any digit to be read; scan it again."""

    stage = "quality"


class BlankPage(FormreaderError):
    """The page holds neither print nor writing: the back of a form."""


class UnusableCall(FormreaderError):
    """Nothing was done and nothing was written; put right what the message names and call again."""

    exit_code: ClassVar[int] = 2


class TemplateError(UnusableCall):
    """The template has mistakes; the message lists every one with its place.

    Attributes
    ----------
    problems
        Each mistake by itself, as it stands in the message.
    """

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class ModelError(UnusableCall):
    """The model's file does not match its card, or does not answer as it should; train or install it again."""


class TrainingDataError(UnusableCall):
    """There are no labelled digits at the given place, or they are in no known format."""


class NoScans(UnusableCall):
    """There is no scan at the given places; name files or folders that hold some."""


class NoBoxes(UnusableCall):
    """No printed boxes were found; give a blank form of at least 150 dpi, or write the template by hand."""


class OtherSizes(NoBoxes):
    """Printed boxes were found, but none of the sizes asked for; ask for no size to see them."""


class KeysError(UnusableCall):
    """What people keyed cannot be taken as it is; the message lists every cell with what is the matter."""


class BatchError(UnusableCall):
    """The results folder cannot take this run: another form's, changed settings, not writable, or in use."""
