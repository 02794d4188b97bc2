# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway that asks and a node that serves, in virtual time, with a way between them that does what a test says."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from ganglion.mesh.calls import Calls
from ganglion.mesh.member import Peer, Received, Sealed
from ganglion.mesh.methods import Methods
from ganglion.mesh.progress import Progress
from ganglion.mesh.rights import Rights
from ganglion.mova.virtual import VirtualLoop
from ganglion.units import SECOND
from ganglion_micro import gl1
from support.mesh import Enrolled, Site

#: What becomes of a message: the seconds after which each copy of it arrives.
Fate = list[float]


def prompt() -> Iterator[Fate]:
    """A way on which everything arrives at once."""
    while True:
        yield [0.0]


class Line:
    """Both ends.

    Args:
        site: Whose time is the loop's.
        fates: Of one message after the other, both ways; all that come after the last arrive at once.

    Attributes:
        said: What the node said, as the gateway heard it.
        begun: Parameters of the requests that the node has begun, in any boot.
    """

    def __init__(self, site: Site, loop: VirtualLoop, fates: Iterator[Fate] | None = None) -> None:
        self.site = site
        self.loop = loop
        self._fates = prompt() if fates is None else fates
        self.gateway = site.member("gateway", role="gateway")
        self.calls = Calls(
            self.gateway.member, publish=self._to_node, clock=self.now, monotonic=lambda: loop.time() + 7000
        )
        self.said: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.begun: list[dict[str, Any]] = []
        self._handlers: dict[str, Callable[[dict[str, Any], Peer], Awaitable[Any]]] = {}
        self.node = site.member("fridge")
        credential = site.authority.trust(now=site.now).verify(self.node.credential)
        self.rights = Rights(lambda: credential, clock=self.now, changed=lambda: self.methods.recheck())
        self.methods = self._start()
        self._hear(self.gateway, self.node.birth())

    def now(self) -> int:
        """Nanoseconds since the Unix epoch, of every clock here."""
        self.site.now = self.loop.now()
        return self.site.now

    def serve(self, method: str, handler: Callable[[dict[str, Any], Peer], Awaitable[Any]], **options: Any) -> None:
        """A method of the node, in this boot and all that follow."""
        self._handlers[method] = handler
        self.methods.serve(method, self._noted(handler), **options)

    def _noted(
        self, handler: Callable[[dict[str, Any], Peer], Awaitable[Any]]
    ) -> Callable[[dict[str, Any], Peer], Awaitable[Any]]:
        async def noted(params: dict[str, Any], peer: Peer) -> Any:
            self.begun.append(params)
            return await handler(params, peer)

        return noted

    def _start(self) -> Methods:
        node, began = self.node, self.loop.time()
        self._hear(node, self.gateway.birth())

        def say(sealed: Sealed) -> None:
            if self.node is node:  # who was killed says nothing
                self._send(sealed, lambda: self._hear(self.gateway, sealed))

        methods = Methods(
            node.member,
            publish=say,
            clock=self.now,
            rights=self.rights,
            monotonic=lambda: self.loop.time() - began + 3,
        )
        for method, handler in self._handlers.items():
            methods.serve(method, self._noted(handler))
        return methods

    async def restart(self) -> None:
        """Kills the node and starts it again; its birth goes the way of all messages."""
        killed, member = self.methods, self.node.member
        self.node = self.site.member(
            "fridge", epoch=member.epoch + 1, identity=member.identity, credential=self.node.credential
        )
        await killed.aclose()
        self.methods = self._start()
        self.now()
        birth = self.node.birth()
        self._send(birth, lambda: self._hear(self.gateway, birth))

    def _to_node(self, sealed: Sealed) -> None:
        self._send(sealed, lambda: self._hear(self.node, sealed))

    def _send(self, sealed: Sealed, arrive: Callable[[], object]) -> None:
        for delay in next(self._fates, [0.0]):
            self.loop.call_later(delay, arrive)

    def _hear(self, at: Enrolled, sealed: Sealed) -> Received | None:
        self.now()
        received = at.hears(sealed)
        if received is None:
            return None
        if at is not self.gateway:
            if received.kind == gl1.REQUEST:
                self.asked.append(received.body)
                self.methods.take(received)
        elif received.kind == gl1.REPLY:
            self.said.append(received.body)
            self.calls.take(received)
        elif received.kind == gl1.BIRTH and not received.repeated:
            self.calls.changed()
        return received

    async def ask(
        self,
        method: str = "led",
        params: dict[str, Any] | None = None,
        *,
        timeout: float = 30.0,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Any:
        """What the gateway gets for a request to the node."""
        find = self.gateway.member.find
        return await self.calls.request(lambda: find("fridge"), "fridge", method, params or {}, timeout, on_progress)

    def hear_request(self, **changes: Any) -> None:
        """A request of the gateway arrives at the node, whatever the gateway's calls know of it."""
        body = {"id": "r1", "method": "led", "params": {}, "nonce": self.node.member.nonce}
        body["deadline"] = self.now() + 9 * SECOND
        to = self.node.member.identity.node_id
        self._hear(self.node, self.gateway.member.seal(gl1.REQUEST, body | changes, now=self.now(), to=to))

    def hear_cancel(self, identity: str = "r1") -> None:
        """A cancel of the gateway arrives at the node."""
        body = {"id": identity, "cancel": True, "nonce": self.node.member.nonce}
        to = self.node.member.identity.node_id
        self._hear(self.node, self.gateway.member.seal(gl1.REQUEST, body, now=self.now(), to=to))


async def settled() -> None:
    """Returns when everything has happened that takes no time."""
    await asyncio.sleep(0.001)
