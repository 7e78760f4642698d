"""Run by Alembic for each migration; `ferapp.recording.database` hands the connection over."""

from alembic import context

from ferapp.recording.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
