"""Many files, on the cores of this machine or on Ray."""
