# SPDX-License-Identifier: GPL-3.0-or-later
"""A script that is loaded, and what its runs wait for."""

import asyncio
import random
from collections.abc import Callable
from typing import Any, Protocol

from ganglion.mova.lane import Lane
from ganglion.mova.plan import Plan
from ganglion.mova.trigger import Bound
from ganglion_micro import plan as p
from ganglion_micro.effects import Done
from ganglion_micro.engine import Engine

#: Looks at the steps of a run, as an episode tells them.
Watch = Callable[[list[dict[str, Any]]], None]


class Cancellable(Protocol):
    """A task or timer."""

    def cancel(self) -> object:
        """Calls it off."""


class Script:
    """One script that is loaded.

    Attributes:
        pending: What each run, or branch of one, waits for.
        deadlines: When the time of each run is over, of those that have one and wait.
        outcomes: Who is told how a run has ended, of those that somebody waits for.
        watches: Who looks on, of runs that somebody looks at.
    """

    __slots__ = ("bound", "deadlines", "engine", "lanes", "name", "outcomes", "pending", "ttl", "watches")

    def __init__(self, plan: Plan) -> None:
        self.name = plan.name
        self.ttl: int = plan.body[p.TTL]
        self.engine = Engine(plan.body, random.random)
        self.lanes = [Lane(i, protocol) for i, protocol in enumerate(plan.body[p.PROTOCOLS])]
        self.bound: list[Bound] = []
        self.pending: dict[str, Cancellable] = {}
        self.deadlines: dict[str, asyncio.TimerHandle] = {}
        self.outcomes: dict[str, asyncio.Future[Done]] = {}
        self.watches: dict[str, Watch] = {}
