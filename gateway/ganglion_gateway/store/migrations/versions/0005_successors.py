# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that nodes were given a credential for, and may go on under: a broker's accounts have to know them first."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "successors",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("former", sa.String(length=26), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    """To the revision before."""
    op.drop_table("successors")
