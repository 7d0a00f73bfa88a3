"""Tests: what the user gets."""
