"""The tables of recorded sessions, as the newest migration defines them."""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    true,
)

metadata: Final = MetaData()

sessions: Final = Table(
    "sessions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(255), nullable=False, index=True),
    Column("title", String(200), nullable=False),
    Column("source", String(16), nullable=False),
    # Wall-clock time in UTC and the offset of the owner's clock; readings give durations. Where the
    # start is unknown, this is when the session was added, by which lists are sorted.
    Column("started_utc", DateTime, nullable=False),
    Column("is_start_known", Boolean, nullable=False, server_default=true()),
    Column("offset_s", Integer, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("unsure_below", Double, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("models", JSON, nullable=False),
    Column("version", String(80), nullable=False),
    Column("consent", String(2000), nullable=False),
    Column("provenance", JSON),
    # Hash of the file that it was imported from, and of the title that it had then.
    Column("import_key", String(64)),
    Column("expires_utc", DateTime, index=True),
    # None unless it was deleted; it can be restored for a moment.
    Column("deleted_utc", DateTime, index=True),
    # Time of the last batch; an unfinished session that was not touched for a while was cut off.
    Column("touched_utc", DateTime, nullable=False),
    Column("is_finished", Boolean, nullable=False),
    Column("readings", Integer, nullable=False),
    Column("last_s", Double, nullable=False),
    # How long it is, with or without a face; None while it runs, and if it doesn't say.
    Column("duration_s", Double),
)

readings: Final = Table(
    "readings",
    metadata,
    # SQLite numbers rows automatically only in a column of type INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("session", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("at_s", Double, nullable=False),
    Column("face", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("x1", Double, nullable=False),
    Column("y1", Double, nullable=False),
    Column("x2", Double, nullable=False),
    Column("y2", Double, nullable=False),
    Column("score", Double, nullable=False),
    Column("expression", String(80)),
    Column("flaw", String(80)),
    Column("is_corrected", Boolean, nullable=False),
    # Little-endian float32, one per expression; the number of expressions depends on the model.
    Column("probabilities", LargeBinary),
    Column("smoothed", LargeBinary),
    Column("duration_s", Double),
    Index("readings_in_time", "session", "at_s"),
)

markers: Final = Table(
    "markers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("session", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at_s", Double, nullable=False),
    Column("name", String(200), nullable=False),
    # When an interval ends; None for a moment.
    Column("end_s", Double),
)

face_edits: Final = Table(
    "face_edits",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("session", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    # Changes in order from 1; 0 is a name that came with the readings.
    Column("step", Integer, nullable=False),
    Column("edit", JSON, nullable=False),
)

ended_logins: Final = Table(
    "ended_logins",
    metadata,
    # A hash of what the login's cookie holds.
    Column("login", String(64), primary_key=True),
    # When that cookie expires, and this row with it.
    Column("expires_utc", DateTime, nullable=False, index=True),
)
