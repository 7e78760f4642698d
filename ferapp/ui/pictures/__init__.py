"""The pictures page."""
