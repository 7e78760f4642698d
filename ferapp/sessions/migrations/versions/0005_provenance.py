"""Sessions whose start is unknown, the file that they were read from, and what was imported."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_UNKNOWN = "1970-01-01 00:00:00.000000"


def upgrade() -> None:
    """Add the columns, and let go of the start that batches of earlier versions made up."""
    wanted = (
        sa.Column("is_start_known", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("provenance", sa.JSON),
        sa.Column("import_key", sa.String(64)),
    )
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("sessions")}
    for column in wanted:
        if column.name not in there:
            op.add_column("sessions", column)
    op.execute(
        "UPDATE sessions SET is_start_known = (1 = 0), started_utc = touched_utc "
        f"WHERE started_utc = '{_UNKNOWN}'"
    )
