# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node tells the fleet of itself without being asked: vitals, how earlier runs ended, and what it warns of.

Crashes, warnings and errors must arrive: they wait in the spool through an outage. Of warnings that is bounded by a
rate, so that a node with a sick sensor does not fill it; how many were left out is told with the next ones.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ganglion.errors import GanglionError
from ganglion.mesh.client import MeshClient
from ganglion.mesh.overlay.bucket import Bucket
from ganglion.mesh.told import CRASH, LOG
from ganglion.node.console.tail import NOTE, Tail
from ganglion.node.crashes import NOTE as GOES_ON
from ganglion.node.crashes import Crashes
from ganglion.node.vitals import Machine, Vitals
from ganglion.sensors import Sensors

if TYPE_CHECKING:
    from ganglion.mesh.leaves.leaves import Leaves

_log = logging.getLogger(__name__)

#: Seconds that warnings wait for others, and letters of those that go out together.
GATHER = 1.0
_ROOM = 16_384
#: Warnings and errors at once, and a second after that: 8640 a day.
BURST, RATE = 100.0, 0.1


class Publish(Protocol):
    """Signs an event and keeps it until the gateway has it: `MeshClient.publish_event`."""

    def __call__(self, cls: str, body: Mapping[str, Any], /) -> object: ...


class Telling:
    """That of one node.

    Args:
        vitals: Said each minute.
        crashes: Told once.
        tail: What the node logs.
        publish: Takes events.
        saved: Returns when every event so far is safe on the disk.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(
        self,
        *,
        vitals: Vitals,
        crashes: Crashes | None,
        tail: Tail,
        publish: Publish,
        saved: Callable[[], Awaitable[None]],
        clock: Callable[[], int],
    ) -> None:
        self._vitals = vitals
        self._crashes = crashes
        self._tail = tail
        self._publish = publish
        self._saved = saved
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._vitals.run())
            tasks.create_task(self._warn())
            if self._crashes is not None:
                tasks.create_task(self._crashed(self._crashes))

    async def _crashed(self, crashes: Crashes) -> None:
        for record in crashes.waiting():
            try:
                self._publish(CRASH, {"topic": CRASH, "value": record, "timestamp": record["at"]})
                await self._saved()
                crashes.told(record["id"])
            except (GanglionError, OSError) as error:  # it is told at the next start
                _log.error("A crash is not told: %s.", error)
        while True:
            await asyncio.sleep(GOES_ON)
            crashes.note()

    async def _warn(self) -> None:
        lines, after, lost = self._tail.lines, 0, 0
        allowed = Bucket(RATE, BURST, self._clock())
        while True:
            found, after, missed = lines.since(after, logging.WARNING, _ROOM)
            lost += missed
            records = []
            for line in found:
                if line.level == NOTE:
                    continue  # what happens at the console is for who is there
                if allowed.take(self._clock()):
                    logger, _, text = line.text.partition(": ")
                    records.append([line.at, line.level, logger, text])
                else:
                    lost += 1
            if records:
                try:
                    self._publish(LOG, {"topic": LOG, "records": records, "lost": lost})
                    lost = 0
                except GanglionError as error:
                    _log.info("Warnings are not told: %s.", error)  # not a warning, or it would be one of them
            await asyncio.sleep(GATHER)


def telling(
    mesh: MeshClient,
    state: Path,
    *,
    tail: Tail,
    sensors: Sensors,
    refused: Mapping[str, str],
    leaves: "Leaves | None",
    crashes: Crashes | None,
    clock: Callable[[], int],
) -> Telling:
    """What a node of a mesh tells.

    Args:
        state: The node's state folder.
        tail: What it logs.
        sensors: Its own.
        refused: Its scripts that could not be loaded, and why.
        leaves: Of which it is the parent; None for none.
        crashes: How earlier runs ended; None where nobody keeps that.
        clock: Nanoseconds since the Unix epoch.
    """

    def spool() -> dict[str, int]:
        delivery = mesh.statistics().delivery
        return {"count": delivery.spooled, "lost": delivery.dropped}

    vitals = Vitals(
        Machine(state),
        sensors,
        refused=refused,
        spool=spool,
        reset="" if crashes is None else crashes.reset,
        publish=lambda stream, value: mesh.publish_reading(stream, value, clock()),
        leads=lambda: mesh.leads,
        gateways=lambda: mesh.gateways,
        leaves=tuple if leaves is None else partial(leaves.there, "status"),
        ask=None if leaves is None else leaves.status,
    )
    return Telling(vitals=vitals, crashes=crashes, tail=tail, publish=mesh.publish_event, saved=mesh.saved, clock=clock)
