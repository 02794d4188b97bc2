# SPDX-License-Identifier: GPL-3.0-or-later
"""Routers in virtual time: stations on media that lose, delay, repeat and cut, all from one seed.

The routers, the members, the signatures are real. What is simulated is the air between them, and the shell around each.
Every change of a route is followed to its end, so a loop is found in the moment it closes; every frame is looked at, so
a message that a node passes on twice over the same link is found too.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ganglion.mesh.authority import Authority
from ganglion.mesh.credential import Trust
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Member
from ganglion.mesh.overlay import frame, repair, signed
from ganglion.mesh.overlay.effects import Deliver, Effect, MessageId, RouteChanged, Transmit, Undeliverable
from ganglion.mesh.overlay.link import Link
from ganglion.mesh.overlay.router import GATEWAY, Router
from ganglion.mesh.overlay.trust import MemberTrust
from ganglion.mesh.overlay.update import BUNDLE, POLICY, REVOCATIONS, Versions
from ganglion.mesh.revocation import RevocationList
from ganglion.mesh.signed_config import POLICIES
from ganglion.units import MILLISECOND, SECOND
from ganglion_micro import cbor, cose, gl1

#: 2026-01-01: where time begins.
NOW = 1_767_225_600 * SECOND
_DAY = 86400 * SECOND
_CONTROL = {frame.HELLO, frame.ALIVE, frame.UPDATE, frame.ACK, frame.REQUEST, frame.WANT, frame.RECORD}


def authority(folder: Path) -> Authority:
    """An authority whose keys are the same in every run."""
    for name in ("root", "issuer"):
        if not (folder / name).exists():
            Identity(name.encode().ljust(32, b".")).save(folder / name)
    return Authority.open(folder, now=NOW)


class Stated:
    """What the authority states: policy and bundle as they are, who was put out as a list that a gateway signed."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._data: dict[bytes, bytes] = {}
        self._list = self._policy = 0

    @property
    def versions(self) -> Versions:
        assert self._member.trust is not None
        return Versions(self._list, self._policy, self._member.trust.issuer.issued // SECOND)

    def data(self, statement: bytes) -> bytes | None:
        assert self._member.trust is not None
        return self._member.trust.data if statement == BUNDLE else self._data.get(statement)

    def adopt(self, statement: bytes, data: bytes) -> bool:
        before, trust = self.versions, self._member.trust
        assert trust is not None
        if statement == REVOCATIONS:
            self._revoke(data)
        elif statement == POLICY:
            self._policy = max(self._policy, POLICIES.read(data, trust).version)
        elif (heard := Trust.read(data, pin=cose.thumbprint(trust.root))).issuer.issued > trust.issuer.issued:
            self._member.adopt(heard)
        if self.versions == before:
            return False
        self._data[statement] = data
        return True

    def _revoke(self, data: bytes) -> None:
        message = cose.parse(data)
        body = gl1.unpack(message.payload).body
        peer = self._member.peers.get(message.kid)
        ours = self._member.is_gateway and message.kid == self._member.identity.kid
        if (ours or (peer is not None and peer.is_gateway)) and body["version"] > self._list:
            self._list = body["version"]
            until = dict.fromkeys(body["kids"], (0, 0))
            self._member.standing.revocations = RevocationList(version=self._list, issued=NOW, until=until, data=data)


@dataclass(eq=False, repr=False)
class Medium:
    """What carries frames: a cable, a LAN, a broker.

    Attributes:
        loss: Share of receptions that are lost.
        delay: Shortest and longest, in nanoseconds; frames overtake one another within it.
        repeat: Share of receptions that come twice.
        up: Whether it carries anything.
        addressed: Whether who hears a frame also hears where it came from; a broker says nothing of that.
        told: Whether its stations were told that it is down.
        severed: Pairs of stations that do not hear each other, as on radio.
        refuses: Frames that it swallows, to be cruel.
    """

    air: "Air"
    name: str
    loss: float = 0.0
    delay: tuple[int, int] = (1 * MILLISECOND, 3 * MILLISECOND)
    repeat: float = 0.0
    addressed: bool = True
    up: bool = True
    told: bool = False
    stations: "dict[Station, Link]" = field(default_factory=dict)
    severed: set[frozenset[int]] = field(default_factory=set)
    refuses: Callable[[frame.Frame], bool] | None = None

    def __repr__(self) -> str:
        return self.name

    def send(self, sender: "Station", effect: Transmit) -> None:
        link = self.stations[sender]
        assert len(effect.data) <= link.mtu, f"{len(effect.data)} bytes on {self.name}"
        self.air.count(sender, effect)
        if not self.up or (self.refuses is not None and self.refuses(frame.parse(effect.data))):
            return
        rng = self.air.rng
        for station in self.stations:
            if station is sender or (effect.kid is not None and effect.kid != station.kid):
                continue
            if not station.alive or frozenset((sender.number, station.number)) in self.severed:
                continue
            copies = (rng.random() >= self.loss) + (rng.random() < self.repeat)
            for _ in range(copies):
                self.air.at(rng.randint(*self.delay), partial(station.hear, self, sender, effect.data))


class Station:
    """A node: a real router, and a shell with a spool in the smallest form."""

    def __init__(self, air: "Air", number: int, role: str, epoch: int = 1) -> None:
        self.air = air
        self.number = number
        identity = Identity(f"station {number}".encode().ljust(32, b"."))
        self.member = Member(
            identity, mesh=air.authority.mesh_id, epoch=epoch, nonce=bytes(8), gateway=role == "gateway"
        )
        self.member.adopt(air.authority.trust(now=NOW))
        credential = air.authority.issue(identity.public, name=f"n{number}", roles=[role], now=NOW, lifetime=20 * _DAY)
        self.trust = MemberTrust(self.member, credential, Stated(self.member))
        self._bear()
        rng = random.Random(f"{air.seed} {number} {epoch}")
        self.router = Router(self.trust, random=rng.random, entropy=rng.randbytes, now=air.now)
        self.kid = identity.kid
        self.alive = True
        self.delivered: list[Any] = []
        self.heard: list[Any] = []
        self.repeats = 0
        self._acted: set[tuple[bytes, int, int, int]] = set()
        self.spool: dict[MessageId, tuple[bytes, bytes]] = {}
        self.undeliverable: list[Undeliverable] = []
        self.flaps: list[tuple[int, bytes]] = []
        self._planned = 0

    def __repr__(self) -> str:
        return f"n{self.number}"

    def hear(self, medium: Medium, sender: "Station", data: bytes) -> None:
        if self.alive and self in medium.stations:
            address = sender.number if medium.addressed else None
            self.apply(self.router.receive(medium.name, address, data, self.air.now))

    def apply(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Transmit():
                    self.air.media[effect.link].send(self, effect)
                case Deliver():
                    self._take(effect)
                case Undeliverable():
                    self.undeliverable.append(effect)
                    if effect.ours and effect.id in self.spool:
                        self.air.at(300 * MILLISECOND, partial(self._again, effect.id))
                case RouteChanged():
                    self.flaps.append((self.air.now, effect.destination))
                    self.air.audit(self, effect.destination)
        self._plan()

    def _plan(self) -> None:
        deadline = max(self.router.deadline, self.air.now + 1)
        if self._planned <= self.air.now or deadline < self._planned:
            self._planned = deadline
            self.air.at(deadline - self.air.now, self._wake)

    def _wake(self) -> None:
        if not self.alive or self.air.now < self._planned:
            return
        self._planned = 0
        self.apply(self.router.tick(self.air.now))

    def _bear(self) -> bytes:
        credential = self.trust.credential
        body = {"name": "n", "nonce": self.member.nonce, "epoch": self.member.epoch, "credential": credential}
        birth = self.member.seal(gl1.BIRTH, body, now=self.air.now).payload
        self.trust.born(birth)
        return birth

    def renew(self) -> bytes:
        """A credential for longer, and the birth that says so."""
        self.trust.credential = self.air.authority.issue(
            self.member.identity.public, name=f"n{self.number}", roles=["node"], now=self.air.now, lifetime=25 * _DAY
        )
        return self._bear()

    # The shell

    def _take(self, effect: Deliver) -> None:
        msg = gl1.unpack(cose.parse(effect.data).payload)
        if msg.kind == gl1.REPLY:
            self.spool.pop(MessageId(self.kid, True, self.member.epoch, msg.body["seq"]), None)
            return
        if msg.kind == gl1.REQUEST:
            if (effect.kid, msg.kind, msg.epoch, msg.seq) in self._acted:
                self.repeats += 1
            else:
                self._acted.add((effect.kid, msg.kind, msg.epoch, msg.seq))
                self.delivered.append(msg.body["value"])
            sender = self.air.by_kid[effect.kid]
            reply = self.member.seal(gl1.REPLY, {"seq": msg.seq}, now=self.air.now, to=sender.member.identity.node_id)
            _, effects = self.router.send(effect.kid, reply.payload, self.air.now)
            self.apply(effects)
        elif (effect.kid, msg.kind, msg.epoch, msg.seq) not in self._acted:
            self._acted.add((effect.kid, msg.kind, msg.epoch, msg.seq))
            self.heard.append(msg.body["value"])

    def post(self, to: "Station | bytes", value: Any) -> None:
        """Sends a request to one station, or an event to whoever is the gateway; kept until it is answered."""
        if isinstance(to, Station):
            sealed = self.member.seal(
                gl1.REQUEST, {"id": "x", "value": value}, now=self.air.now, to=to.member.identity.node_id
            )
            destination = to.kid
        else:
            sealed = self.member.seal(gl1.EVENT, {"class": "a", "value": value}, now=self.air.now, name="a")
            destination = to
        if isinstance(to, Station):
            self.spool[MessageId(self.kid, True, sealed.epoch, sealed.seq)] = (destination, sealed.payload)
        identity, effects = self.router.send(destination, sealed.payload, self.air.now)
        self.apply(effects)
        if isinstance(to, Station):
            self.air.at(2 * SECOND, lambda: self._late(identity))

    def _late(self, identity: MessageId) -> None:
        if identity in self.spool and self.alive:
            self._again(identity)
            self.air.at(2 * SECOND, lambda: self._late(identity))

    def _again(self, identity: MessageId) -> None:
        if identity in self.spool and self.alive:
            _, effects = self.router.send(*self.spool[identity], self.air.now)
            self.apply(effects)

    def shout(self, value: Any) -> None:
        """An event to everyone."""
        sealed = self.member.seal(gl1.EVENT, {"class": "a", "value": value}, now=self.air.now, name="a")
        _, effects = self.router.flood(sealed.payload, self.air.now)
        self.apply(effects)

    def revoke(self, version: int, *evicted: "Station") -> None:
        """As the gateway: these are members no more."""
        body = {"version": version, "kids": [station.kid for station in evicted]}
        message = gl1.MSG(gl1.REVOCATION, None, self.member.epoch, version, self.air.now, body)
        aad = gl1.aad(gl1.from_base32(self.member.mesh))
        data = cose.sign1(message.pack(), self.kid, aad, self.member.identity.sign)
        assert self.trust.learn(data, self.air.now)
        self.apply(self.router.revoked(self.air.now))

    def beacon(self, gateway: "Station", cost: int = 256) -> None:
        """The gateway's word comes over this station's uplink."""
        data = gateway.trust.seal(signed.beacon(), self.air.now)
        self.apply(self.router.beacon(data, cost, self.air.now))


class Air:
    """The world: stations, media, time.

    Attributes:
        kinds: Frames that were sent, by kind.
        frames: Frames of control that each station sent, by its number.
        bytes: The same in bytes.
        loops: Loops that were seen, as the stations on them.
        twice: Messages that a station passed on a second time over a link without need.
    """

    def __init__(self, authority: Authority, seed: int = 0) -> None:
        self.authority = authority
        self.seed = seed
        self.rng = random.Random(seed)
        self.now = NOW
        self.stations: list[Station] = []
        self.by_kid: dict[bytes, Station] = {}
        self.media: dict[str, Medium] = {}
        self.audits = 0
        self.loops: list[list[Station]] = []
        self.twice: list[tuple[Station, str, Any]] = []
        self.kinds: Counter[int] = Counter()
        self.frames: Counter[int] = Counter()
        self.bytes: Counter[int] = Counter()
        self._sent: dict[Any, int] = {}
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0

    def station(self, role: str = "node", shell: type[Station] = Station) -> Station:
        station = shell(self, len(self.stations), role)
        self.stations.append(station)
        self.by_kid[station.kid] = station
        for other in self.stations:  # births that were heard from a broker earlier
            if other is not station and role == "gateway":
                other.trust.learn(station.trust.record(station.kid) or b"", self.now)
            elif other is not station and other.member.is_gateway:
                station.trust.learn(other.trust.record(other.kid) or b"", self.now)
        return station

    def restart(self, station: Station) -> Station:
        """The same identity after a boot, on the same media."""
        station.alive = False
        fresh = type(station)(self, station.number, "node", epoch=station.member.epoch + 1)
        self.stations[station.number] = self.by_kid[station.kid] = fresh
        for medium in self.media.values():
            if station in medium.stations:
                medium.stations[fresh] = medium.stations.pop(station)
                fresh.apply(fresh.router.link_up(medium.stations[fresh], self.now))
        return fresh

    def medium(
        self,
        *stations: Station,
        name: str = "",
        loss: float = 0.0,
        repeat: float = 0.0,
        delay: tuple[int, int] = (MILLISECOND, 3 * MILLISECOND),
        addressed: bool = True,
        **options: Any,
    ) -> Medium:
        """Joins stations; two by a cable, more by what is shared."""
        name = name or "-".join(map(repr, stations))
        medium = Medium(self, name, loss, delay, repeat, addressed)
        self.media[name] = medium
        options.setdefault("multi_access", len(stations) > 2)
        for station in stations:
            medium.stations[station] = Link(name=name, **options)
        for station in stations:
            station.apply(station.router.link_up(medium.stations[station], self.now))
        return medium

    def cut(self, medium: Medium, *, silent: bool = True) -> None:
        """Nothing passes any more; the stations are told or have to find out."""
        medium.up, medium.told = False, not silent
        if not silent:
            for station in medium.stations:
                station.apply(station.router.link_down(medium.name, self.now))

    def heal(self, medium: Medium) -> None:
        """It carries again; who was told of the cut is told of that too."""
        medium.up = True
        if medium.told:
            for station, link in medium.stations.items():
                station.apply(station.router.link_up(link, self.now))

    def kill(self, station: Station) -> None:
        station.alive = False

    # Time

    def at(self, delay: int, action: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._events, (self.now + delay, self._order, action))

    def run(self, seconds: float) -> None:
        end = self.now + round(seconds * SECOND)
        while self._events and self._events[0][0] <= end:
            self.now, _, action = heapq.heappop(self._events)
            action()
        self.now = end

    def until(self, condition: Callable[[], bool], limit: float = 60.0, step: float = 0.02) -> float:
        """Seconds until it holds.

        Raises:
            AssertionError: it did not in time.
        """
        start = self.now
        while not condition():
            assert self.now - start < limit * SECOND, f"not within {limit} s"
            self.run(step)
        return (self.now - start) / SECOND

    # What must hold

    def follow(self, station: Station, destination: bytes) -> list[Station] | None:
        """The stations that a message would pass; None for a loop. It ends where there is no way on."""
        path = [station]
        while True:
            hop = path[-1].router.next_hop(destination)
            if hop is None or hop[0] == path[-1].kid:
                return path
            following = self.by_kid.get(hop[0])
            if following is None:
                return path
            if following in path:
                self.loops.append([*path, following])
                return None
            path.append(following)
            if not following.alive:
                return path

    def audit(self, station: Station, destination: bytes) -> None:
        """A loop can only close through the station whose route changed."""
        self.audits += 1
        self.follow(station, destination)

    def reaches(self, station: Station, destination: "Station | bytes") -> bool:
        """Whether following next hops over media that work leads there now."""
        target = destination.kid if isinstance(destination, Station) else destination
        at, steps = station, 0
        while at.kid != target:
            hop = at.router.next_hop(target)
            if hop is None or steps > len(self.stations):
                return False
            if hop == (at.kid, ""):
                return True
            following, medium = self.by_kid[hop[0]], self.media[hop[1]]
            if not medium.up or not following.alive or frozenset((at.number, following.number)) in medium.severed:
                return False
            at, steps = following, steps + 1
        return True

    def connected(self, a: Station, b: Station) -> bool:
        """Whether media that work lead there at all."""
        seen, queue = {a}, [a]
        while queue:
            station = queue.pop()
            for medium in self.media.values():
                if medium.up and station in medium.stations:
                    for other in medium.stations:
                        if (
                            other.alive
                            and other not in seen
                            and frozenset((station.number, other.number)) not in medium.severed
                        ):
                            seen.add(other)
                            queue.append(other)
        return b in seen

    def converged(self) -> bool:
        """Whether everyone has a way to everyone that can be reached, and to nobody else."""
        living = [station for station in self.stations if station.alive]
        return all(
            self.reaches(a, b) if self.connected(a, b) else a.router.next_hop(b.kid) is None
            for a in living
            for b in self.stations
            if a is not b
        )

    def count(self, sender: Station, effect: Transmit) -> None:
        got = frame.parse(effect.data)
        self.kinds[got.kind] += 1
        if got.kind in _CONTROL:
            self.frames[sender.number] += 1
            self.bytes[sender.number] += len(effect.data)
        if got.kind == frame.PULL and effect.kid is not None:
            for identity in repair.parse_pull(got.body):
                key: Any = (self.by_kid[effect.kid], effect.link, sender.kid, identity)
                self._sent[key] = self._sent.get(key, 0) - 1  # one more is asked for
        if got.kind not in (frame.UNICAST, frame.FLOOD) or got.flags & frame.FRAGMENT:
            return
        if got.kind == frame.FLOOD:
            key = (sender, effect.link, effect.kid, MessageId(*_identity(got.body)))
        else:
            key = (sender, effect.link, effect.kid, got.body[8:10], MessageId(*_identity(got.body[10:])))
        times = self._sent.get(key, 0)
        self._sent[key] = times + 1
        if times >= (1 if got.kind == frame.FLOOD else 3):
            self.twice.append((sender, effect.link, key))


def _identity(data: bytes) -> tuple[bytes, bool, int, int]:
    try:
        message = cose.parse(data)
        msg = gl1.unpack(message.payload)
    except cbor.CBORError:
        return b"", False, 0, 0
    return message.kid, msg.kind in gl1.CLASS_C, msg.epoch, msg.seq


__all__ = ["GATEWAY", "Air", "Medium", "Station", "authority"]
