# SPDX-License-Identifier: GPL-3.0-or-later
"""Events on a node: who must know, decided in C where the build has it and by its Python twin elsewhere."""

from ganglion.bus.backend import BACKEND, BACKENDS, WHY_NOT
from ganglion.bus.bus import Bus
from ganglion.bus.filter import Filter
from ganglion.bus.outcome import Emitted
from ganglion.bus.queue import Overflow, Queue
from ganglion.bus.subscription import Statistics, Subscription, TopicStatistics
from ganglion.bus.twin import Pick, Routes
from ganglion.bus.where import Op, Statistic, Where, Window

__all__ = [
    "BACKEND",
    "BACKENDS",
    "WHY_NOT",
    "Bus",
    "Emitted",
    "Filter",
    "Op",
    "Overflow",
    "Pick",
    "Queue",
    "Routes",
    "Statistic",
    "Statistics",
    "Subscription",
    "TopicStatistics",
    "Where",
    "Window",
]
