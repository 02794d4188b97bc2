# SPDX-License-Identifier: GPL-3.0-or-later
"""What is large, and what the authority states, from neighbour to neighbour over links of 1200 bytes (design: M4)."""

import asyncio
import itertools
import random
import shutil
import time
from collections.abc import Hashable
from pathlib import Path

import pytest

from ganglion.mesh import files, policy, revocation
from ganglion.mesh.authority import ISSUER_LIFETIME, Authority
from ganglion.mesh.client import MeshClient
from ganglion.mesh.credential import NODE
from ganglion.mesh.fleet_limits import NONE
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Cause
from ganglion.mesh.overlay import frame
from ganglion.mesh.overlay.link import Link
from ganglion.mesh.overlay.update import BUNDLE, POLICY, REVOCATIONS
from ganglion.mesh.service import GatewayRole
from ganglion.mesh.signed_config import LIMITS, POLICIES
from ganglion.mesh.transport import NoBroker
from ganglion.units import MILLISECOND, SECOND
from ganglion_micro import cbor, gl1
from ganglion_tools.mesh_air import NOW, Air, Station, authority
from support.mesh import Keys, Store, running
from support.waiting import until

DAY = 86400 * SECOND
RULES = policy.Policy(1, [policy.Rule(name="all", who=("*",), may=policy.VERBS, what=("*",))])
#: What is left of 64 KiB for the value of a message.
LARGE = cbor.MAX_SIZE - 400


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


def born(station: Station, size: int) -> bytes:
    """A birth of a station that says much of itself."""
    body = {
        "name": "n",
        "nonce": station.member.nonce,
        "epoch": station.member.epoch,
        "credential": station.trust.credential,
        "caps": random.Random(size).randbytes(size),
    }
    birth = station.member.seal(gl1.BIRTH, body, now=station.air.now).payload
    station.trust.born(birth)
    return birth


@pytest.mark.parametrize("size", [12_000, LARGE - 600])
def test_a_birth_of_any_size_crosses_a_lan_asked_for_and_flooded(mesh: Authority, size: int) -> None:
    air = Air(mesh)
    stations = [air.station() for _ in range(6)]
    large = stations[0]
    first = born(large, size)
    air.medium(*stations, name="lan", loss=0.05)
    air.until(air.converged, 10)
    air.until(lambda: all(station.trust.record(large.kid) == first for station in stations), 30)
    air.run(1)
    second = born(large, size)
    large.apply(large.router.flood(second, air.now)[1])
    air.until(lambda: all(station.trust.record(large.kid) == second for station in stations), 10)


def test_the_largest_flood_reaches_more_neighbours_than_one_frame_has_room_for(mesh: Authority) -> None:
    """Their tags leave too little of a frame: there are more frames, each for fewer of them."""
    air = Air(mesh)
    hub = air.station()
    others = [air.station() for _ in range(32)]
    lan = air.medium(hub, *others, name="lan")
    lan.severed = {frozenset((a.number, b.number)) for a in others for b in others if a is not b}
    air.until(lambda: len(hub.router.neighbours) == 32, 30)
    hub.shout("x" * LARGE)
    air.until(lambda: all(other.heard == ["x" * LARGE] for other in others), 10)


def test_messages_of_64_kib_are_received_over_three_hops_that_lose_frames(mesh: Authority) -> None:
    air = Air(mesh)
    a, b, c, d = stations = [air.station() for _ in range(4)]
    for one, other in ((a, b), (b, c), (c, d)):
        air.medium(one, other, loss=0.1)
    air.until(air.converged, 10)
    for i in range(5):
        a.post(d, f"{i}" * LARGE)
    a.post(d, "and small")
    a.shout("y" * LARGE)
    air.until(lambda: not a.spool and bool(d.heard), 60)
    assert sorted(d.delivered) == [*[f"{i}" * LARGE for i in range(5)], "and small"]
    assert d.heard == ["y" * LARGE]
    assert not any(station.router.exhausted for station in stations)
    assert not air.loops


def test_large_messages_wait_for_room_and_small_ones_behind_them_are_not_forgotten(mesh: Authority) -> None:
    air = Air(mesh)
    a, b = air.station(), air.station()
    air.medium(a, b, delay=(20 * MILLISECOND, 30 * MILLISECOND))
    air.until(air.converged, 5)
    for i in range(200):
        a.post(b, "z" * 30_000 if i % 20 == 0 else i)
    assert air.kinds[frame.UNICAST] < 32 + frame.MAX_FRAGMENTS
    air.until(lambda: len(b.delivered) == 200, 20)
    air.until(lambda: a.router.sizes["parcels"] == 0, 1)
    assert not a.undeliverable


def test_a_record_that_never_arrives_is_asked_for_ever_more_rarely(mesh: Authority) -> None:
    air = Air(mesh)
    gateway, node, evicted = air.station("gateway"), air.station(), air.station()
    cable = air.medium(gateway, node)
    air.until(air.converged, 5)
    cable.refuses = lambda got: got.kind == frame.RECORD
    before = air.kinds[frame.WANT]
    gateway.revoke(1, evicted)
    air.run(120)
    assert 5 < air.kinds[frame.WANT] - before < 20
    cable.refuses = None
    air.until(lambda: node.trust.versions.revocations == 1, 60)
    gateway.revoke(2, evicted)
    air.until(lambda: node.trust.versions.revocations == 2, 1)


def test_a_want_for_many_large_records_is_answered_within_bounds(mesh: Authority) -> None:
    air = Air(mesh)
    relay, asker = air.station(), air.station()
    members = [Station(air, 1000 + i, "node") for i in range(20)]
    for member in members:
        assert relay.trust.learn(born(member, 20_000), air.now) == member.kid
    air.medium(relay, asker)
    air.until(air.converged, 5)
    (neighbour,) = relay.router.neighbours
    want = b"".join(member.kid for member in members)
    found = relay.router._control.want(neighbour, want, air.now)
    assert len(found) == 4
    assert relay.router._control.want(neighbour, members[9].kid, air.now + SECOND) == [
        relay.trust.record(members[9].kid)
    ]


# What the authority states


def test_policy_and_bundle_pass_from_neighbour_to_neighbour_and_the_highest_version_wins(tmp_path: Path) -> None:
    mesh = authority(tmp_path)
    old, older = mesh.trust(now=NOW), mesh.set_config(POLICIES, RULES, now=NOW)
    air = Air(mesh)
    stations = [air.station() for _ in range(5)]
    for one, other in itertools.pairwise(stations):
        air.medium(one, other, loss=0.05)
    air.until(air.converged, 10)
    first, last = stations[0].trust, stations[-1].trust
    new = mesh.trust(now=NOW + 80 * DAY, ahead=30 * DAY)
    newer = mesh.set_config(POLICIES, RULES, now=NOW + SECOND)
    assert last.learn(older.data, air.now) == POLICY
    assert first.learn(newer.data, air.now) == POLICY
    assert first.learn(new.data, air.now) == BUNDLE
    assert first.learn(older.data, air.now) is None
    air.until(lambda: all(station.trust.versions == first.versions for station in stations), 5)
    assert {station.trust.record(POLICY) for station in stations} == {newer.data}
    assert {station.trust.record(BUNDLE) for station in stations} == {new.data}
    assert all(station.trust.learn(old.data, air.now) is None for station in stations)
    air.run(1)
    wants = air.kinds[frame.WANT]
    air.run(20)
    assert air.kinds[frame.WANT] == wants


def test_what_everybody_has_is_asked_of_one_neighbour_and_of_the_next_where_that_is_silent(tmp_path: Path) -> None:
    mesh = authority(tmp_path)
    stated = mesh.set_config(POLICIES, RULES, now=NOW)
    air = Air(mesh)
    old = [air.station() for _ in range(8)]
    for station in old:
        station.trust.learn(stated.data, air.now)
    lan = air.medium(*old, name="lan")
    air.until(air.converged, 5)
    asked: list[frame.Frame] = []
    lan.refuses = lambda got: got.kind == frame.WANT and POLICY in got.body and bool(asked.append(got))

    new = air.station()
    lan.stations[new] = Link(name="lan", multi_access=True)
    new.apply(new.router.link_up(lan.stations[new], air.now))
    air.until(lambda: new.trust.record(POLICY) == stated.data, 5)
    assert len({got.tags[0][0] for got in asked}) == 1
    air.run(1)
    newer = mesh.set_config(POLICIES, RULES, now=NOW + SECOND)
    for station in old:
        station.trust.learn(newer.data, air.now)
    deaf = {station.kid for station in old[1:]}
    lan.refuses = lambda got: got.kind == frame.RECORD and got.sender in deaf
    air.until(lambda: new.trust.record(POLICY) == newer.data, 60)


def test_whoever_is_put_out_is_told_by_its_neighbours_as_they_leave_it(mesh: Authority) -> None:
    air = Air(mesh)
    gateway, evicted = air.station("gateway"), air.station()
    air.medium(gateway, evicted)
    air.until(air.converged, 5)
    gateway.revoke(1, evicted)
    assert not gateway.router.neighbours
    air.run(0.1)
    assert evicted.trust.versions.revocations == 1
    assert evicted.trust.record(REVOCATIONS) == gateway.trust.record(REVOCATIONS)


def test_a_keep_alive_to_one_neighbour_stays_small(mesh: Authority) -> None:
    air = Air(mesh)
    sizes: list[int] = []
    cable = air.medium(air.station(), air.station())
    cable.refuses = lambda got: got.kind == frame.ALIVE and bool(sizes.append(len(got.body) + len(got.head) + 10))
    air.run(5)
    assert 0 < max(sizes) <= 49


class Wire:
    """Two members and nothing between them but a link."""

    def __init__(self, folder: Path, mesh: Authority, now: int) -> None:
        began = time.monotonic_ns()
        store = Store()
        role = GatewayRole(
            authority=mesh,
            keys=Keys(mesh),
            on_events=store.take,
            on_frames=lambda frames: None,
            on_birth=store.births.append,
            on_death=lambda death: None,
        )
        options = {"links": [], "heartbeat": 0, "clock": lambda: now + time.monotonic_ns() - began}
        self.gateway = MeshClient(
            transport=NoBroker(), state=folder / "gateway", name="gateway", gateway=role, **options
        )
        self.node = MeshClient(transport=NoBroker(), state=folder / "node", name="node", **options)

    def join(self) -> None:
        for one, other in ((self.gateway, self.node), (self.node, self.gateway)):

            def send(address: Hashable | None, data: bytes, kid: bytes | None, other: MeshClient = other) -> None:
                assert other.overlay is not None
                asyncio.get_running_loop().call_soon(other.overlay.heard, "wire", None, data)

            assert one.overlay is not None
            one.overlay.up(Link(name="wire", interval=SECOND // 5), send)


def stale(folder: Path, mesh: Authority, now: int) -> None:
    """A node's folder with a credential of today and a bundle whose issuer has ended."""
    identity = Identity.load_or_create(folder / "identity")
    files.write(folder / "bundle.cbor", mesh.bundle(now=NOW))
    data = mesh.issue(identity.public, name="node", roles=[NODE], now=now, lifetime=DAY)
    files.write(folder / "credential.cwt", data)


async def test_a_node_without_a_broker_learns_of_everything_the_authority_states(tmp_path: Path) -> None:
    """Also from a bundle on that nothing holds any more: only neighbours can bring the next one."""
    mesh = Authority.open(tmp_path / "authority", now=NOW)
    now = NOW + ISSUER_LIFETIME + DAY
    stale(tmp_path / "node", mesh, now)
    revoked = mesh.revoke(Identity.create().node_id, now=now)
    stated = mesh.set_config(POLICIES, RULES, now=now)
    limits = mesh.set_config(LIMITS, NONE, now=now)
    wire = Wire(tmp_path, mesh, now)
    node = wire.node
    async with running(wire.gateway, node):
        await until(
            lambda: wire.gateway.overlay is not None and wire.gateway.overlay.router is not None, what="a router"
        )
        wire.join()
        await until(lambda: node.member.find("gateway") is not None, what="the node believes the gateway")
        await until(lambda: node.rights.policy.version == stated.version, what="the policy holds on the node")
        await until(lambda: node.limits[0] == limits.version, what="the node has the limits")
        await until(lambda: node.statistics().revocations == revoked.version, what="the node has the list")
        wire.gateway.desk.set_config(LIMITS, NONE)
        await until(lambda: node.limits[0] > limits.version, what="the node has the next limits")
        wire.gateway.desk.set_config(POLICIES, RULES)
        await until(lambda: node.rights.policy.version > stated.version, what="the next policy holds on the node")
        wire.gateway.desk.revoke(Identity.create().node_id)
        await until(lambda: node.statistics().revocations > revoked.version, what="the node has the next list")
    kept = {name: files.read(tmp_path / "node" / name) for name in ("bundle.cbor", "policy.cbor", "revoked.cbor")}
    later = now + DAY // 2
    known = mesh.config(POLICIES, now=later)
    assert known is not None
    assert kept == {
        "bundle.cbor": mesh.bundle(now=later),
        "policy.cbor": known.data,
        "revoked.cbor": mesh.revocations(now=later).data,
    }


async def test_what_a_neighbour_makes_up_in_the_name_of_the_authority_is_refused(tmp_path: Path) -> None:
    mesh, other = (Authority.open(tmp_path / name, now=NOW) for name in ("authority", "other"))
    now = NOW + DAY
    stale(tmp_path / "node", mesh, now)
    wire = Wire(tmp_path, mesh, now)
    thief = Identity.create()
    for client in (wire.gateway, wire.node):
        assert client.overlay is not None
        client.overlay.begin()
        trust = client.overlay._trust
        assert trust is not None
        before = trust.versions
        forged = [
            revocation.sign(thief, mesh.mesh, version=2**40, now=now, until={client.identity.kid: (now, now)}),
            POLICIES.sign(thief, mesh.mesh, RULES, version=2**40, now=now),
            LIMITS.sign(thief, mesh.mesh, NONE, version=2**40, now=now),
            other.set_config(LIMITS, NONE, now=now).data,
            other.revoke(client.identity.node_id, now=now).data,
            other.set_config(POLICIES, RULES, now=now).data,
            other.bundle(now=now),
            other.bundle(now=now)[:-1],
            b"\xa2",
            b"",
            b"garbage",
        ]
        assert [trust.learn(data, now) for data in forged] == [None] * len(forged)
        assert trust.versions == before
        assert trust.record(BUNDLE) == mesh.bundle(now=now)
        assert trust.record(REVOCATIONS) == (mesh.revocations(now=now).data if client is wire.gateway else None)
        assert trust.record(POLICY) is None
    rejected = wire.node.member.rejected
    assert rejected[Cause.FORGED] + rejected[Cause.MISADDRESSED] == 6
    assert rejected[Cause.WRONG_MESH] == 1


async def test_a_gateway_goes_on_under_what_another_one_has_renewed(tmp_path: Path) -> None:
    mesh, other = Authority.open(tmp_path / "authority", now=NOW), Authority.open(tmp_path / "other", now=NOW)
    shutil.copytree(tmp_path / "authority", tmp_path / "second")
    second = Authority.open(tmp_path / "second", now=NOW)
    now = NOW + 10 * DAY
    stale(tmp_path / "node", mesh, now)
    wire = Wire(tmp_path, mesh, now)
    assert wire.gateway.overlay is not None
    wire.gateway.overlay.begin()
    trust = wire.gateway.overlay._trust
    assert trust is not None
    renewed = second.trust(now=now, ahead=ISSUER_LIFETIME - DAY).data
    ahead = second.trust(now=now + 5 * DAY, ahead=ISSUER_LIFETIME - DAY).data
    refused = [other.bundle(now=now), mesh.bundle(now=now), renewed[:-1], ahead]
    assert [trust.learn(data, now) for data in refused] == [None] * len(refused)
    assert trust.learn(renewed, now) == BUNDLE
    assert trust.learn(renewed, now) is None
    assert trust.record(BUNDLE) == mesh.bundle(now=now) == renewed
    assert Authority.open(tmp_path / "authority", now=now).bundle(now=now) == renewed
    own = mesh.trust(now=now + DAY, ahead=ISSUER_LIFETIME - DAY // 2).data
    assert trust.record(BUNDLE) == renewed
    assert trust.learn(own, now + DAY) == BUNDLE
    assert trust.record(BUNDLE) == own
