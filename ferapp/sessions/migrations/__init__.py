"""How older databases of sessions become the newest; one step a file in ``versions/``."""
