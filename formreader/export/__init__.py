"""Write a batch as tables: the CSVs of its results folder, and files of its own in other formats."""

from formreader.export.csv_files import guarded, read_drifts, read_missing, read_repeats, read_results, unguarded
from formreader.export.files import CORRECTIONS_COLUMNS, ENDINGS, Written, export_book, export_corrections
from formreader.export.folder import LARGE_BATCH, RESULTS_COLUMNS, write_conflicts, write_tables
from formreader.export.places import flat_name, tables_of, whole
from formreader.export.wish import Wish

__all__ = [
    "CORRECTIONS_COLUMNS",
    "ENDINGS",
    "LARGE_BATCH",
    "RESULTS_COLUMNS",
    "Wish",
    "Written",
    "export_book",
    "export_corrections",
    "flat_name",
    "guarded",
    "read_drifts",
    "read_missing",
    "read_repeats",
    "read_results",
    "tables_of",
    "unguarded",
    "whole",
    "write_conflicts",
    "write_tables",
]
