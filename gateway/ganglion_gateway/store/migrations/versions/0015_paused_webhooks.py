# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks that are paused, and hooks whose secrets are replaced without a gap."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """To this revision."""
    op.add_column("endpoints", sa.Column("paused", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("hooks", sa.Column("former_secret", sa.Text(), nullable=True))
    op.add_column("hooks", sa.Column("former_until", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """To the revision before."""
    op.drop_column("hooks", "former_until")
    op.drop_column("hooks", "former_secret")
    op.drop_column("endpoints", "paused")
