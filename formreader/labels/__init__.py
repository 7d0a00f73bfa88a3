"""Names of a form's fields from the labels printed beside, above and, of tick boxes, behind them.

Recognising print needs the extra ``labels``; what a label is and which field it names is said without it.
"""

from __future__ import annotations

from formreader.labels.naming import named_by_labels
from formreader.labels.rapid import is_installed, text_reader
from formreader.labels.spots import LabelParams
from formreader.labels.text import TextReader

__all__ = ["LabelParams", "TextReader", "is_installed", "named_by_labels", "text_reader"]
