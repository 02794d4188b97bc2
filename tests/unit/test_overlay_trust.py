# SPDX-License-Identifier: GPL-3.0-or-later
"""What strangers, thieves of frames and lying neighbours can do to a router: nothing that lasts."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.mesh.authority import Authority
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Cause, Sealed
from ganglion.mesh.overlay import frame, signed, update
from ganglion.mesh.overlay.effects import Deliver, Effect, Transmit
from ganglion.mesh.overlay.trust import MemberTrust
from ganglion.mesh.overlay.update import Entry
from ganglion.units import SECOND
from ganglion_micro import gl1
from ganglion_tools.mesh_air import Air, Medium, Stated, Station, authority
from support.mesh import HOUR, NOW, Site


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.open(tmp_path_factory.mktemp("foreign"), now=NOW)


class Tapped:
    """Two neighbours, and everything that was said between them."""

    def __init__(self, mesh: Authority, seconds: float = 4) -> None:
        self.air = Air(mesh)
        self.a, self.b = self.air.station(), self.air.station()
        self.frames: list[bytes] = []
        self.lan = self.air.medium(self.a, self.b, name="lan", multi_access=True)
        sent = Medium.send

        def send(sender: Station, effect: Transmit) -> None:
            if sender is self.a:
                self.frames.append(effect.data)
            sent(self.lan, sender, effect)

        self.lan.send = send  # type: ignore[method-assign]
        self.air.run(seconds)
        assert self.a.router.next_hop(self.b.kid) == (self.b.kid, "lan")

    def hears(self, data: bytes) -> list[Effect]:
        return self.b.router.receive("lan", 99, data, self.air.now)

    def state(self) -> object:
        neighbours = self.b.router._adjacency.neighbours.values()
        return (
            self.b.router.sizes,
            [(n.via, n.address, n.up, n.order, n.heard, len(n.sessions)) for n in neighbours],
            self.b.router.next_hop(self.a.kid),
        )


@pytest.fixture
def tapped(mesh: Authority) -> Tapped:
    return Tapped(mesh)


def test_no_bit_of_any_frame_can_be_flipped_unnoticed(tapped: Tapped) -> None:
    rng = random.Random(1)
    fresh: list[bytes] = []
    tapped.lan.refuses = lambda got: True
    tapped.frames.clear()
    tapped.a.post(tapped.b, "x")
    tapped.a.shout("y")
    tapped.air.run(0.6)
    fresh += tapped.frames
    assert {data[1] for data in fresh} >= {frame.ALIVE, frame.UNICAST, frame.FLOOD}
    before = tapped.state()
    for data in fresh:
        for at in range(len(data)):
            flipped = bytearray(data)
            flipped[at] ^= 1 << rng.randrange(8)
            assert tapped.hears(bytes(flipped)) == [], f"byte {at} of kind {data[1]}"
    assert tapped.state() == before
    assert set(tapped.b.router.refused) <= {Cause.FORGED, Cause.MALFORMED, Cause.UNENROLLED}


def test_frames_played_again_do_nothing_wherever_they_are_sent_from(tapped: Tapped) -> None:
    before = tapped.state()
    for data in tapped.frames:
        assert tapped.hears(data) == []
    assert tapped.state() == before
    assert tapped.b.router.refused[Cause.REPLAYED] >= len(tapped.frames) - 1


@settings(max_examples=200)
@given(data=st.binary(max_size=200), kind=st.integers(0, 14))
def test_bytes_of_a_stranger_make_no_state(mesh: Authority, data: bytes, kind: int) -> None:
    air = Air(mesh)
    node = air.station()
    air.medium(node, name="lan")
    before = node.router.sizes
    for forged in (
        data,
        frame.head(kind, 8, 0, 0, b"stranger", 1) + data,
        frame.head(kind, 8, 1, 1, b"x" * 8, 1) + data,
    ):
        assert node.router.receive("lan", 1, forged, air.now) == []
    assert node.router.sizes == before


def test_ten_thousand_forged_hellos_cost_two_hundred_signatures_and_no_memory(mesh: Authority) -> None:
    air = Air(mesh)
    node, honest = air.station(), air.station()
    air.medium(node, name="lan")
    body = signed.hello(bytes(31) + b"\x09", honest.trust.credential)
    hello = bytearray(frame.head(frame.HELLO, 1, 0, 0, honest.kid, 1) + honest.trust.seal(body, air.now))
    hello[-1] ^= 1
    for _ in range(10_000):
        assert node.router.receive("lan", 1, bytes(hello), air.now) == []
    assert node.router.refused == {Cause.FORGED: 200, Cause.LIMITED: 9_800}
    assert not any(node.router.sizes[table] for table in ("neighbours", "seen", "passed", "parcels"))
    assert not node.member.peers


def hello(station: Station, air: Air, *, credential: bytes | None = None) -> bytes:
    body = signed.hello(b"\x09" + bytes(31), station.trust.credential if credential is None else credential)
    sealed = station.trust.seal(body, air.now)
    return frame.head(frame.HELLO, 1, 0, 0, station.kid, 1) + sealed


def test_a_hello_makes_a_neighbour_that_counts_for_nothing_until_a_mac_of_it_holds(mesh: Authority) -> None:
    air = Air(mesh)
    node, other = air.station(), air.station()
    air.medium(node, name="lan")
    node.router.receive("lan", 1, hello(other, air), air.now)
    assert node.router.sizes["neighbours"] == 1
    assert not node.router.neighbours
    air.run(30)
    assert not node.router.neighbours
    air.run(60)
    assert node.router.sizes["neighbours"] == 0


def test_everything_of_yesterday_played_again_to_a_node_that_started_anew_makes_no_neighbour(mesh: Authority) -> None:
    yesterday = Tapped(mesh)
    yesterday.a.post(yesterday.b, "open the door")
    yesterday.air.run(2)
    air = Air(mesh, 1)
    station = Station(air, 1, "node", epoch=2)
    station.apply(station.router.link_up(yesterday.lan.stations[yesterday.a], air.now))
    assert len(yesterday.frames) > 10
    for data in yesterday.frames:
        assert station.router.receive("lan", 7, data, air.now + SECOND) == []
    assert station.router.sizes["neighbours"] == 1
    assert not station.router.neighbours
    assert not station.router.destinations
    assert not station.delivered
    station.router.tick(air.now + 90 * SECOND)
    assert station.router.sizes["neighbours"] == 0


def test_hellos_of_others_and_of_other_meshes_are_refused_by_cause(mesh: Authority, foreign: Authority) -> None:
    air, abroad = Air(mesh), Air(foreign)
    node, other, thief = air.station(), air.station(), air.station()
    stranger = [abroad.station() for _ in range(4)][-1]
    air.medium(node, name="lan")

    def refused(data: bytes) -> Cause:
        node.router.refused.clear()
        assert node.router.receive("lan", 1, data, air.now) == []
        assert node.router.sizes["neighbours"] == 0
        (cause,) = node.router.refused
        return cause

    assert refused(hello(other, air, credential=b"")) is Cause.UNENROLLED
    assert refused(hello(thief, air, credential=other.trust.credential)) is Cause.FORGED
    assert refused(hello(stranger, abroad)) is Cause.FORGED
    assert refused(hello(other, air)[:-1]) is Cause.MALFORMED
    sealed = other.trust.seal(signed.hello(bytes(32), other.trust.credential), air.now)
    assert refused(frame.head(frame.HELLO, 1, 0, 0, other.kid, 1) + sealed) is Cause.MALFORMED  # a key of small order
    statement = other.trust.seal(signed.statement(1, False), air.now)
    assert refused(frame.head(frame.HELLO, 1, 0, 0, other.kid, 1) + statement) is Cause.MALFORMED


def test_an_older_hello_does_not_displace_a_session_and_a_stolen_newer_one_does_neither(tapped: Tapped) -> None:
    older = tapped.frames[0]
    assert older[1] == frame.HELLO
    tapped.hears(older)
    assert tapped.b.router.refused[Cause.REPLAYED] == 1
    stolen = hello(tapped.a, tapped.air)  # signed by a for another link, with another ephemeral key
    tapped.hears(stolen)
    (neighbour,) = tapped.b.router._adjacency.neighbours.values()
    assert len(neighbour.sessions) == 2
    assert neighbour.up
    tapped.air.run(6)
    assert len(neighbour.sessions) == 1
    assert tapped.a.router.next_hop(tapped.b.kid) == (tapped.b.kid, "lan")
    assert not [flap for flap in tapped.b.flaps if flap[0] > tapped.air.now - 7 * SECOND]


def test_a_relay_cannot_invent_a_destination_nor_a_newer_number(tapped: Tapped) -> None:
    """The neighbour's own router is made to lie: only its MACs are needed for that."""
    ghost = Identity.create().kid
    liar, honest = tapped.a, tapped.b
    (neighbour,) = liar.router.neighbours
    stated = honest.router._control.statements.get(liar.kid)
    assert stated is not None

    def says(*entries: Entry, statements: tuple[bytes, ...] = ()) -> None:
        liar.router._adjacency.transmit(
            frame.UPDATE, 1, update.pack_update(entries, statements), [neighbour], tapped.air.now
        )
        liar.apply(liar.router.tick(tapped.air.now))
        tapped.air.run(0.1)

    says(Entry(ghost, ghost, 1, 100))
    says(Entry(ghost, liar.kid, stated.seqno, 100))
    says(Entry(bytes(8), liar.kid, stated.seqno, 0))
    says(Entry(ghost, ghost, 1, 100), statements=(liar.trust.seal(signed.statement(1, True), tapped.air.now),))
    assert honest.router.destinations == [liar.kid]
    says(Entry(liar.kid, liar.kid, stated.seqno + 1000, 0))
    route = honest.router._control.routes.selected_route(liar.kid)
    assert route is not None
    assert route.seqno < stated.seqno + 1000


def test_a_message_that_a_neighbour_altered_or_made_up_is_not_passed_on(mesh: Authority) -> None:
    air = Air(mesh)
    a, b, c = air.station(), air.station(), air.station()
    air.medium(a, b, name="ab")
    air.medium(b, c, name="bc")
    air.until(air.converged, 5)
    sealed = a.member.seal(gl1.EVENT, {"class": "a", "value": 1}, now=air.now, name="a").payload
    forged = sealed[:-1] + bytes((sealed[-1] ^ 1,))
    (neighbour,) = a.router.neighbours
    for kind, body in ((frame.FLOOD, forged), (frame.UNICAST, c.kid + b"tt" + forged)):
        a.router._adjacency.transmit(kind, 8, body, [neighbour], air.now)
        a.apply(a.router.tick(air.now))
        air.run(0.2)
    assert b.router.refused[Cause.FORGED] == 2
    assert c.heard == []
    request = a.member.seal(gl1.REQUEST, {"id": "x", "value": 2}, now=air.now, to=b.member.identity.node_id).payload
    a.router._adjacency.transmit(frame.UNICAST, 8, c.kid + b"tt" + request, [neighbour], air.now)
    a.apply(a.router.tick(air.now))
    air.run(0.2)
    assert b.router.refused[Cause.MISADDRESSED] == 1
    assert c.delivered == []
    a.shout("sealed rightly")
    air.run(1)
    assert c.heard == ["sealed rightly"]


def test_a_member_that_floods_is_limited_at_the_first_honest_hop(mesh: Authority) -> None:
    air = Air(mesh)
    a, b, c = air.station(), air.station(), air.station()
    air.medium(a, b, name="ab")
    air.medium(b, c, name="bc")
    air.until(air.converged, 5)
    for i in range(1000):
        a.shout(i)
    air.run(0.5)
    assert len(b.heard) <= 240
    assert len(c.heard) <= 240
    assert b.router.refused[Cause.LIMITED] >= 700


def test_messages_to_oneself_and_of_no_shape(mesh: Authority) -> None:
    air = Air(mesh)
    node = air.station()
    sealed = node.member.seal(gl1.EVENT, {"class": "a", "value": 1}, now=air.now, name="a").payload
    _, effects = node.router.send(node.kid, sealed, air.now)
    assert effects == [Deliver(sealed, node.kid)]
    with pytest.raises(ValueError, match="COSE_Sign1"):
        node.router.send(node.kid, b"text", air.now)
    with pytest.raises(ValueError, match="hello"):
        node.router.flood(node.trust.seal(signed.beacon(), air.now), air.now)
    assert node.router.receive("no such link", 1, b"", air.now) == []


def test_a_key_that_was_replaced_ends_over_neighbours_when_it_ends_on_a_broker(tmp_path: Path) -> None:
    """Commands after an hour, events and all that a router says after a week; the one list says both."""
    site = Site(tmp_path)
    node, relay = site.member("fridge"), site.member("relay")
    node.credential = site.authority.issue(
        node.member.identity.public, name="fridge", roles=["node"], now=NOW, lifetime=20 * 24 * HOUR
    )
    trust = MemberTrust(relay.member, relay.credential, Stated(relay.member))
    assert trust.learn(node.birth().payload, NOW)
    relay.member.enforce(site.authority.supersede(node.member.identity.node_id, now=NOW))

    def opened(sealed: Sealed, now: int) -> Cause | None:
        found = trust.open(sealed.payload, now)
        return found if isinstance(found, Cause) else None

    kid = node.member.identity.kid
    for now, command, rest in (
        (NOW + HOUR - SECOND, None, None),
        (NOW + HOUR, Cause.REVOKED, None),
        (NOW + 7 * 24 * HOUR - SECOND, Cause.REVOKED, None),
        (NOW + 7 * 24 * HOUR, Cause.REVOKED, Cause.REVOKED),
    ):
        assert (opened(node.request(relay), now), opened(node.event(), now)) == (command, rest)
        assert trust.allowed(kid, now) is (rest is None)
        assert (trust.learn(node.birth().payload, now) is not None) is (rest is None)


def test_a_key_that_a_revoked_one_was_rotated_to_is_none_over_neighbours_either(tmp_path: Path) -> None:
    site = Site(tmp_path)
    node, relay, identity = site.member("fridge"), site.member("relay"), Identity.create()
    former = node.member.identity.node_id
    given = site.authority.issue(identity.public, name="fridge", roles=["node"], now=NOW, former=former)
    later = site.member("fridge", identity=identity, credential=given)
    trust = MemberTrust(relay.member, relay.credential, Stated(relay.member))
    assert trust.learn(later.birth().payload, NOW)
    relay.member.enforce(site.authority.revoke(former, now=NOW))
    assert trust.open(later.event().payload, NOW) is Cause.REVOKED
    assert not trust.allowed(identity.kid, NOW)
