# SPDX-License-Identifier: GPL-3.0-or-later
"""The group that a reading was sealed for: what is confidential goes nowhere in the clear after a restart either."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """To this revision."""
    op.add_column("readings", sa.Column("confidential", sa.String(length=32), nullable=True))


def downgrade() -> None:
    """To the revision before."""
    op.drop_column("readings", "confidential")
