# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks: accepted into the outbox, delivered by a real gateway to one endpoint, and through a kill of it."""

from typing import NamedTuple

from ganglion.errors import GanglionError
from ganglion_tools.bench.gateway_site import Site, site
from ganglion_tools.bench.gateway_worker import PATIENCE

#: Seconds that a lot of messages may take at the least rate that is thought of.
_LONG = 10 * PATIENCE


class Webhooks(NamedTuple):
    """What was reached.

    Attributes:
        accepted: Events a second into the outbox.
        accepting: Processor time for each of them, in microseconds.
        bare: The same rows by sqlite3 alone.
        delivered: Messages a second, from the first to the last request of the part before the kill.
        delivering: Processor time of the gateway for each of them, in microseconds, with all else that it does.
        plain: Of a loop that signs, posts and commits one after the other.
        arrived: Events at the receiver in the end, by their ids.
        copies: Requests with an event that had come before: after the kill it is not known what was taken.
    """

    accepted: float
    accepting: float
    bare: float
    delivered: float
    delivering: float
    plain: float
    arrived: int
    copies: int


async def measure(*, events: int, plain: int) -> Webhooks:
    """Measures.

    Args:
        events: That are accepted and delivered.
        plain: Of them, those that the plain loop delivers.

    Raises:
        GanglionError: one is lost.
    """
    async with site() as place:
        outbox = await place.worker("gateway_outbox", str(place.state), place.hook, place.secret)
        accepted = await outbox.ask("fill", within=_LONG, count=events)
        bare = (await outbox.ask("bare", within=_LONG, count=events))["seconds"]
        by_hand = (await outbox.ask("plain", within=_LONG, count=plain))["seconds"]
        await _expect(place, plain)
        await place.receiver.ask("forget")
        await outbox.stop()
        await place.start()
        await place.receiver.ask("wait", within=_LONG, count=1, silence=PATIENCE)
        spent = place.seconds()
        await place.receiver.ask("wait", within=_LONG, count=events // 2, silence=PATIENCE)
        spent = place.seconds() - spent
        await place.kill()
        before = await place.receiver.ask("report", within=PATIENCE)
        await place.start()
        await place.receiver.ask("wait", within=_LONG, count=events, silence=PATIENCE)
        await place.receiver.ask("quiet", within=_LONG, seconds=1.0)
        found = await _expect(place, events)
        return Webhooks(
            accepted=events / accepted["seconds"],
            accepting=accepted["spent"] / events * 1e6,
            bare=events / bare,
            delivered=before["requests"] / before["seconds"],
            delivering=spent / before["requests"] * 1e6,
            plain=plain / by_hand,
            arrived=found["events"],
            copies=found["copies"],
        )


async def _expect(place: Site, events: int) -> dict[str, int]:
    found = await place.receiver.ask("report", within=PATIENCE)
    if found["forged"] or found["events"] != events:
        raise GanglionError(
            f"bench gateway: {found['events']} of {events} events reached the receiver, "
            f"and {found['forged']} requests were not signed"
        )
    return found
