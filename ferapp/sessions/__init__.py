"""Recorded sessions: recording, storing, exporting, reporting and deleting them."""
