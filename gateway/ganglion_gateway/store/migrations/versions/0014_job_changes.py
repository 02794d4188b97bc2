# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs and what became of them are told on `/ws` as they change, at whichever gateway somebody follows them."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """To this revision."""
    for table in ("jobs", "job_targets"):
        op.add_column(table, sa.Column("changed", sa.BigInteger(), nullable=False, server_default="0"))
        op.create_index(f"ix_{table}_changed", table, ["changed"])


def downgrade() -> None:
    """To the revision before."""
    for table in ("jobs", "job_targets"):
        op.drop_index(f"ix_{table}_changed", table)
        op.drop_column(table, "changed")
