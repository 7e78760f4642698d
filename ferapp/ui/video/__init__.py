"""The video page."""
