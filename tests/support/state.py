# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas without a network: what they say is carried as bytes, as the tests decide. Signatures are real."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

from ganglion.mesh.credential import mesh_id
from ganglion.mesh.identity import Identity
from ganglion.mesh.state import entry, wire
from ganglion.mesh.state.effects import Change, Outcome
from ganglion.mesh.state.entry import Entry
from ganglion.mesh.state.replica import Replica
from ganglion.units import SECOND
from ganglion_micro import cbor, gl1
from support.mesh import NOW

MESH = mesh_id(bytes(range(32)))
AAD = entry.aad(gl1.from_base32(MESH))
#: Bytes that a body has around it: envelope, signature, MSG.
ENVELOPE = 130


def identity(number: int) -> Identity:
    """The same in every run."""
    return Identity(sha256(b"%d" % number).digest())


class Node:
    """A replica, its clock's error, and what came of it."""

    def __init__(self, world: "World", number: int, epoch: int = 1) -> None:
        self.world = world
        self.identity = identity(number)
        self.offset = 0
        self.changes: list[Change] = []
        self.apart: list[int] = []
        self.replica = self.start(epoch)

    def start(self, epoch: int) -> Replica:
        """A replica that knows nothing yet."""
        self.salts = 0
        self.epoch = epoch
        self.replica = Replica(
            self.identity,
            mesh=MESH,
            epoch=epoch,
            lookup=self.world.keys.get,
            may_write=lambda node, key: self.world.may_write(node, key),
            random=self.salt,
        )
        return self.replica

    def salt(self, size: int) -> bytes:
        self.salts += 1
        return sha256(self.identity.kid + self.salts.to_bytes(4, "big")).digest()[:size]

    @property
    def kid(self) -> bytes:
        return self.identity.kid

    @property
    def now(self) -> int:
        return self.world.now + self.offset

    def does(self, method: str, *arguments: Any) -> Outcome:
        """Calls a method with the time by this node's clock, and tells everyone in reach."""
        outcome: Outcome = getattr(self.replica, method)(*arguments, now=self.now)
        self.came(outcome, None)
        return outcome

    def came(self, outcome: Outcome, sender: "Node | None") -> None:
        self.changes += outcome.changes
        if outcome.apart:
            self.apart.append(outcome.apart)
        for body in outcome.tell:
            for other in self.world.nodes:
                if other is not self and self.world.reach(self, other):
                    self.world.send(self, other, body)
        for body in outcome.answers:
            assert sender is not None
            self.world.send(self, sender, body)

    def get(self, key: str) -> Any:
        found = self.replica.get(key)
        return None if found is None else found.value

    @property
    def entries(self) -> list[Entry]:
        return list(self.replica._lattice.buckets)

    @property
    def refused(self) -> dict[str, int]:
        return {cause.value: count for cause, count in self.replica.refused.items()}


class World:
    """Nodes, who reaches whom, and what is on its way."""

    def __init__(self, count: int, *, may_write: Callable[[str, str], bool] = lambda node, key: True) -> None:
        self.now = NOW
        self.may_write = may_write
        self.keys: dict[bytes, bytes] = {}
        self.nodes: list[Node] = []
        self.side: dict[bytes, int] = {}
        self.queue: list[tuple[Node, Node, bytes]] = []
        self.sent: list[list[Any]] = []
        for number in range(count):
            self.join(number)

    def join(self, number: int) -> Node:
        node = Node(self, number)
        self.keys[node.kid] = node.identity.public
        self.nodes.append(node)
        return node

    def reach(self, a: Node, b: Node) -> bool:
        return self.side.get(a.kid, 0) == self.side.get(b.kid, 0)

    def split(self, *sides: Iterable[int]) -> None:
        """Parts the nodes; without an argument all reach all."""
        self.side = {self.nodes[number].kid: side for side, numbers in enumerate(sides, 1) for number in numbers}

    def send(self, sender: Node, receiver: Node, body: list[Any]) -> None:
        data = cbor.encode(body)
        assert len(data) + ENVELOPE < 65536
        assert len(data) <= max(wire.PAGE, entry.ENTRY_BYTES) + 100
        self.sent.append(body)
        self.queue.append((sender, receiver, data))

    def deliver(self, at: int = 0) -> None:
        """Carries one message of the queue."""
        sender, receiver, data = self.queue.pop(at)
        receiver.came(receiver.replica.receive(sender.kid, cbor.decode(data), now=receiver.now), sender)

    def settle(self) -> int:
        """Carries all there is, in order; the bytes that were sent."""
        size = 0
        while self.queue:
            size += len(self.queue[0][2])
            self.deliver()
        return size

    def lose(self) -> None:
        """All that is on its way is lost."""
        self.queue.clear()

    def hello(self, a: Node, b: Node) -> None:
        """B hears A's hello."""
        b.came(b.replica.hello(a.kid, a.replica.root, a.now, now=b.now), a)

    def meet(self, a: Node, b: Node) -> int:
        """Hellos both ways until nobody asks any more, as in half a minute; the bytes that were sent for it."""
        size = 0
        for _ in range(4):
            self.now += 11 * SECOND
            self.hello(a, b)
            self.hello(b, a)
            size += self.settle()
        return size

    def round(self) -> None:
        """Every node hears every other in reach, twice with what has to settle in between, and asks once at most."""
        self.now += 200 * SECOND
        for a in self.nodes:
            for b in self.nodes:
                if a is not b and self.reach(a, b):
                    self.hello(a, b)
                    self.settle()
                    self.now += 5 * SECOND
                    self.hello(a, b)
                    self.settle()

    def agreed(self) -> bool:
        return len({node.replica.root for node in self.nodes}) == 1

    def tick(self, seconds: float = 0) -> None:
        """Time passes, and every node looks after itself."""
        self.now += int(seconds * SECOND)
        for node in self.nodes:
            node.does("tick")


def signed(
    who: Identity, what: list[Any], *value: Any, dot: int = 1, stamp: int = 0, over: Any = None, aad: bytes = AAD
) -> Entry:
    """An entry as an author would sign it, with whatever is in it."""
    return entry.sign(who, aad, what, dot, stamp or NOW // 1_000_000 << 16, over or {}, *value)


def page(*entries: Entry, kid: bytes = b"") -> list[Any]:
    """A message with entries that claims nothing."""
    return [wire.ENTRIES, [[kid or one.kid, 0, 0, [one.data]] for one in entries], 0]
