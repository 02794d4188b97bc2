# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that wait to be approved, nodes that were revoked, and ids that nodes had before their keys were rotated."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "asking",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("approved", sa.BigInteger(), nullable=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("nodes", sa.Column("revoked", sa.BigInteger(), nullable=True))
    op.add_column("nodes", sa.Column("former", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """To the revision before."""
    op.drop_table("asking")
    op.drop_column("nodes", "former")
    op.drop_column("nodes", "revoked")
