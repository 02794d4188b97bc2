# SPDX-License-Identifier: GPL-3.0-or-later
"""Events from many nodes through the gateway to a webhook receiver: held at a rate, and through a kill of it."""

import asyncio
import time
from typing import NamedTuple

from ganglion.errors import GanglionError
from ganglion_tools.bench.gateway_site import Site, Weight, until
from ganglion_tools.bench.gateway_worker import PATIENCE, Worker

#: Processes of simulated nodes.
PROCESSES = 2


class Held(NamedTuple):
    """How a rate was held.

    Attributes:
        sent: Events.
        arrived: Of them, those that the receiver has, by their ids.
        rate: Of them stored a second, from the first sent to the last acknowledged.
        cores: Share of one core that the gateway took meanwhile.
        each: Processor time of the gateway for each event, in microseconds.
        weight: Its memory at the end.
        p50: Milliseconds from the event at its node to the receiver.
        p99: The same.
        copies: Requests with an event that had come before.
    """

    sent: int
    arrived: int
    rate: float
    cores: float
    each: float
    weight: Weight
    p50: float
    p99: float
    copies: int


async def populate(place: Site, nodes: int) -> list[Worker]:
    """So many nodes that listen, and that the gateway knows as online."""
    workers = [await place.nodes(f"n{number}x") for number in range(PROCESSES)]
    each = -(-nodes // PROCESSES)
    shares = [min(each, nodes - each * number) for number in range(PROCESSES)]
    await asyncio.gather(
        *(worker.ask("births", count=n, listen=True) for worker, n in zip(workers, shares, strict=True))
    )

    async def known() -> bool:
        return await place.metric('ganglion_gateway_nodes{presence="online"}') >= nodes

    await until(known, f"{nodes} nodes online")
    return workers


async def hold(place: Site, workers: list[Worker], *, rate: float, seconds: float) -> Held:
    """Measures. Raises: GanglionError, an event was lost."""
    await _send(place, workers, rate, min(2.0, seconds))  # whoever is first loads modules and connects
    await place.receiver.ask("forget")
    spent, began = place.seconds(), time.monotonic()
    sent, held = await _send(place, workers, rate, seconds)
    spent, took = place.seconds() - spent, time.monotonic() - began
    found = await place.receiver.ask("report", within=PATIENCE)
    _complete(found, sent)
    return Held(
        sent=sent,
        arrived=found["events"],
        rate=held,
        cores=spent / took,
        each=spent / sent * 1e6,
        weight=place.weight(),
        p50=found["p50"],
        p99=found["p99"],
        copies=found["copies"],
    )


async def _send(place: Site, workers: list[Worker], rate: float, seconds: float) -> tuple[int, float]:
    """Events from all, delivered; how many, and how many a second until the last was acknowledged."""
    told = await asyncio.gather(
        *(
            worker.ask("send", within=seconds + 2 * PATIENCE, rate=rate / len(workers), seconds=seconds)
            for worker in workers
        )
    )
    sent = sum(each["sent"] for each in told)
    await place.receiver.ask("wait", within=10 * PATIENCE, count=sent, silence=PATIENCE)
    await place.receiver.ask("quiet", seconds=0.3)
    return sent, sent / max(each["seconds"] for each in told)


def _complete(found: dict[str, int], sent: int) -> None:
    if found["forged"] or found["events"] != sent:
        raise GanglionError(
            f"bench gateway: {sent} events were acknowledged, {found['events']} reached the receiver "
            f"and {found['forged']} requests were not signed"
        )


async def killed(place: Site, workers: list[Worker], *, rate: float, seconds: float) -> tuple[int, int, int]:
    """The same, with a SIGKILL of the gateway in the middle: events sent, those that arrived, copies.

    Raises:
        GanglionError: an event was lost.
    """
    await place.receiver.ask("forget")
    sending = asyncio.create_task(_send(place, workers, rate, seconds))
    await asyncio.sleep(seconds / 2)
    await place.kill()
    await place.start()
    sent, _ = await sending
    found = await place.receiver.ask("report", within=PATIENCE)
    _complete(found, sent)
    return sent, found["events"], found["copies"]
