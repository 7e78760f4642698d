"""The border to files: the only rooms that decode pictures or open containers."""
