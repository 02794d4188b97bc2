# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh's longest and its most hostile acceptance tests, in virtual time (design: M7, T6, T8, T10 and T11)."""

import gc
import itertools
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from ganglion.mesh.authority import Authority
from ganglion.mesh.courier import Courier
from ganglion.mesh.member import Cause
from ganglion.mesh.overlay import frame, update
from ganglion.mesh.overlay.custody import HEAD_SIZE
from ganglion.mesh.overlay.delivery import identify
from ganglion.mesh.overlay.effects import Deliver, Effect, RouteChanged
from ganglion.mesh.overlay.frame import Frame
from ganglion.mesh.overlay.link import Link
from ganglion.mesh.overlay.update import Entry
from ganglion.mesh.spool import Key, Row, Spool
from ganglion.units import MILLISECOND, SECOND
from ganglion_micro import cose, gl1
from ganglion_tools.mesh_air import GATEWAY, Air, Medium, Station, authority

pytestmark = pytest.mark.untraced

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


# T6: a day without the gateway


class Sender(Station):
    """A node whose events must arrive: the real spool and the real courier, in virtual time."""

    path: Path

    def __init__(self, air: Air, number: int, role: str, epoch: int = 1) -> None:
        super().__init__(air, number, role, epoch)
        self.events = Spool(self.path, monotonic=lambda: air.now / SECOND)
        self.courier = Courier()
        self._pumping = False

    def record(self, values: range) -> None:
        """Events, on the disk when this returns."""
        rows = []
        for value in values:
            sealed = self.member.seal(gl1.EVENT, {"class": "alert", "value": value}, now=self.air.now, name="alert")
            rows.append(Row(sealed.epoch, sealed.seq, sealed.topic, sealed.payload))
        self.events.commit(rows, [])
        self.courier.behind = True

    def apply(self, effects: list[Effect]) -> None:
        super().apply(effects)
        if any(isinstance(effect, RouteChanged) and effect.destination == GATEWAY for effect in effects):
            self.courier.restart()
            self._pump()

    def _pump(self) -> None:
        """Sends what is due, and comes back as long as there is something to send and a way."""
        if not self.alive or self.router.next_hop(GATEWAY) is None:
            return
        now = self.air.now / SECOND
        rows = self.courier.due(now)
        if self.courier.behind and self.courier.room > 0:
            rows += (new := self.events.after(self.courier.cursor, self.courier.room))
            for row in new:
                self.courier.sent(row, now)
        for row in rows:
            self.apply(self.router.send(GATEWAY, row.payload, self.air.now)[1])
        if self.events.count and not self._pumping:
            self._pumping = True
            self.air.at(SECOND, self._again_later)

    def _again_later(self) -> None:
        self._pumping = False
        self._pump()

    def _take(self, effect: Deliver) -> None:
        body = gl1.unpack(cose.parse(effect.data).payload).body
        keys: list[Key] = [(epoch, seq) for epoch, seq in body["stored"]]
        for key in keys:
            self.courier.arrived(key)
        self.events.commit([], keys)
        self._pump()


class Store(Station):
    """A gateway: stores by the identity of the event, and acknowledges what it has, old and new."""

    def __init__(self, air: Air, number: int, role: str, epoch: int = 1) -> None:
        super().__init__(air, number, role, epoch)
        self.stored: dict[tuple[bytes, int, int], int] = {}
        self.copies = 0
        self._unsaid: dict[bytes, list[tuple[int, int]]] = {}
        self._beacons()

    def _beacons(self) -> None:
        air = self.air
        air.at(0, lambda: self.beacon(self, 1))
        air.at(4 * SECOND, self._beacons)

    def _take(self, effect: Deliver) -> None:
        msg = gl1.unpack(cose.parse(effect.data).payload)
        key = (effect.kid, msg.epoch, msg.seq)
        self.copies += key in self.stored
        self.stored.setdefault(key, msg.body["value"])
        if not self._unsaid:
            self.air.at(20 * MILLISECOND, self._acknowledge)
        self._unsaid.setdefault(effect.kid, []).append((msg.epoch, msg.seq))

    def _acknowledge(self) -> None:
        for kid, keys in self._unsaid.items():
            to = self.air.by_kid[kid].member.identity.node_id
            sealed = self.member.seal(gl1.REPLY, {"stored": keys}, now=self.air.now, to=to)
            self.apply(self.router.send(kid, sealed.payload, self.air.now)[1])
        self._unsaid = {}


def test_t6_ten_thousand_records_of_a_day_without_the_gateway_are_stored_once(mesh: Authority, tmp_path: Path) -> None:
    Sender.path = tmp_path / "spool.db"
    air = Air(mesh)
    gateway, near, middle = air.station("gateway", Store), air.station(), air.station()
    sender = air.station(shell=Sender)
    assert isinstance(gateway, Store)
    assert isinstance(sender, Sender)
    # The gateway itself comes with its cable: a day of its hellos to nobody would be most of the test.
    chain: list[Station] = [sender, middle, near]
    for a, b in itertools.pairwise(chain):
        air.medium(a, b)
    for hour in range(24):
        sender.record(range(hour * 10000 // 24, (hour + 1) * 10000 // 24))
        air.run(5)
        assert air.reaches(sender, near)
        assert sender.router.next_hop(GATEWAY) is None
        for station in chain:  # the power fails, and comes back just before the next hour
            air.kill(station)
        air.now += 3590 * SECOND
        chain = [air.restart(station) for station in chain]
        sender, middle, near = chain  # type: ignore[assignment]
        assert isinstance(sender, Sender)
    assert sender.events.count == 10000
    assert not gateway.stored
    cable = air.medium(near, gateway)
    air.until(lambda: len(gateway.stored) > 3000, 300)
    air.kill(middle)  # in the midst of it
    air.run(1)
    chain[1] = air.restart(middle)
    air.until(lambda: len(gateway.stored) > 6000, 300)
    air.cut(cable)
    air.run(20)
    air.heal(cable)
    air.until(lambda: not sender.events.count, 300)
    assert len(gateway.stored) == 10000
    assert sorted(gateway.stored.values()) == list(range(10000))
    assert not air.loops


# T8: whoever lies on the way


class Liar:
    """A medium's other owner: keeps what it hears, loses some of it, says it again, and says what nobody said."""

    def __init__(self, air: Air, medium: Medium, chance: random.Random) -> None:
        self.air = air
        self.medium = medium
        self.chance = chance
        self.heard: list[bytes] = []
        self.said = self.ignored = 0
        self._hellos: set[bytes] = set()
        self._kept_back: set[bytes] = set()
        medium.refuses = self._hear

    def _hear(self, got: Frame) -> bool:
        data = frame.pack(got.head, got.tags, got.body)
        if got.kind == frame.HELLO:
            self._hellos.add(got.body)
        if len(self.heard) < 2000:
            self.heard.append(data)
        else:
            self.heard[self.chance.randrange(2000)] = data
        fate = self.chance.random()
        if fate < 0.2:
            self._kept_back.add(got.head + got.body)
        if fate < 0.1:  # comes late, and so after what was said later
            self.air.at(self.chance.randrange(50, 500) * MILLISECOND, lambda: self._say(data, strict=False))
        return fate < 0.2

    def _say(self, data: bytes, *, strict: bool) -> None:
        for station in self.medium.stations:
            before = sum(station.router.refused.values())
            other = next(each for each in self.medium.stations if each is not station)
            station.hear(self.medium, other, data)
            refused = sum(station.router.refused.values()) - before
            self.said += strict
            self.ignored += strict and not refused
            assert refused == 1 or (refused == 0 and self._is_harmless(station, frame.parse(data))), data.hex()

    def _is_harmless(self, station: Station, got: Frame) -> bool:
        """Whether a frame says that it is not for this station, or is true and was kept back before it came."""
        if got.sender == station.kid:
            return True
        if got.kind == frame.HELLO:
            return got.body in self._hellos
        if all(hint != station.kid[: frame.HINT_SIZE] for hint, _ in got.tags):
            return True
        covered = got.head + got.body  # the tags of others are not
        true = covered in self._kept_back
        self._kept_back.discard(covered)
        return true

    def lie(self) -> None:
        """Says something false."""
        data = bytearray(self.chance.choice(self.heard))
        match self.chance.randrange(6):
            case 0 if len(self.heard) == 2000:
                data = bytearray(self.heard[self.chance.randrange(100)])  # a copy
            case 1:
                del data[self.chance.randrange(len(data)) :]
            case 2:
                data += self.chance.randbytes(self.chance.randrange(1, 40))
            case 3:  # a later frame of the same neighbour
                data[13:17] = (int.from_bytes(data[13:17], "big") + self.chance.randrange(1, 500)).to_bytes(4, "big")
            case 4:  # the body of another
                other = frame.parse(self.chance.choice(self.heard))
                got = frame.parse(bytes(data))
                data = bytearray(frame.pack(got.head, got.tags, other.body + b"\x00" * (other.body == got.body)))
            case _:
                data[self.chance.randrange(len(data))] ^= 1 << self.chance.randrange(8)
        self._say(bytes(data), strict=True)


def test_t8_of_a_hundred_thousand_frames_of_a_lying_medium_none_is_believed(mesh: Authority) -> None:
    air = Air(mesh, 8)
    a, b = air.station(), air.station()
    medium = air.medium(a, b)
    air.until(air.converged, 5)
    liar = Liar(air, medium, random.Random(8))
    posted = 0
    while liar.said < 100_000:
        for _ in range(500):
            liar.lie() if liar.heard else None
        a.post(b, posted)
        b.post(a, -posted)
        a.shout(posted)
        posted += 1
        air.run(0.5)
    medium.refuses = None
    air.until(lambda: not a.spool and not b.spool, 60)
    air.run(5)
    assert sorted(b.delivered) == list(range(posted))
    assert sorted(a.delivered) == sorted(-i for i in range(posted))
    assert sorted(b.heard) == sorted(set(b.heard))
    assert set(b.heard) <= set(range(posted))
    assert not a.heard
    assert [list(station.router.destinations) for station in (a, b)] == [[b.kid], [a.kid]]
    causes = a.router.refused + b.router.refused
    assert {Cause.FORGED, Cause.MALFORMED, Cause.REPLAYED, Cause.UNENROLLED} <= set(causes)
    assert sum(causes.values()) >= liar.said - liar.ignored
    assert liar.ignored < liar.said / 2


def test_t8_a_member_that_alters_what_it_passes_on_is_believed_in_nothing(mesh: Authority) -> None:
    air = Air(mesh, 9)
    source, relay, target = (air.station() for _ in range(3))
    air.medium(source, relay)
    air.medium(relay, target)
    air.until(air.converged, 5)
    chance = random.Random(9)
    bodies = []
    for i in range(50):
        event = source.member.seal(gl1.EVENT, {"class": "a", "value": i}, now=air.now, name="a").payload
        to = target.member.identity.node_id
        request = source.member.seal(gl1.REQUEST, {"id": "x", "value": i}, now=air.now, to=to).payload
        bodies += [(frame.FLOOD, b"", event), (frame.UNICAST, target.kid + chance.randbytes(2), request)]
    adjacency = relay.router._adjacency
    (neighbour,) = (n for n in adjacency.up() if n.kid == target.kid)
    asked = target.router.refused.copy()
    count = 20_000
    for i in range(count):
        kind, head, data = chance.choice(bodies)
        altered = bytearray(data)
        altered[chance.randrange(len(altered))] ^= 1 << chance.randrange(8)
        adjacency.transmit(kind, 8, head + altered, [neighbour], air.now)
        relay.apply(relay.router.tick(air.now))
        if i % 100 == 0:
            air.run(0.1)
    air.run(2)
    assert not target.delivered
    assert not target.heard
    refused = target.router.refused - asked
    assert sum(refused.values()) == count
    assert {Cause.FORGED, Cause.MALFORMED, Cause.UNENROLLED} <= set(refused)
    source.post(target, "true")
    air.until(lambda: target.delivered == ["true"], 5)


# T10: every frame of a run


class Trace:
    """Every frame that passes, on every medium."""

    def __init__(self, *media: Medium) -> None:
        self.floods: Counter[tuple[object, ...]] = Counter()
        self.hops: dict[tuple[object, ...], list[tuple[bytes, bytes, str, int]]] = {}
        self.pulls = self.count = 0
        for medium in media:
            medium.refuses = self._on(medium)

    def _on(self, medium: Medium) -> Callable[[Frame], bool]:
        def look(got: Frame) -> bool:
            self.count += 1
            assert not got.flags & frame.FRAGMENT
            self.pulls += got.kind == frame.PULL
            if got.kind == frame.FLOOD:
                assert 0 < got.ttl <= 8
                self.floods[identify(got.body), got.sender, medium.name] += 1
            elif got.kind in (frame.UNICAST, frame.SCOUT):
                parcel = (got.kind, got.body[8:HEAD_SIZE], identify(got.body[HEAD_SIZE:]))
                ((hint, _),) = got.tags
                self.hops.setdefault(parcel, []).append((got.sender, hint, medium.name, got.ttl))
            return False

        return look


@pytest.mark.parametrize("loss", [0.0, 0.15])
def test_t10_no_node_passes_a_message_on_twice_over_the_same_link(mesh: Authority, loss: float) -> None:
    air = Air(mesh, 10)
    stations = [air.station() for _ in range(7)]
    edges = [(i, (i + 1) % 7) for i in range(7)] + [(0, 3), (2, 5)]
    media = [air.medium(stations[a], stations[b]) for a, b in edges]
    air.until(air.converged, 5)
    air.run(10)
    for medium in media:
        medium.loss = loss
    before = sum(air.kinds.values())
    trace = Trace(*media)
    for i in range(300):
        a, b = air.rng.sample(stations, 2)
        a.post(b, i)
        a.shout(i)
        air.run(0.3)
    air.until(lambda: not any(station.spool for station in stations), 60)
    assert trace.count == sum(air.kinds.values()) - before
    repeats = 0
    for parcel, hops in trace.hops.items():
        tries = Counter((sender, hint, medium) for sender, hint, medium, _ in hops)
        assert max(tries.values()) <= 3, parcel  # of one hop, when no acknowledgement came
        repeats += sum(tries.values()) - len(tries)
        # One node gives a parcel to one neighbour, or to the next when that takes no notice; and hops only count down.
        lowest: dict[bytes, int] = {}
        for sender, _, _, ttl in hops:
            assert lowest.setdefault(sender, ttl) == ttl, parcel
        assert len(set(lowest.values())) == len(lowest) or parcel[0] == frame.SCOUT or loss, parcel
    if loss:
        assert repeats
        assert sum(count - 1 for count in trace.floods.values()) <= trace.pulls * 32
    else:
        assert not repeats
        assert not trace.pulls
        assert set(trace.floods.values()) == {1}
        assert {len(tries) for tries in trace.hops.values()} <= {1, 2, 3}  # no way in this mesh is longer
    for station in stations:
        assert not station.repeats or loss
        assert len(set(station.delivered)) == len(station.delivered)
        assert len(set(station.heard)) == len(station.heard)
        assert not station.router.exhausted
    assert not air.loops


# T11: a neighbour who tells of too much


def weight(root: object) -> int:
    """Bytes of everything that can be reached from an object, but code."""
    seen: dict[int, object] = {}
    queue = [root]
    while queue:
        one = queue.pop()
        if id(one) not in seen and not isinstance(one, type | ModuleType | FunctionType):
            seen[id(one)] = one
            queue += gc.get_referents(one)
    return sum(map(sys.getsizeof, seen.values()))


def test_t11_a_neighbour_who_tells_of_a_hundred_thousand_destinations_fills_no_table(mesh: Authority) -> None:
    air = Air(mesh)
    hostile, node, other = (air.station() for _ in range(3))
    air.medium(hostile, node)
    air.medium(node, other)
    air.until(air.converged, 5)
    adjacency = hostile.router._adjacency
    (neighbour,) = (n for n in adjacency.up() if n.kid == node.kid)
    chance = random.Random(11)
    statement = hostile.trust.seal([1, 7, True], air.now)
    mistaken, at = bytearray(statement), statement.index(hostile.kid)

    def tell(kind: int, body: bytes) -> None:
        adjacency.transmit(kind, 1, body, [neighbour], air.now)

    before = weight(node.router)
    most: Counter[str] = Counter()
    for i in range(2500):
        kids = [chance.randbytes(8) for _ in range(40)]
        routers = [kid if i % 2 else chance.choice([hostile.kid, node.kid, other.kid]) for kid in kids]
        entries = [Entry(kid, router, chance.randrange(2**40), 1) for kid, router in zip(kids, routers, strict=True)]
        tell(frame.UPDATE, update.pack_update(entries, []))
        if i % 10 == 0:
            statements = []
            for kid in kids[:4]:  # of members that are none
                mistaken[at : at + 8] = kid
                statements.append(bytes(mistaken))
            tell(frame.UPDATE, update.pack_update([], statements))
            for kid in kids[:10]:
                router = chance.choice([kid, node.kid, other.kid])
                tell(frame.REQUEST, update.pack_request(update.Request(kid, router, chance.randrange(2**40), 64)))
            tell(frame.WANT, b"".join(kids))
            tell(frame.SUMMARY, b"".join(kid + chance.randbytes(13) + b"\xff" * 4 for kid in kids))
            tell(frame.PULL, b"".join(kid + chance.randbytes(13) for kid in kids[:32]))
            hostile.apply(hostile.router.tick(air.now))
            air.run(0.02)
            for name, size in node.router.sizes.items():
                most[name] = max(most[name], size)
    assert weight(node.router) - before < MEBIBYTE
    assert most["statements"] == 2
    assert most["neighbours"] == 2
    assert most["routes"] <= 8
    assert max(most.values()) <= 1024, most
    air.run(5)
    assert set(node.router.destinations) == {hostile.kid, other.kid}
    new = air.station()
    medium = air.media["n1-n2"]
    medium.stations[new] = Link(name=medium.name)
    new.apply(new.router.link_up(medium.stations[new], air.now))
    air.until(lambda: air.reaches(new, node) and air.reaches(node, new), 5)
    other.post(node, "as ever")
    air.until(lambda: node.delivered == ["as ever"], 5)


# A neighbour that stops and goes on


@pytest.mark.parametrize("wired", [False, True])
@pytest.mark.parametrize("pause", [0.8, 2.0, 5.0, 7.5, 9.0])
def test_a_neighbour_that_was_stopped_for_a_while_is_one_again_when_it_goes_on(
    mesh: Authority, pause: float, wired: bool
) -> None:
    air = Air(mesh)
    a, b = air.station(), air.station()
    air.medium(a, b, wired=wired)
    air.until(air.converged, 5)
    air.run(10)
    b.alive = False
    air.run(pause)
    b.alive = True
    b._planned = 0
    b.apply([])
    assert air.until(lambda: air.reaches(a, b) and air.reaches(b, a), 5) <= 3.0
    air.run(10)
    cost = 256 if wired else 512
    assert a.router.metric(b.kid) <= cost
    assert b.router.metric(a.kid) <= cost
