# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of confidential topics and their keys, and which events that one node publishes to another are of a group."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "groups",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("nodes", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "group_keys",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("members", sa.JSON(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["name"], ["groups.name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("name", "number"),
    )
    op.add_column("relays", sa.Column("confidential", sa.String(length=32), nullable=False, server_default=""))


def downgrade() -> None:
    """To the revision before."""
    op.drop_column("relays", "confidential")
    op.drop_table("group_keys")
    op.drop_table("groups")
