# SPDX-License-Identifier: GPL-3.0-or-later
"""People with passwords and their logins, API keys by scope that expire, and requests with an idempotency key."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "logins",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("user", sa.String(length=16), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_logins_user", "logins", ["user"])
    op.create_index("ix_logins_expires", "logins", ["expires"])
    op.create_table(
        "idempotency",
        sa.Column("who", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("asked", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.BigInteger()),
        sa.Column("answer", sa.LargeBinary()),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("who", "key"),
    )
    op.create_index("ix_idempotency_expires", "idempotency", ["expires"])
    op.add_column("api_keys", sa.Column("scopes", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("api_keys", sa.Column("expires", sa.BigInteger(), nullable=True))
    op.add_column("api_keys", sa.Column("creator", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """To the revision before. A key by scopes has no role that would say as much: it goes."""
    op.execute(sa.text("DELETE FROM api_keys WHERE role = 'scopes'"))
    for name in ("creator", "expires", "scopes"):
        op.drop_column("api_keys", name)
    for name in ("idempotency", "logins", "users"):
        op.drop_table(name)
