"""Events of a session that come from a table."""
