# SPDX-License-Identifier: GPL-3.0-or-later
"""What babeld and batman-adv have measured, told to the router: where they run, they know more than hellos can say."""

import asyncio
import shutil
from collections.abc import Callable

from ganglion.mesh.links.lan import interface_of
from ganglion.mesh.overlay.effects import Effect
from ganglion.mesh.overlay.router import Router

#: Seconds between looks while something is measured, and while nothing is.
_LOOK, _IDLE = 5.0, 60.0


async def weigh(
    router: Callable[[], Router | None], done: Callable[[list[Effect]], None], now: Callable[[], int]
) -> None:
    """Keeps the costs of neighbours on LANs as others have measured them, until cancelled.

    Args:
        router: As it is now; None before there is one.
        done: Carries out what follows.
        now: Nanoseconds, the router's.
    """
    if not (shutil.which("babeld") or shutil.which("batctl")):
        return
    from ganglion.mesh.quality.quality import Quality  # costs memory, and few machines have either program

    quality = Quality()
    while True:
        await quality.refresh()
        if (current := router()) is not None:
            for neighbour in current.neighbours:
                interface, address = interface_of(neighbour.link.name), neighbour.address
                if interface and isinstance(address, tuple):
                    cost = quality.cost(interface, address[0])
                    done(current.measured(neighbour.via, cost, now()))
        await asyncio.sleep(_LOOK if any(source.available for source in quality.sources) else _IDLE)
