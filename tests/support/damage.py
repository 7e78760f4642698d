"""Values that no version of ferapp writes, put into the tables by another program."""

from sqlalchemy import Engine

# Column and value, as SQL; a blob is any type in SQLite.
SQLITE = {
    "labels cut": ("labels", "'['"),
    "labels no list": ("labels", "'7'"),
    "labels of numbers": ("labels", "'[1, 2]'"),
    "labels twice": ("labels", '\'["a", "a"]\''),
    "labels half a character": ("labels", r"""'["\ud800"]'"""),
    "labels bytes": ("labels", "x'ff00'"),
    "labels nested": ("labels", f"'{'[' * 30_000}'"),
    "settings no object": ("settings", "'[]'"),
    "settings NaN": ("settings", "'{\"a\": NaN}'"),
    "models of text": ("models", '\'{"classifier": "a"}\''),
    "provenance cut": ("provenance", "'{'"),
    "provenance empty": ("provenance", "'{}'"),
    "provenance date": (
        "provenance",
        """'{"sha256": "a", "size_bytes": 1, "content_date": "soon", "name": "", "version": ""}'""",
    ),
    "start": ("started_utc", "'yesterday'"),
    "start a number": ("started_utc", "5"),
    "touched": ("touched_utc", "x'00'"),
    "expires": ("expires_utc", "'never'"),
    "expires a number": ("expires_utc", "5"),
    "offset": ("offset_s", "1e300"),
    "offset text": ("offset_s", "'x'"),
    "length": ("duration_s", "9e999"),
    "length text": ("duration_s", "'long'"),
    "last": ("last_s", "x'00ff'"),
    "count": ("readings", "'many'"),
    "threshold": ("unsure_below", "'x'"),
    "source": ("source", "'radio'"),
    "title no UTF-8": ("title", "cast(x'ff' as text)"),
    "title bytes": ("title", "x'ff'"),
    "consent no UTF-8": ("consent", "cast(x'ff' as text)"),
    "id no UTF-8": ("id", "cast(x'ff' as text)"),
    "id a number": ("id", "x'01'"),
}
POSTGRESQL = {
    "labels no list": ("labels", "'7'"),
    "labels of numbers": ("labels", "'[1, 2]'"),
    "settings no object": ("settings", "'[]'"),
    "models of text": ("models", '\'{"classifier": "a"}\''),
    "provenance empty": ("provenance", "'{}'"),
    "start": ("started_utc", "'infinity'"),
    "expires": ("expires_utc", "'infinity'"),
    "offset": ("offset_s", "2000000000"),
    "length": ("duration_s", "'NaN'"),
    "last": ("last_s", "'-infinity'"),
    "threshold": ("unsure_below", "'NaN'"),
    "source": ("source", "'radio'"),
}


def damage(
    engine: Engine, session: str, column: str, value: str, *, table: str = "sessions"
) -> None:
    """Put a value into a column of all rows of a session."""
    tables = {table: "id" if table == "sessions" else "session"}
    if column == "id":
        tables |= dict.fromkeys(("readings", "markers", "face_edits"), "session")
    raw = engine.raw_connection()
    cursor = raw.cursor()
    if engine.dialect.name == "sqlite":
        cursor.execute("PRAGMA foreign_keys = OFF")
    for name, key in tables.items():
        changed = key if column == "id" else column
        cursor.execute(f"UPDATE {name} SET {changed} = {value} WHERE {key} = '{session}'")
    raw.commit()
    raw.invalidate()
