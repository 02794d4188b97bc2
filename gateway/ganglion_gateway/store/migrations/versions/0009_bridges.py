# SPDX-License-Identifier: GPL-3.0-or-later
"""The bridges: dead letters that are tried again, webhooks whose secrets are replaced without a gap or that come in,
what language models have used, and a cache.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """To this revision."""
    op.add_column("endpoints", sa.Column("former_secret", sa.Text(), nullable=True))
    op.add_column("endpoints", sa.Column("former_until", sa.BigInteger(), nullable=True))
    op.add_column("outbox", sa.Column("replayed", sa.BigInteger(), nullable=True))
    op.create_table(
        "hooks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scheme", sa.String(length=16), nullable=False),
        sa.Column("header", sa.String(length=64), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("cls", sa.String(length=32), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "hook_messages",
        sa.Column("hook", sa.String(length=32), nullable=False),
        sa.Column("message", sa.String(length=64), nullable=False),
        sa.Column("body", sa.String(length=64), nullable=False),
        sa.Column("stamp", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["hook"], ["hooks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hook", "message"),
    )
    op.create_index("ix_hook_messages_expires", "hook_messages", ["expires"])
    op.create_table(
        "model_usage",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("node", sa.String(length=26), nullable=False),
        sa.Column("script", sa.String(length=128), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("cached", sa.Integer(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "node", "script", "model"),
    )
    op.create_table(
        "cache",
        sa.Column("space", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("space", "key"),
    )
    op.create_index("ix_cache_expires", "cache", ["expires"])


def downgrade() -> None:
    """To the revision before."""
    for table in ("cache", "model_usage", "hook_messages", "hooks"):
        op.drop_table(table)
    op.drop_column("outbox", "replayed")
    op.drop_column("endpoints", "former_until")
    op.drop_column("endpoints", "former_secret")
