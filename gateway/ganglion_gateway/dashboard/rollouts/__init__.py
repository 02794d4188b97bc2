# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages `/rollouts`: releases on their way to many nodes."""

from ganglion_gateway.dashboard.rollouts import listing as listing
from ganglion_gateway.dashboard.rollouts import one as one
from ganglion_gateway.dashboard.rollouts import plan as plan
