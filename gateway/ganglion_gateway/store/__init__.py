# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway keeps: tables, migrations, one writer, and the questions that are asked of it."""

from ganglion_gateway.store import (  # noqa: F401 - their tables are part of the metadata
    access_tables,
    fleet_tables,
    rollout_tables,
)
