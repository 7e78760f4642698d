"""Storing finished sessions, as far as their owners have room."""
