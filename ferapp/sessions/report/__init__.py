"""Evaluates a session: summary, curves, charts and the HTML report."""
