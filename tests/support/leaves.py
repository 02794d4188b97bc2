# SPDX-License-Identifier: GPL-3.0-or-later
"""A parent and its leaf without a network, in virtual time; and a leaf on UDP for a parent that is a node."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from ganglion.mesh.leaves.effects import Answered, Effect, Happened, Keep, Read, Send
from ganglion.mesh.leaves.parent import Entry, Parent
from ganglion.mesh.standing import Cause
from ganglion_micro import gl1, mac0
from ganglion_micro.leaf import Leaf
from ganglion_micro.leaf_key import LeafKey
from support.mesh import NOW

MESH = bytes(range(8))
#: A node that is a parent, by the `broker` and the `port` on which it hears its leaves.
PARENT = """
[node]
name = "barn"
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
[leaves]
host = "127.0.0.1"
port = {port}
"""
KEY = LeafKey(MESH, bytes(range(32)))
MS = 1_000_000


class Pair:
    """A parent that knows one leaf, and the leaf.

    Attributes:
        said: What each said, oldest first, as ("leaf" or "parent", bytes).
        effects: What the parent had to do besides sending.
        deliver: Asked of each message on its way; what it returns arrives, in order.
    """

    def __init__(self, *, key: LeafKey = KEY, epoch: int = 1, known: int = 0) -> None:
        self.now = NOW
        self.key = key
        self.epochs = {key.kid: known}
        self.said: list[tuple[str, bytes]] = []
        self.effects: list[Effect] = []
        self.deliver: Callable[[str, bytes], list[tuple[str, bytes]]] = lambda who, data: [(who, data)]
        self.stores = True
        self.parent = self.start_parent(epoch=1)
        self.leaf = self.start_leaf(epoch)

    def start_parent(self, epoch: int) -> Parent:
        """A boot of the parent, with what its disk knows."""
        self.parent = Parent(mesh=MESH, epoch=epoch, nonce=epoch.to_bytes(8, "big"), now=self.now)
        self.parent.know({self.key.kid: Entry("garden", self.key, self.epochs[self.key.kid])}, self.now)
        return self.parent

    def start_leaf(self, epoch: int, nonce: bytes = b"") -> Leaf:
        """A boot of the leaf."""
        self.leaf = Leaf(self.key, epoch, nonce or epoch.to_bytes(8, "little"), {"board": "pico", "units": {"t": "°C"}})
        self.leaf.serve("add", lambda params: params["a"] + params["b"])
        return self.leaf

    def way(self, data: bytes) -> None:
        """From the parent."""
        self.carry("parent", data)

    def carry(self, who: str, data: bytes) -> None:
        """Has a message go its way, and the answers to it."""
        self.said.append((who, data))
        for sender, arriving in self.deliver(who, data):
            self.arrive(sender, arriving)

    def arrive(self, who: str, data: bytes) -> None:
        """A message of this one has come to the other."""
        if who == "leaf":
            self.do(self.parent.take(data, self.way, self.now))
        else:
            for answer in self.leaf.receive(data):
                self.carry("leaf", answer)

    def do(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                effect.way(effect.data)
                continue
            self.effects.append(effect)
            if isinstance(effect, Keep):
                self.epochs[effect.kid] = effect.epoch
            elif isinstance(effect, Happened) and self.stores:
                self.do(self.parent.stored(effect, self.now))

    def pass_ms(self, ms: int) -> None:
        """So much time passes."""
        self.now += ms * MS
        self.do(self.parent.silence(self.now))
        for data in self.leaf.advance(ms):
            self.carry("leaf", data)

    def join(self) -> "Pair":
        """Until the parent has this boot of the leaf."""
        for _ in range(20):
            self.pass_ms(1000)
            if self.leaf.joined:
                return self
        raise AssertionError(f"not joined: {self.parent.rejected} {self.leaf.refused}")

    def reading(self, value: Any = 4.5) -> bytes:
        """One that is sealed and not sent."""
        data = self.leaf.readings([("t", value)])
        assert data is not None
        return data

    def ask(self, identity: str, **params: Any) -> bytes:
        """A request that is sealed and not sent."""
        return self.parent.ask("garden", identity, "add", params, self.now).data

    @property
    def readings(self) -> list[tuple[str, Any]]:
        return [(effect.stream, effect.value) for effect in self.effects if isinstance(effect, Read)]

    @property
    def events(self) -> list[Any]:
        return [effect.value for effect in self.effects if isinstance(effect, Happened)]

    @property
    def answers(self) -> dict[str, Any]:
        return {effect.identity: effect.body for effect in self.effects if isinstance(effect, Answered)}

    def refuses(self, data: bytes, cause: Cause) -> None:
        """The parent believes nothing of it, for this cause and no other."""
        before, effects = self.parent.rejected.copy(), len(self.effects)
        self.do(self.parent.take(data, self.way, self.now))
        assert self.parent.rejected - before == {cause: 1}, self.parent.rejected - before
        assert len(self.effects) == effects


def forge(
    key: LeafKey, kind: int, body: Any, *, epoch: int = 1, seq: int = 500, dst: bytes | None = None, down: bool = False
) -> bytes:
    """A message under a key, with whatever in it."""
    payload = gl1.MSG(kind, dst, epoch, seq, NOW, body).pack()
    return mac0.mac0(payload, key.kid, key.down if down else key.up, key.key)


class Device:
    """A leaf on UDP, run on the loop of the test."""

    def __init__(self, leaf: Leaf, port: int) -> None:
        self.leaf = leaf
        self.port = port

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Device"]:
        task = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            line.bind(("127.0.0.1", 0))
            before = loop.time()
            while True:
                ms = int((loop.time() - before) * 1000)
                before += ms / 1000
                out = self.leaf.advance(ms)
                if self.leaf.joined:
                    out.append(self.leaf.readings([("soil", 41.5)]) or b"")
                with suppress(TimeoutError, OSError):
                    async with asyncio.timeout(0.05):
                        out += self.leaf.receive(await loop.sock_recv(line, 2000))
                for data in out:
                    line.sendto(data, ("127.0.0.1", self.port))
