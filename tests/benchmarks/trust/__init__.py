"""Trust: what a reading's confidence is worth, measured on drawn pages of writers whom the model never saw."""
