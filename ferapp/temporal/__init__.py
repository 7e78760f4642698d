"""Faces over time: tracking, smoothing, neutral baseline. Time is always passed in, in seconds."""
