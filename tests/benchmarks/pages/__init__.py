"""The drawn benchmark: pages of many layouts and kinds of wear, read from file to value."""
