"""The dashboard page: recorded sessions."""
