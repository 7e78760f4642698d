"""Export and import of sessions: CSV, Parquet, JSON."""
