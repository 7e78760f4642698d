"""When a session was deleted; it can be restored for a moment."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the time of deletion."""
    op.add_column("sessions", sa.Column("deleted_utc", sa.DateTime))
    op.create_index("ix_sessions_deleted_utc", "sessions", ["deleted_utc"])
