# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of a language model that wait for a person: what somebody has decided outlives a restart."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "consents",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("node", sa.String(length=26), nullable=False),
        sa.Column("nonce", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("actuator", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("node", "nonce"),
    )


def downgrade() -> None:
    """To the revision before."""
    op.drop_table("consents")
