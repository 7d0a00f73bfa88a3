"""Find printed boxes on a page; place a template's boxes on a scan and snap each to its printed frame."""

from formreader.boxes.find import FormFields, find_fields, find_form_fields
from formreader.boxes.group import in_reading_order, numbered
from formreader.boxes.lines import darkest
from formreader.boxes.params import A4_LONG_SIDE_INCH, FindParams
from formreader.boxes.place import SnapParams, place_boxes
from formreader.boxes.tables import named_by_tables

__all__ = [
    "A4_LONG_SIDE_INCH",
    "FindParams",
    "FormFields",
    "SnapParams",
    "darkest",
    "find_fields",
    "find_form_fields",
    "in_reading_order",
    "named_by_tables",
    "numbered",
    "place_boxes",
]
