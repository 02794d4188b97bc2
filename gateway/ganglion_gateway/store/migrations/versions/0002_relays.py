# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that one node publishes to another."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "relays",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("sender", sa.String(length=26), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["event"], ["events.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("event"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_relays_state_node_number", "relays", ["state", "node", "number"], unique=False)
    op.create_index("ix_relays_state_sender", "relays", ["state", "sender"], unique=False)


def downgrade() -> None:
    """To the revision before."""
    op.drop_table("relays")
