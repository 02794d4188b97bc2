# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes webhooks of others: each that is believed becomes one event of the gateway, stored before its sender hears so.

A message is noted in the transaction of its event. One that comes again byte for byte is refused, whoever sends it.
One that its sender has signed anew, as the first answer was lost, is answered as that was and makes no second event.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import GanglionError
from ganglion.mesh.member import Received
from ganglion.sentences import say
from ganglion.units import SECOND
from ganglion_gateway.access.limiter import Rate
from ganglion_gateway.intake import Intake
from ganglion_gateway.rows import OWN_EPOCH
from ganglion_gateway.store import hooks
from ganglion_gateway.store.database import Database, Row
from ganglion_gateway.webhook.incoming import verify
from ganglion_micro import gl1

#: Nanoseconds for which a message is known. A body that is signed without a time could come again after that.
KNOWN = 7 * 86400 * SECOND
#: How long an event waits for its node, as what a script publishes and must arrive.
_WAIT = 86400 * SECOND


class Taken(NamedTuple):
    """What became of a message: its event, and whether that was there before."""

    event: str
    duplicate: bool


class ReplayError(GanglionError):
    """The message was here before, or another one under its id."""


class BusyError(GanglionError):
    """More messages than the hook takes; `after` is in seconds."""

    def __init__(self, message: str, after: float) -> None:
        super().__init__(message)
        self.after = after


class _KnownError(Exception):
    """Undoes a transaction: the message is noted already."""

    def __init__(self, row: Row) -> None:
        super().__init__(row["event"])
        self.row = row


class Hooks:
    """All of them.

    Args:
        database: Holds them, and what they have taken.
        intake: Takes their events.
        node: The gateway's id in the mesh.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(self, database: Database, intake: Intake, *, node: str, clock: Callable[[], int]) -> None:
        self._database = database
        self._intake = intake
        self._node = node
        self._clock = clock
        self._rates: dict[str, Rate] = {}
        self._number = 0

    async def take(self, hook: Row, headers: Mapping[str, str], body: bytes, value: Callable[[], Any]) -> Taken:
        """Makes an event of a request; it is stored when this returns.

        Args:
            hook: A row of `hooks`.
            value: Reads the body, once it is believed.

        Raises:
            UnverifiedError: it is not believed.
            BusyError: it is one too many.
            ReplayError: it was here before.
            InvalidError: the body is none that an event can hold.
        """
        now = self._clock()
        known = verify(hook, headers, body, now=now // SECOND)
        digest = {"hook": hook["id"], **known._asdict(), "expires": now + KNOWN}
        if (before := await hooks.seen(self._database, hook["id"], known.message)) is not None:
            return await self._again(hook, before, digest)
        rate = self._rates.setdefault(hook["id"], Rate(each_second=hook["rate"] / 60, burst=hook["rate"]))
        if after := rate.wait(hook["id"], time.monotonic()):
            raise BusyError(say("{name} takes {rate} messages a minute", name=hook["name"], rate=hook["rate"]), after)
        received = self._event(hook, value(), now)
        event = f"{received.node_id}-{received.epoch}-{received.seq}"
        row = {**digest, "event": event}

        async def note(connection: AsyncConnection) -> None:
            await hooks.prune(connection, now)
            if (before := await hooks.take(connection, row)) is not None:
                raise _KnownError(before)

        try:
            await self._intake.events([received], first=note)
        except _KnownError as twin:
            return await self._again(hook, twin.row, digest)  # it came twice at the same time
        return Taken(event, duplicate=False)

    def forget(self, hook: str) -> None:
        """A hook is gone."""
        self._rates.pop(hook, None)

    async def _again(self, hook: Row, before: Row, row: Row) -> Taken:
        if row["body"] != before["body"]:
            raise ReplayError(
                say("{name} has another message under this id: give each message an id of its own", name=hook["name"])
            )
        if row["stamp"] <= before["stamp"]:
            raise ReplayError(say("{name} has taken this very message before", name=hook["name"]))
        await self._database.write(lambda connection: hooks.again(connection, row))
        return Taken(before["event"], duplicate=True)

    def _event(self, hook: Row, value: Any, now: int) -> Received:
        self._number = max(self._number + 1, now)
        body = {"class": hook["cls"], "topic": hook["topic"], "value": value, "timestamp": now, "run": ""}
        body["source"] = f"hook:{hook['name']}"
        if hook["node"]:
            body |= {"to": hook["node"], "wait": _WAIT}
        return Received(gl1.EVENT, self._node, None, body, OWN_EPOCH, self._number, now)
