# SPDX-License-Identifier: GPL-3.0-or-later
"""Dead letters that are tried again, and secrets of webhooks that are replaced without a gap."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0007"


def upgrade() -> None:
    """To this revision."""
    op.add_column("endpoints", sa.Column("former_secret", sa.Text(), nullable=True))
    op.add_column("endpoints", sa.Column("former_until", sa.BigInteger(), nullable=True))
    op.add_column("outbox", sa.Column("replayed", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """To the revision before."""
    op.drop_column("outbox", "replayed")
    op.drop_column("endpoints", "former_until")
    op.drop_column("endpoints", "former_secret")
