# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages `/releases`: what nodes can be given to run, and who has it."""

from ganglion_gateway.dashboard.releases import create as create
from ganglion_gateway.dashboard.releases import listing as listing
from ganglion_gateway.dashboard.releases import one as one
