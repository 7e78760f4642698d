"""Sessions, their readings and their markers."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(255), nullable=False, index=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("started_utc", sa.DateTime, nullable=False),
        sa.Column("offset_s", sa.Integer, nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("unsure_below", sa.Double, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("models", sa.JSON, nullable=False),
        sa.Column("version", sa.String(80), nullable=False),
        sa.Column("consent", sa.String(2000), nullable=False),
        sa.Column("expires_utc", sa.DateTime, index=True),
        sa.Column("touched_utc", sa.DateTime, nullable=False),
        sa.Column("is_finished", sa.Boolean, nullable=False),
        sa.Column("readings", sa.Integer, nullable=False),
        sa.Column("last_s", sa.Double, nullable=False),
    )
    op.create_table(
        "readings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column(
            "session",
            sa.String(32),
            sa.ForeignKey("sessions.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("at_s", sa.Double, nullable=False),
        sa.Column("face", sa.BigInteger, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("x1", sa.Double, nullable=False),
        sa.Column("y1", sa.Double, nullable=False),
        sa.Column("x2", sa.Double, nullable=False),
        sa.Column("y2", sa.Double, nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("expression", sa.String(80)),
        sa.Column("flaw", sa.String(80)),
        sa.Column("is_corrected", sa.Boolean, nullable=False),
        sa.Column("probabilities", sa.LargeBinary),
        sa.Column("smoothed", sa.LargeBinary),
    )
    op.create_index("readings_in_time", "readings", ["session", "at_s"])
    op.create_table(
        "markers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "session",
            sa.String(32),
            sa.ForeignKey("sessions.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("at_s", sa.Double, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
    )
