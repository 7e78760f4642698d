"""What several pages do with the faces of a session."""
