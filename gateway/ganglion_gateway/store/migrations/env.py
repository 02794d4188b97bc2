# SPDX-License-Identifier: GPL-3.0-or-later
"""What Alembic runs: migrates over the connection that `ganglion_gateway.store.database` hands in."""

from alembic import context

import ganglion_gateway.store.releases  # noqa: F401 - its tables are among those of `metadata`
from ganglion_gateway.store import bridge_tables  # noqa: F401 - its tables are in the metadata
from ganglion_gateway.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by making it anew
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
