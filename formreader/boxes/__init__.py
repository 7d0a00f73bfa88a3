"""Find printed boxes on a page; place a template's boxes on a scan and snap each to its printed frame."""

from formreader.boxes.find import A4_LONG_SIDE_INCH, FindParams, find_fields, numbered
from formreader.boxes.place import SnapParams, place_boxes

__all__ = ["A4_LONG_SIDE_INCH", "FindParams", "SnapParams", "find_fields", "numbered", "place_boxes"]
