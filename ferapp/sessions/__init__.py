"""Recorded sessions: what they are, how they are written, kept and deleted."""
