"""Run by Alembic for each migration; `ferapp.sessions.database` hands the connection over."""

from alembic import context

from ferapp.sessions.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
