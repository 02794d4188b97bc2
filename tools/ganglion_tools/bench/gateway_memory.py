# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gateway weighs by how many nodes it knows, each born as real ones are."""

import time
from typing import NamedTuple

from ganglion_tools.bench.gateway_site import Site, Weight, site, until
from ganglion_tools.bench.gateway_worker import PATIENCE

_LONG = 10 * PATIENCE


class Known(NamedTuple):
    """At one size.

    Attributes:
        nodes: How many it knows.
        weight: Of the gateway.
        seconds: From the first birth that was said since the size before until it knew all.
    """

    nodes: int
    weight: Weight
    seconds: float


async def measure(sizes: tuple[int, ...]) -> list[Known]:
    """Of one gateway that gets ever more nodes; the sizes rise."""
    async with site() as place:
        await place.start()
        worker = await place.nodes("w")
        found: list[Known] = []
        for size in sizes:
            began = time.monotonic()
            missing = size - (found[-1].nodes if found else 0)
            if missing:
                await worker.ask("births", within=_LONG, count=missing, listen=False)
            await _known(place, size)
            found.append(Known(size, place.weight(), time.monotonic() - began))
        return found


async def _known(place: Site, size: int) -> None:
    async def all_of_them() -> bool:
        online = await place.metric('ganglion_gateway_nodes{presence="online"}')
        offline = await place.metric('ganglion_gateway_nodes{presence="offline"}')
        return online + offline >= size  # who says nothing after its birth is offline after a while

    await until(all_of_them, f"the gateway knows {size} nodes", within=_LONG)
