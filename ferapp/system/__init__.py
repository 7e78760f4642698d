"""The ground floor: files, folders and processes; it knows nothing of faces."""
