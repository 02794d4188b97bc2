# SPDX-License-Identifier: GPL-3.0-or-later
"""The costs of neighbours that babeld and batman-adv have measured, where they run."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from ganglion.mesh.quality import programs
from ganglion.mesh.quality.measured import Measured, Source, UnavailableError, plain
from ganglion.units import SECOND

#: Port of babeld's local interface where nobody says otherwise, as in most of its users' configurations.
BABELD = 33123
#: A neighbour not heard for so long is not a neighbour whose cost is known.
_STALE = 30 * SECOND


class Quality:
    """What was measured, as of the last `refresh`.

    Args:
        babeld: Port of babeld's local interface on ::1, or the path of its socket.
        clock: Nanoseconds that never go back.

    Attributes:
        sources: How it stands with each, as of the last `refresh`; none before it.
    """

    def __init__(self, *, babeld: int | str = BABELD, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._babeld = babeld
        self._clock = clock
        self._costs: dict[tuple[str, str], tuple[int, int]] = {}
        self.sources: list[Source] = []

    async def refresh(self) -> None:
        """Asks every source; what cannot be asked says so in `sources`, and what it said before is forgotten."""
        async with asyncio.TaskGroup() as tasks:
            asked = [
                tasks.create_task(_ask("batctl", programs.ask_batman())),
                tasks.create_task(_ask("babeld", programs.ask_babeld(self._babeld))),
            ]
        now = self._clock()
        # Where both know a neighbour babeld is believed: it measures what IP makes of the way.
        self._costs = {
            (each.interface, each.address): (each.cost, now - each.age) for task in asked for each in task.result()[1]
        }
        self.sources = [task.result()[0] for task in asked]

    def cost(self, interface: str, address: str) -> int | None:
        """What the way to a neighbour costs, or None where nobody has measured it of late.

        Args:
            interface: Name of the network interface.
            address: IP address, with or without its scope.
        """
        try:
            cost, heard = self._costs[interface, plain(address)]
        except (KeyError, ValueError):
            return None
        return cost if self._clock() - heard <= _STALE else None


async def _ask(name: str, asked: Coroutine[Any, Any, list[Measured]]) -> tuple[Source, list[Measured]]:
    try:
        measured = await asked
    except UnavailableError as error:
        return Source(name=name, available=False, why=error.why, remedy=error.remedy), []
    return Source(name=name, available=True, addresses=len(measured)), measured
