"""The laboratory page."""
