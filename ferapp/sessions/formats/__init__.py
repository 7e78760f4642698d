"""Sessions as files and back: CSV, Parquet, JSON."""
