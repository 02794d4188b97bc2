# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts: where each stands, so that a gateway goes on with them after a restart."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "rollouts",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("release", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rollouts_open", "rollouts", ["open"])
    op.create_table(
        "rollout_stages",
        sa.Column("rollout", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("percent", sa.Float(), nullable=False),
        sa.Column("soak", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("passed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["rollout"], ["rollouts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("rollout", "number"),
    )
    op.create_table(
        "rollout_targets",
        sa.Column("rollout", sa.String(length=16), nullable=False),
        sa.Column("node", sa.String(length=26), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("want", sa.String(length=16), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("before", sa.String(length=64)),
        sa.Column("assigned", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("heard", sa.BigInteger(), nullable=False),
        sa.Column("has", sa.Boolean(), nullable=False),
        sa.Column("sleeps", sa.Boolean(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("alerts", sa.Integer(), nullable=False),
        sa.Column("claimed", sa.String(length=26)),
        sa.ForeignKeyConstraint(["rollout"], ["rollouts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("rollout", "node"),
        sa.UniqueConstraint("claimed"),
    )
    op.create_index("ix_rollout_targets_rollout_rank", "rollout_targets", ["rollout", "rank"])
    op.create_table(
        "rollout_notes",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("rollout", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["rollout"], ["rollouts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rollout_notes_rollout_number", "rollout_notes", ["rollout", "number"])


def downgrade() -> None:
    """To the revision before."""
    for table in ("rollout_notes", "rollout_targets", "rollout_stages", "rollouts"):
        op.drop_table(table)
