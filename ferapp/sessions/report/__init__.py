"""What a session says: its summary, its curves and charts, and the HTML report."""
