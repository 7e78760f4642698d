"""How long sessions are, and how long the frame of each reading was shown."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add both; sessions of earlier versions don't know them."""
    op.add_column("sessions", sa.Column("duration_s", sa.Double))
    op.add_column("readings", sa.Column("duration_s", sa.Double))
