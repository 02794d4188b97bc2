# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.gateways: the gateways that are not revoked, for boards that have no room for those who are."""

import shutil
from pathlib import Path

import pytest

from ganglion.mesh import files, gateways, revocation
from ganglion.mesh.authority import Authority
from ganglion.mesh.credential import CredentialError
from ganglion.mesh.identity import Identity
from ganglion.units import SECOND
from ganglion_micro import cbor, cose, gl1
from ganglion_micro.mqtt import MAX_SIZE, MAX_TOPIC
from support.mesh import HOUR, NOW, Site
from support.micro_member import World
from support.revoked import revoke_many

DAY = 24 * HOUR
#: Revocations, and the months over which they came. 2,999 and one fill a list, 5,000 are more than one holds.
COUNTS = [(10, 0), (195, 0), (1000, 0), (2999, 0), (5000, 12)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def given(site: Site, name: str = "gateway") -> Identity:
    """A key that has the credential of a gateway."""
    key = Identity.create()
    site.authority.issue(key.public, name=name, roles=["gateway"], now=site.now, lifetime=DAY)
    return key


def kids(authority: Authority, now: int) -> set[bytes]:
    return set(authority.gateways(now=now).kids)


def retained(world: World) -> list[tuple[str, bytes]]:
    """What the broker has of the authority now."""
    authority, now = world.site.authority, world.site.now
    mesh = authority.mesh_id
    found = [
        (gl1.gateway_topic(mesh, gl1.ALL), authority.gateways(now=now).data),
        (gl1.revoked_topic(mesh), authority.revocations(now=now).data),
    ]
    return [(topic, data) for topic, data in found if len(topic) + len(data) <= MAX_SIZE]


def hears(world: World, *said: tuple[str, bytes]) -> dict[str, int]:
    """What the board has refused more, once it has looked at these."""
    before = dict(world.board.refused)
    for each in said:
        world.board.receive(each)
    world.go(60 + 40 * len(said))
    return {cause: count - before.get(cause, 0) for cause, count in world.board.refused.items()} | {}


def obeys(world: World, identity: str) -> bool:
    """Whether the board does what the gateway asks."""
    before = len(world.calls)
    world.ask(identity)
    world.go(200)
    return len(world.calls) > before


def later(world: World, days: int) -> None:
    """Days pass, in which the gateway is given its next credential."""
    authority = world.site.authority
    world.site.now += days * DAY
    world.board.now += days * DAY
    member = world.gateway.member
    world.gateway = world.site.member("gateway", role="gateway", epoch=member.epoch + 1, identity=member.identity)
    world.gateway.member.peers |= member.peers
    birth = (gl1.gateway_topic(authority.mesh_id, member.identity.node_id), world.gateway.birth().payload)
    hears(world, (gl1.bundle_topic(authority.mesh_id), authority.bundle(now=world.site.now)), *retained(world), birth)
    world.go(8000)


@pytest.mark.parametrize(("count", "months"), COUNTS)
def test_a_board_obeys_though_many_were_revoked_and_refuses_a_gateway_that_is(
    world: World, count: int, months: int
) -> None:
    world.join()
    authority, node = world.site.authority, world.gateway.member.identity
    listed = revoke_many(authority, count, now=world.site.now, months=months)
    assert min(count, 1000) <= listed <= revocation.LIMIT
    for days in (12, 12, 12):  # more than 30 without a list would be too many
        later(world, days)
        assert obeys(world, f"r{world.site.now}")
    authority.revoke(node.node_id, now=world.site.now)
    hears(world, *retained(world))
    assert not obeys(world, "r2")
    # A node reads the whole list, and judges the same
    standing = world.site.member("node").member.standing
    standing.revocations = revocation.read(
        authority.revocations(now=world.site.now).data, authority.trust(now=world.site.now)
    )
    assert standing.revoked(node.kid, now=world.site.now)


def test_a_revoked_gateway_is_refused_after_a_restart_and_an_older_list_brings_it_not_back(world: World) -> None:
    world.join()
    authority, node = world.site.authority, world.gateway.member.identity.node_id
    revoke_many(authority, 1000, now=world.site.now)
    topic = gl1.gateway_topic(authority.mesh_id, gl1.ALL)
    old = authority.gateways(now=world.site.now).data
    hears(world, (topic, old))
    assert obeys(world, "r1")
    authority.revoke(node, now=world.site.now + 1)
    new = authority.gateways(now=world.site.now + 1).data
    hears(world, (topic, new))
    assert not obeys(world, "r2")
    for _ in range(2):
        hears(world, (topic, old))
        assert not obeys(world, "r3")
        world.boot()
        world.board.connected(True)
        birth = (gl1.gateway_topic(authority.mesh_id, node), world.gateway.birth().payload)
        assert hears(world, birth)["revoked"]
    assert world.kept["holds"] == new


def test_a_list_that_is_kept_back_has_the_board_obey_nobody_after_thirty_days(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.join()
    revoke_many(world.site.authority, 1000, now=world.site.now)
    hears(world, *retained(world))
    with monkeypatch.context() as broker:
        broker.setattr(f"{__name__}.retained", lambda world: [])
        later(world, 15)
        later(world, 14)
        assert obeys(world, "r1")
        later(world, 2)
        known = world.board.refused["stale"]
        assert not obeys(world, "r2")
        assert world.board.refused["stale"] == known + 1
    hears(world, *retained(world))
    assert obeys(world, "r3"), "and again once it comes"


def test_a_gateway_that_is_new_is_obeyed_when_the_list_has_it_whatever_comes_first(world: World) -> None:
    world.join()
    authority, now = world.site.authority, world.site.now
    hears(world, *retained(world))
    without = authority.gateways(now=now).kids
    new = world.site.member("second", role="gateway", epoch=1)
    birth = (gl1.gateway_topic(authority.mesh_id, new.member.identity.node_id), new.birth().payload)
    assert hears(world, birth)["revoked"] == 1
    assert {*without, new.member.identity.kid} == kids(authority, now)
    hears(world, *retained(world))  # the birth is not said again
    world.gateway = new
    world.go(5000)
    assert obeys(world, "r1")


def test_the_newer_of_the_two_lists_is_gone_by(world: World) -> None:
    """A gateway of an earlier version says nothing of gateways: the list of the revoked is enough, where it fits."""
    world.join()
    authority = world.site.authority
    hears(world, *retained(world))
    other = Identity.create()
    later = revocation.sign(
        authority._issuer, authority.mesh, version=2**40, now=world.site.now + SECOND, until={other.kid: (1, 1)}
    )
    stranger = world.site.member("second", role="gateway", identity=Identity.create())
    hears(world, (gl1.revoked_topic(authority.mesh_id), later))
    topic = gl1.gateway_topic(authority.mesh_id, stranger.member.identity.node_id)
    assert not hears(world, (topic, stranger.birth().payload)).get("revoked")
    assert obeys(world, "r1")
    hears(world, *retained(world))
    assert world.board._authority._listed.order[0] == 2**40, "the list of gateways is that of an earlier version now"
    assert world.boot()._authority._listed.order[0] == 2**40


def test_neither_list_can_be_shown_for_the_other(world: World) -> None:
    site, now = world.site, world.site.now
    trust = site.authority.trust(now=now)
    with pytest.raises(CredentialError, match="not a revocation list"):
        revocation.read(site.authority.gateways(now=now).data, trust)
    with pytest.raises(CredentialError, match="not a list of gateways"):
        gateways.read(site.authority.revocations(now=now).data, trust)
    with pytest.raises(CredentialError, match="not a list of gateways"):
        site.authority.take_gateways(site.authority.revocations(now=now).data, now=now)


def test_only_the_authority_lists_gateways(world: World, tmp_path: Path) -> None:
    world.join()
    site, other = world.site, Site(tmp_path / "other")
    given(other)
    topic = gl1.gateway_topic(site.authority.mesh_id, gl1.ALL)
    theirs = other.authority.gateways(now=site.now + DAY).data
    assert hears(world, (topic, theirs))["forged"] == 1
    for body in ({}, {"gateways": 5}, {"gateways": [[]]}, 7, None):
        data = _signed(site, body)
        assert hears(world, (topic, data))["malformed"] >= 1
        with pytest.raises(CredentialError):
            site.authority.take_gateways(data, now=site.now)
    with pytest.raises(CredentialError):
        site.authority.take_gateways(theirs, now=site.now)
    assert obeys(world, "r1")


def _signed(site: Site, body: object) -> bytes:
    key = Identity.load(site.folder / "authority" / "issuer")
    msg = gl1.MSG(gl1.REVOCATION, None, 0, 2**41, site.now, body)
    return cose.sign1(cbor.encode(msg.fields()), key.kid, gl1.aad(site.authority.mesh), key.sign)


def test_the_longest_list_fits_where_a_board_has_room(world: World) -> None:
    for _ in range(gateways.LIMIT + 3):
        last = given(world.site)
    found = world.site.authority.gateways(now=NOW)
    assert (len(found.kids), last.kid in found.kids) == (gateways.LIMIT, True)
    assert len(found.data) < 800 < MAX_SIZE - MAX_TOPIC


# The authority


def test_the_list_survives_a_restart_and_a_damaged_one_is_made_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(tmp_path)
    one, two = given(site), given(site)
    data = site.authority.gateways(now=NOW).data
    again = Authority.open(site.folder / "authority", now=NOW)
    assert again.gateways(now=NOW).data == data, "and is not signed anew for nothing"
    again.revoke(two.node_id, now=NOW)
    assert kids(again, NOW) == {one.kid}
    (site.folder / "authority" / "gateways").write_bytes(data[:-1])
    damaged = Authority.open(site.folder / "authority", now=NOW)
    assert damaged.meets(one.kid, now=NOW)
    assert kids(damaged, NOW) == {one.kid}
    assert caplog.text.count("is made anew") == 1


def test_the_list_holds_though_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(tmp_path)
    one = given(site)
    site.authority.revocations(now=NOW)

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write", full)
    assert kids(site.authority, NOW) == {one.kid}
    assert "No space left" in caplog.text


def test_two_gateways_end_with_one_list_that_has_both(tmp_path: Path) -> None:
    site = Site(tmp_path)
    gone = given(site)
    site.authority.gateways(now=NOW)
    shutil.copytree(site.folder / "authority", tmp_path / "copy")
    twin = Authority.open(tmp_path / "copy", now=NOW)
    here, there = Identity.create(), Identity.create()
    site.authority.meets(here.kid, now=NOW)
    twin.meets(there.kid, now=NOW)
    now = NOW + SECOND
    site.authority.revoke(gone.node_id, now=now)
    one, other = site.authority.gateways(now=now), twin.gateways(now=now)
    with pytest.raises(CredentialError, match="holds"):
        site.authority.take_gateways(other.data, now=now)
    assert twin.take_gateways(one.data, now=now), "it is behind: who was revoked meanwhile it does not know yet"
    assert twin.gateways(now=now).data == one.data
    twin.take_revocations(site.authority.revocations(now=now).data, now=now)
    assert kids(twin, now) == {here.kid, there.kid}
    assert not site.authority.take_gateways(one.data, now=now) or kids(site.authority, now) == {here.kid}
    assert site.authority.take_gateways(twin.gateways(now=now).data, now=now)
    assert site.authority.gateways(now=now).data == twin.gateways(now=now).data
