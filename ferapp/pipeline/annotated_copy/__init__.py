"""An annotated copy of a video: what is drawn, the copying, and the process that does it."""
