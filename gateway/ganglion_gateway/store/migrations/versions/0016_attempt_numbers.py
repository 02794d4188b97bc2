# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of attempts to deliver are not given again, as what is told on `/ws` is read behind the last of them.

SQLite gives the number of a deleted last row to the next one unless the table is made so; PostgreSQL never does.
"""

from typing import Any

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """To this revision."""
    _make_anew(sqlite_autoincrement=True)


def downgrade() -> None:
    """To the revision before."""
    _make_anew()


def _make_anew(**options: Any) -> None:
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("deliveries", recreate="always", table_kwargs=options):
            pass
