# SPDX-License-Identifier: GPL-3.0-or-later
"""A router in a mesh of five hundred: everyone is reached, and no table grows past its bound (design: T11)."""

import itertools
import tracemalloc

import pytest

from ganglion.mesh.authority import Authority
from ganglion.mesh.overlay import frame, signed
from ganglion.mesh.overlay.adjacency import Adjacency
from ganglion.mesh.overlay.custody import Custody, Parcel
from ganglion.mesh.overlay.effects import MessageId, Undeliverable
from ganglion.mesh.overlay.flood import Flood
from ganglion.mesh.overlay.link import Link
from ganglion.mesh.overlay.origin import Origin
from ganglion.mesh.overlay.routes import Via
from ganglion.mesh.overlay.update import Entry
from ganglion.units import SECOND
from ganglion_micro import gl1
from ganglion_tools.mesh_air import Air, Station, authority

pytestmark = pytest.mark.untraced

MEBIBYTE = 1024 * 1024


def hello(station: Station, air: Air) -> bytes:
    sealed = station.trust.seal(signed.hello(b"\x09" + bytes(31), station.trust.credential), air.now)
    return frame.head(frame.HELLO, 1, 0, 0, station.kid, 1) + sealed


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


def behind(air: Air, relay: Station, count: int) -> list[Station]:
    """Members that a relay reaches over a link which nobody here sees."""
    via: Via = (b"upstream", "elsewhere")
    relay.router._control.routes.recost(via, 256, air.now)
    members = [Station(air, 1000 + i, "node") for i in range(count)]
    for counter, member in enumerate(members):
        birth = member.trust.record(member.kid)
        assert birth is not None
        assert relay.trust.learn(birth, air.now)
        stated = Origin(member.trust, air.now).stated
        assert relay.router._control.statements.accept(stated.data, air.now) == (member.kid, None)
        relay.router._control.routes.update(via, Entry(member.kid, member.kid, stated.seqno, 256), counter, air.now)
    return members


def test_a_node_learns_of_five_hundred_others_from_one_neighbour_within_forty_mebibytes(mesh: Authority) -> None:
    air = Air(mesh)
    relay, node = air.station(), air.station()
    members = behind(air, relay, 500)
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    air.medium(relay, node)
    air.until(lambda: len(node.router.destinations) == 501, 20)
    for member in members:
        assert node.router.next_hop(member.kid) == (relay.kid, "n0-n1")
        assert node.trust.record(member.kid)
    for member, i in itertools.product(members[:100], range(20)):
        sealed = member.member.seal(gl1.EVENT, {"class": "a", "value": i}, now=air.now, name="a").payload
        relay.apply(relay.router.flood(sealed, air.now)[1])
        air.run(0.001)
    air.run(2)
    grown = sum(change.size_diff for change in tracemalloc.take_snapshot().compare_to(before, "filename"))
    tracemalloc.stop()
    assert grown < 40 * MEBIBYTE
    assert len(node.heard) >= 1900
    sizes = node.router.sizes
    assert (sizes["statements"], sizes["routes"], sizes["neighbours"]) == (501, 502, 1)
    assert sizes["kept"] <= 512
    assert sizes["seen"] <= 8192
    assert not sizes["updates"]


def test_a_link_has_sixty_four_neighbours_and_who_never_showed_itself_makes_room(mesh: Authority) -> None:
    air = Air(mesh)
    hub, last = air.station(), air.station()
    others = [Station(air, 1000 + i, "node") for i in range(500)]
    air.medium(hub, name="lan")
    for other in others:
        hub.apply(hub.router.receive("lan", other.number, hello(other, air), air.now))
        air.run(0.05)
    assert hub.router.sizes["neighbours"] == 64
    lan = air.media["lan"]
    lan.stations[last] = Link(name="lan", multi_access=True)
    last.apply(last.router.link_up(lan.stations[last], air.now))
    air.until(lambda: air.reaches(last, hub) and air.reaches(hub, last), 5)
    assert hub.router.sizes["neighbours"] == 64


def test_messages_on_their_way_are_bounded_and_the_rest_is_the_callers_again(mesh: Authority) -> None:
    air = Air(mesh)
    a, b = air.station(), air.station()
    cable = air.medium(a, b)
    air.until(air.converged, 5)
    air.cut(cable)
    for i in range(3000):
        sealed = a.member.seal(gl1.EVENT, {"class": "a", "value": i}, now=air.now, name="a").payload
        a.apply(a.router.send(b.kid, sealed, air.now)[1])
    assert a.router.sizes["parcels"] == 2048
    assert len(a.undeliverable) == 952
    air.run(10)
    assert a.router.sizes["parcels"] == 0
    assert len(a.undeliverable) == 3000
    assert all(isinstance(effect, Undeliverable) and effect.ours for effect in a.undeliverable)


def test_parcels_are_bounded_in_bytes() -> None:
    custody = Custody()
    parcels = [Parcel((MessageId(bytes(8), False, 1, i), b""), bytes(8), bytes(60_000), 8, None) for i in range(100)]
    assert sum(custody.put(parcel) for parcel in parcels) == 69
    for parcel in parcels:
        custody.remove(parcel)
    assert custody.put(parcels[0])


def test_floods_that_wait_are_bounded_and_allowances_are_forgotten() -> None:
    flooding = Flood(lambda: 0.5)
    for i in range(2000):
        flooding.allowed(i.to_bytes(8, "big"), 0)
        flooding.put(MessageId(bytes(8), False, 1, i), b"", 3, (), 0)
    assert len(flooding) == 512
    assert len(flooding.tick(SECOND)) == 512
    flooding.expire(10 * SECOND)
    assert not flooding._buckets


def test_round_trips_that_are_measured_are_bounded(mesh: Authority) -> None:
    air = Air(mesh)
    node = air.station()
    adjacency: Adjacency = node.router._adjacency
    for i in range(5000):
        adjacency.timed("lan", i, air.now)
    assert len(adjacency._timed) == 512
