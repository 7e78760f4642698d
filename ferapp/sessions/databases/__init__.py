"""What is special about each kind of database, and about files of SQLite."""
