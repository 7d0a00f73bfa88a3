"""Measurements, run by hand; none is a timed test."""
