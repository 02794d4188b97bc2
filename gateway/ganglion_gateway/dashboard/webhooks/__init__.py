# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages `/webhooks`: where events go, what did not arrive, and who may tell the gateway of some."""

from ganglion_gateway.dashboard.webhooks import dead as dead
from ganglion_gateway.dashboard.webhooks import incoming as incoming
from ganglion_gateway.dashboard.webhooks import one as one
from ganglion_gateway.dashboard.webhooks import out as out
