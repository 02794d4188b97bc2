# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands to many nodes: each at most once on a node, however often gateway or node restart meanwhile."""

from ganglion_gateway.jobs.job import ENDED, Job, State, Target
from ganglion_gateway.jobs.jobs import Jobs
from ganglion_gateway.jobs.order import Order, order

__all__ = ["ENDED", "Job", "Jobs", "Order", "State", "Target", "order"]
