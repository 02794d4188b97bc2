# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of releases at nodes is told on `/ws` as it changes, at whichever gateway somebody follows it."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """To this revision."""
    op.add_column("release_reports", sa.Column("changed", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("ix_release_reports_changed", "release_reports", ["changed"])


def downgrade() -> None:
    """To the revision before."""
    op.drop_index("ix_release_reports_changed", "release_reports")
    op.drop_column("release_reports", "changed")
