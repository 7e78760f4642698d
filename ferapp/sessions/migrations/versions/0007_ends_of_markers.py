"""Markers that last: when an interval ends."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the end; markers of earlier versions are moments."""
    op.add_column("markers", sa.Column("end_s", sa.Double))
