# SPDX-License-Identifier: GPL-3.0-or-later
"""How a member says that it is there: its birth, again until everybody has heard it, and the will it leaves."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ganglion.mesh.member import Member, Sealed
from ganglion.mesh.transport import Transport
from ganglion_micro import gl1

#: Seconds between two births while someone keeps publishing our death.
_REBIRTH = 1.0
#: Seconds until a birth is published again as it is, doubled each time up to the second figure. NATS Server can lose
#: a retained message for whoever subscribes in the same moment, live and retained copy both: nobody may depend on one.
_REPEAT = (1.0, 60.0)

#: Seconds that a goodbye may take.
_FAREWELL = 1.0


class Presence:
    """The presence of one member. Runs on one event loop.

    Args:
        member: Seals.
        transport: Gets the will here and the births later.
        clock: Nanoseconds since the Unix epoch.
        birth: The birth's body as it is now; None while nobody would believe it.
        authority: Topics and payloads of what the authority says, for a gateway to retain; None for a node.
        on_said: Gets each new birth, before the broker does.
        on_born: Called when the broker has a birth: events are believed by who has heard it, so they follow.
        on_repeated: Called when the birth was said again.
    """

    def __init__(
        self,
        member: Member,
        transport: Transport,
        *,
        clock: Callable[[], int],
        birth: Callable[[], dict[str, Any] | None],
        authority: Callable[[], list[tuple[str, bytes]]] | None,
        on_said: Callable[[Sealed], None],
        on_born: Callable[[], None],
        on_repeated: Callable[[], None],
    ) -> None:
        self._member = member
        self._transport = transport
        self._clock = clock
        self._birth = birth
        self._authority = authority
        self._on_said = on_said
        self._on_born = on_born
        self._on_repeated = on_repeated
        self._last: Sealed | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._announced = asyncio.Event()
        self._leaving = False
        self.make_will()

    @property
    def last(self) -> Sealed | None:
        """The last birth; None before the first."""
        return self._last

    def rekeyed(self) -> None:
        """There is another key, whose birth is still to be said: wherever a way to somebody is found next."""
        self._last = None
        self.make_will()

    def make_will(self) -> None:
        """What the broker says for us when the next connection breaks: under the key and epoch of now."""
        will = self._death()
        self._transport.set_will(will.topic, will.payload, qos=1)

    def announce(self) -> None:
        """Publishes the birth (again): after a connection, a credential, a change of what it says."""
        self._timer = None
        body = self._birth()
        if body is not None:
            self._last = self._member.seal(gl1.BIRTH, body, now=self._clock())
            self._on_said(self._last)
            self._publish(self._last, self._on_born)
            self._announced.set()

    def repeat(self) -> None:
        """The same birth again, for whoever has missed it; to everyone else it says nothing new."""
        if self._last is not None and self._birth() is not None:
            self._publish(self._last)

    def refresh(self) -> None:
        """Something that is said with the birth is new: now, and again until everybody has heard it."""
        self.repeat()
        self._announced.set()

    def outlive(self) -> None:
        """The broker gave an earlier connection of this boot up, or somebody says so: we live."""
        if self._timer is None and not self._leaving:
            self._timer = asyncio.get_running_loop().call_later(_REBIRTH, self.announce)

    async def leave(self) -> None:
        """Says goodbye, and waits for the broker to have heard it: NATS Server can lose what a DISCONNECT follows.

        Without a connection nobody hears it, and a broker that there was says the will.
        """
        self._leaving = True
        if self._timer is not None:
            self._timer.cancel()
        if not self._transport.connected:
            return
        death = self._death()
        heard = asyncio.Event()
        self._transport.publish(death.topic, death.payload, qos=1, on_done=heard.set)
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await heard.wait()

    async def run(self) -> None:
        """Says the birth again and again, ever less often, until cancelled."""
        while True:
            await self._announced.wait()
            self._announced.clear()
            pause, longest = _REPEAT
            while not self._announced.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause * random.uniform(0.8, 1.2)):
                        await self._announced.wait()
                if not self._announced.is_set():
                    self.repeat()
                    self._on_repeated()
                pause = min(2 * pause, longest)

    def connected(self) -> None:
        """There is a new connection: what was said on the last one is said anew."""
        self.announce()
        self._announced.set()

    def _publish(self, sealed: Sealed, on_done: Callable[[], None] | None = None) -> None:
        if not self._transport.connected:
            return  # all of it is said anew on the next connection, and must not fill the queue until then
        publish = self._transport.publish
        if self._authority is not None:
            for topic, payload in self._authority():
                publish(topic, payload, qos=1, retain=True)
            gateway = gl1.gateway_topic(self._member.mesh, self._member.identity.node_id)
            publish(gateway, sealed.payload, qos=1, retain=True)
        publish(sealed.topic, sealed.payload, qos=1, retain=True, on_done=on_done)

    def _death(self) -> Sealed:
        return self._member.seal(gl1.DEATH, {"epoch": self._member.epoch}, now=self._clock())
