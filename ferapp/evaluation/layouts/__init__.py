"""Layouts of data sets: FER+, one folder per class, a table of pixels, a table of pictures."""
