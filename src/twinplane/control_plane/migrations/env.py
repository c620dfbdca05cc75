"""Runs the versions on the connection, and in the transaction, that `Database.migrate` opened."""

from alembic import context

# SQLite can roll back DDL, and our connections begin for themselves, so a version that fails leaves nothing behind.
context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
