"""Labelled digits in, a calibrated model and its report out."""
