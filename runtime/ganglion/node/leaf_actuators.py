# SPDX-License-Identifier: GPL-3.0-or-later
"""The actuators of leaves: each leaf is asked which it has and how they are, and the gateway is told as of the node's.

A leaf is asked when it is there in a new boot, now and then, and soon after something was set by way of its parent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from ganglion.errors import GanglionError
from ganglion.mesh.leaves.said import stated

#: Seconds between two questions to one leaf, and between two looks at which leaf is to be asked.
EVERY = 60.0
LOOK = 0.5


class LeafActuators:
    """Those of the leaves of one node.

    Args:
        there: Names of the leaves that are there and have the method `actuators.list`, each with how often it was
            started.
        ask: Asks a leaf by its name for its `actuators.list`.
        call: The method `leaf.call` without this.
        on_stated: Told what a leaf says of its actuators: its name, and what is known by actuator.
        publish: Sends a value to the gateway: leaf, actuator, value.
    """

    def __init__(
        self,
        *,
        there: Callable[[], Mapping[str, int]],
        ask: Callable[[str], Awaitable[Any]],
        call: Callable[[dict[str, Any], object], Awaitable[Any]],
        on_stated: Callable[[str, dict[str, dict[str, Any]]], None],
        publish: Callable[[str, str, Any], None],
    ) -> None:
        self._there = there
        self._ask = ask
        self._call = call
        self._on_stated = on_stated
        self._publish = publish
        self._asked: dict[tuple[str, int], float] = {}

    async def call(self, params: dict[str, Any], peer: object) -> Any:
        """The method `leaf.call`; what it may have set is looked at soon."""
        try:
            return await self._call(params, peer)
        finally:
            if params.get("method") == "actuators.set":
                for boot in [boot for boot in self._asked if boot[0] == params.get("leaf")]:
                    del self._asked[boot]

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            there, now = set(self._there().items()), loop.time()
            for gone in self._asked.keys() - there:
                del self._asked[gone]
            due = [boot for boot in there if now - self._asked.get(boot, -EVERY) >= EVERY]
            for boot in sorted(due):
                self._asked[boot] = now
                with suppress(GanglionError):  # it is away: it is asked again later
                    await self._look(boot[0])
            await asyncio.sleep(LOOK)

    async def _look(self, leaf: str) -> None:
        found = stated(await self._ask(leaf))
        self._on_stated(leaf, {name: each.about for name, each in found.items()})
        for name, each in found.items():
            if each.value is not None:
                self._publish(leaf, name, each.value)
