"""Trains the shipped models. The only package that imports torch; only the CLI imports it."""
