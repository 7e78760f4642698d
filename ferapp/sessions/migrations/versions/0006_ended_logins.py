"""Logins that were ended before they expire, as all replicas have to know."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table unless it is there."""
    if sa.inspect(op.get_bind()).has_table("ended_logins"):
        return
    op.create_table(
        "ended_logins",
        sa.Column("login", sa.String(64), primary_key=True),
        sa.Column("expires_utc", sa.DateTime, nullable=False, index=True),
    )
