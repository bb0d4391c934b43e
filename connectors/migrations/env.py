"""Alembic's entry: migrates over the connection that `open_store` hands in, in its transaction."""

from alembic import context

from connectors.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
