"""Tables of events."""
