"""Statistics of sessions, against values computed by hand."""
