# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.revocation: the list, who may sign it, and that neither side ever goes back."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import RefusedError
from ganglion.mesh import files, revocation
from ganglion.mesh.authority import Authority
from ganglion.mesh.credential import CredentialError
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Cause
from ganglion.mesh.revocation import (
    KEEP,
    OVERLAP_C,
    OVERLAP_D,
    REFRESH,
    KeptList,
    RevocationList,
    _united,
    sign,
)
from ganglion.units import SECOND
from ganglion_micro import cose, gl1
from support.mesh import HOUR, NOW, Enrolled, Site

DAY = 24 * HOUR
KID = b"12345678"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def issuer(site: Site) -> Identity:
    return Identity.load(site.folder / "authority" / "issuer")


def made(site: Site, **changes: object) -> bytes:
    fields = {"version": 7, "now": NOW, "until": {KID: (NOW, NOW)}, **changes}
    return sign(issuer(site), site.authority.mesh, **fields)


def test_a_list_comes_back_as_it_was_signed(site: Site) -> None:
    trust = site.authority.trust(now=NOW)
    listed = revocation.read(made(site, until={KID: (NOW, NOW + HOUR), b"abcdefgh": (NOW, NOW)}), trust)
    assert (listed.version, listed.issued) == (7, NOW)
    assert listed.until == {KID: (NOW, NOW + HOUR), b"abcdefgh": (NOW, NOW)}


def test_fifty_keys_are_about_a_kilobyte(site: Site) -> None:
    assert len(made(site, until={bytes((i,)) * 8: (NOW, NOW) for i in range(50)})) < 1200


def test_a_bit_flipped_in_any_byte_is_refused(site: Site) -> None:
    trust, data = site.authority.trust(now=NOW), made(site)
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 1
        with pytest.raises(CredentialError):
            revocation.read(bytes(damaged), trust)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused_without_another_error(data: bytes) -> None:
    with pytest.raises(CredentialError):
        revocation.read(data, TRUST)


@pytest.fixture(scope="module", autouse=True)
def _trust(tmp_path_factory: pytest.TempPathFactory) -> None:
    global TRUST
    TRUST = Authority.open(tmp_path_factory.mktemp("authority"), now=NOW).trust(now=NOW)


def signed(site: Site, kind: int, dst: bytes | None, body: object) -> bytes:
    key = issuer(site)
    return cose.sign1(gl1.MSG(kind, dst, 0, 7, NOW, body).pack(), key.kid, gl1.aad(site.authority.mesh), key.sign)


@pytest.mark.parametrize(
    ("kind", "dst", "body"),
    [
        (gl1.CONFIG, None, [[KID, 1, 1]]),
        (gl1.REVOCATION, KID, [[KID, 1, 1]]),
        (gl1.REVOCATION, None, {"a": 1}),
        (gl1.REVOCATION, None, [[KID, 1]]),
        (gl1.REVOCATION, None, [[KID, 1, None]]),
        (gl1.REVOCATION, None, [[b"short", 1, 1]]),
        (gl1.REVOCATION, None, [KID]),
    ],
    ids=str,
)
def test_what_the_issuer_signed_for_something_else_is_no_list(site: Site, kind: int, dst: bytes, body: object) -> None:
    with pytest.raises(CredentialError):
        revocation.read(signed(site, kind, dst, body), site.authority.trust(now=NOW))


def test_a_list_of_a_member_or_of_another_mesh_is_refused(site: Site, tmp_path: Path) -> None:
    trust = site.authority.trust(now=NOW)
    other = Site(tmp_path / "b")
    for data in (
        sign(Identity.create(), site.authority.mesh, version=9, now=NOW, until={}),
        sign(Identity.load(site.folder / "authority" / "root"), site.authority.mesh, version=9, now=NOW, until={}),
        sign(issuer(site), other.authority.mesh, version=9, now=NOW, until={}),
        made(other),
    ):
        with pytest.raises(CredentialError):
            revocation.read(data, trust)


# The authority's register


def test_versions_rise_whatever_the_clock_does(site: Site) -> None:
    authority = site.authority
    versions = [authority.revocations(now=NOW).version]
    for i, now in enumerate((NOW, NOW, NOW - 50 * DAY, NOW + DAY, NOW + DAY + 1)):
        versions.append(authority.revoke(gl1.base32(bytes((i,)) * 16), now=now).version)
    assert versions == sorted(set(versions))
    assert versions[0] == NOW // SECOND


def test_a_list_is_signed_anew_before_it_is_old_and_stays_when_it_is_not(site: Site) -> None:
    first = site.authority.revocations(now=NOW)
    assert site.authority.revocations(now=NOW + REFRESH - 1) is first
    second = site.authority.revocations(now=NOW + REFRESH)
    assert (second.issued, second.until) == (NOW + REFRESH, {})
    assert second.version > first.version


def test_the_register_survives_a_restart_and_a_damaged_one_is_not_begun_anew_in_silence(site: Site) -> None:
    listed = site.authority.revoke("a" * 26, now=NOW)
    again = Authority.open(site.folder / "authority", now=NOW)
    assert again.revocations(now=NOW).until == listed.until
    assert not again.holds("a" * 26, now=NOW)
    (site.folder / "authority" / "revoked").write_bytes(listed.data[:-1])
    broken = Authority.open(site.folder / "authority", now=NOW)
    with pytest.raises(RefusedError, match="restore it from a backup"):
        broken.revocations(now=NOW)


def test_a_newer_list_from_the_broker_is_taken_and_an_older_one_is_not(site: Site) -> None:
    older = site.authority.revocations(now=NOW)
    mine = site.authority.revoke("a" * 26, now=NOW)
    assert not site.authority.take_revocations(older.data, now=NOW)
    assert not site.authority.take_revocations(b"nonsense", now=NOW)
    newer = made(site, version=mine.version + 5, until={**mine.until, KID: (NOW, NOW)})
    assert site.authority.take_revocations(newer, now=NOW)
    assert site.authority.revocations(now=NOW).data == newer
    assert site.authority.revoke("e" * 26, now=NOW).version == mine.version + 6


def twins(site: Site, folder: Path) -> tuple[Authority, Authority]:
    """Two gateways of one mesh."""
    site.authority.revocations(now=NOW)
    shutil.copytree(site.folder / "authority", folder / "other")
    return site.authority, Authority.open(folder / "other", now=NOW)


def converged(one: Authority, other: Authority, *, now: int) -> RevocationList:
    """What both have once each has heard the other until neither says anything new; that takes a few turns only."""
    for _ in range(4):
        heard = one.revocations(now=now).data, other.revocations(now=now).data
        took = one.take_revocations(heard[1], now=now), other.take_revocations(heard[0], now=now)
        if not any(took):
            break
    else:
        pytest.fail("they go on for ever")
    assert one.revocations(now=now).data == other.revocations(now=now).data
    return one.revocations(now=now)


@pytest.mark.parametrize("later", [0, 1, 100])
def test_two_gateways_that_revoke_forget_nobody(site: Site, tmp_path: Path, later: int) -> None:
    one, other = twins(site, tmp_path)
    x, y, z = "a" * 26, "e" * 26, "i" * 26
    one.revoke(x, now=NOW + 100 * SECOND)
    one.supersede(z, now=NOW + 100 * SECOND)
    other.revoke(y, now=NOW + (100 + later) * SECOND)
    before = other.revoke(z, now=NOW + (100 + later) * SECOND)
    ended = converged(one, other, now=NOW + 300 * SECOND)
    assert ended.version > before.version
    assert set(ended.until) == {gl1.kid_of(node) for node in (x, y, z)}
    assert ended.disowns(gl1.kid_of(z)), "what revokes goes before what replaces"


def test_two_gateways_that_sign_the_same_in_one_second_end_with_one_list(site: Site, tmp_path: Path) -> None:
    one, other = twins(site, tmp_path)
    lists = one.revoke("a" * 26, now=NOW + 5 * SECOND), other.revoke("a" * 26, now=NOW + 5 * SECOND + 1)
    assert lists[0].version == lists[1].version
    assert lists[0].data != lists[1].data
    assert converged(one, other, now=NOW + 5 * SECOND + 2).data == max(lists[0].data, lists[1].data)


def test_an_older_list_that_says_more_is_united_with_ours_but_not_what_has_ended(site: Site, tmp_path: Path) -> None:
    """A gateway that comes back from a backup."""
    one, other = twins(site, tmp_path)
    older = one.revoke("a" * 26, now=NOW + SECOND)
    mine = other.revoke("e" * 26, now=NOW + KEEP)
    assert not other.take_revocations(older.data, now=NOW + SECOND + KEEP)
    assert other.take_revocations(older.data, now=NOW + KEEP)
    ended = other.revocations(now=NOW + KEEP)
    assert (len(ended.until), ended.version) == (2, mine.version + 1)
    assert Authority.open(tmp_path / "other", now=NOW + KEEP).revocations(now=NOW + KEEP).data == ended.data


@given(st.data())
def test_lists_unite_in_one_way_whoever_hears_whom_first(data: st.DataObject) -> None:
    times = st.integers(0, 3).flatmap(lambda c: st.tuples(st.just(c), st.integers(c, 3)))
    lists = st.dictionaries(st.sampled_from([b"a" * 8, b"b" * 8, b"c" * 8]), times)
    a, b, c = data.draw(lists), data.draw(lists), data.draw(lists)
    assert _united(a, b, 0) == _united(b, a, 0)
    assert _united(a, _united(b, c, 0), 0) == _united(_united(a, b, 0), c, 0)
    assert _united(a, a, 0) == a


def test_united_lists_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocation, "LIMIT", 2)
    assert _united({b"a" * 8: (1, 1), b"b" * 8: (3, 3)}, {b"c" * 8: (2, 2)}, 0) == {b"b" * 8: (3, 3), b"c" * 8: (2, 2)}


def test_no_credential_is_issued_for_a_key_that_is_listed(site: Site) -> None:
    for revoke in (site.authority.revoke, site.authority.supersede):
        key = Identity.create()
        revoke(key.node_id, now=NOW)
        with pytest.raises(RefusedError, match="move the node's state folder away"):
            site.authority.issue(key.public, name="x", roles=["node"], now=NOW)


def test_an_entry_goes_when_every_credential_of_its_key_has_ended(site: Site) -> None:
    site.authority.revoke("a" * 26, now=NOW)
    assert len(site.authority.revoke("e" * 26, now=NOW + KEEP - 1).until) == 2
    assert len(site.authority.revoke("i" * 26, now=NOW + KEEP).until) == 2
    assert not site.authority.revocations(now=NOW + 3 * KEEP).until, "also where nobody is revoked any more"


def test_a_full_list_is_said_to_be_full(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocation, "LIMIT", 2)
    for node in ("a" * 26, "e" * 26):
        site.authority.revoke(node, now=NOW)
    with pytest.raises(RefusedError, match="no more fit"):
        site.authority.revoke("i" * 26, now=NOW)
    site.authority.revoke("a" * 26, now=NOW)


def test_the_longest_list_fits_into_a_message(site: Site) -> None:
    until = {i.to_bytes(8, "big"): (NOW + DAY, NOW + 2 * DAY) for i in range(revocation.LIMIT)}
    assert len(revocation.read(made(site, until=until), site.authority.trust(now=NOW)).until) == revocation.LIMIT


def test_a_key_that_was_replaced_may_be_revoked_and_not_the_other_way(site: Site) -> None:
    kid = gl1.kid_of("a" * 26)
    assert site.authority.supersede("a" * 26, now=NOW).until[kid] == (NOW + OVERLAP_C, NOW + OVERLAP_D)
    assert site.authority.revoke("a" * 26, now=NOW + SECOND).until[kid] == (NOW + SECOND, NOW + SECOND)
    assert site.authority.supersede("a" * 26, now=NOW + SECOND).until[kid] == (NOW + SECOND, NOW + SECOND)


# What members keep


def test_a_member_keeps_the_newest_and_never_goes_back(site: Site, tmp_path: Path) -> None:
    trust = site.authority.trust(now=NOW)
    kept = KeptList(tmp_path / "revoked.cbor")
    assert kept.take(made(site, version=7), trust)
    assert not kept.take(made(site, version=7, until={}), trust)
    assert not kept.take(made(site, version=6, until={}), trust)
    with pytest.raises(CredentialError):
        kept.take(b"", trust)
    again = KeptList(tmp_path / "revoked.cbor")
    again.load(trust)
    assert again.newest is not None
    assert again.newest.version == 7
    assert not again.take(made(site, version=7, until={}), trust)


def test_a_list_holds_though_the_disk_is_full(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    kept = KeptList(tmp_path / "revoked.cbor")
    trust, data = site.authority.trust(now=NOW), made(site)
    monkeypatch.setattr(files, "write", full)
    assert kept.take(data, trust)
    assert kept.newest is not None
    assert "No space left" in caplog.text


def test_a_damaged_file_is_said_and_the_next_list_taken(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "revoked.cbor").write_bytes(b"?")
    kept = KeptList(tmp_path / "revoked.cbor")
    kept.load(site.authority.trust(now=NOW))
    assert "is not believed" in caplog.text
    assert kept.take(made(site), site.authority.trust(now=NOW))


# What members make of it


@pytest.fixture
def node(site: Site) -> Enrolled:
    return site.member("fridge")


@pytest.fixture
def gateway(site: Site, node: Enrolled) -> Enrolled:
    gateway = site.member("gateway", role="gateway")
    assert node.hears(gateway.birth())
    assert gateway.hears(node.birth())
    return gateway


def test_everything_of_a_revoked_member_is_refused_as_revoked(site: Site, node: Enrolled, gateway: Enrolled) -> None:
    gateway.member.enforce(site.authority.revoke(node.member.identity.node_id, now=NOW))
    for sealed in (node.event(), node.frame(), node.birth(), node.request(gateway)):
        assert gateway.hears(sealed) is None
    assert gateway.member.rejected == {Cause.REVOKED: 4}
    assert gateway.member.find("fridge") is None
    stranger = site.member("gateway", role="gateway")
    stranger.member.enforce(site.authority.revocations(now=NOW))
    assert stranger.hears(node.birth()) is None
    assert stranger.hears(node.event()) is None
    assert stranger.member.rejected == {Cause.REVOKED: 2}, "also where it was never heard of before"


def test_a_forged_message_of_a_revoked_member_is_a_forgery(site: Site, node: Enrolled, gateway: Enrolled) -> None:
    gateway.member.enforce(site.authority.revoke(node.member.identity.node_id, now=NOW))
    sealed = node.event()
    assert gateway.hears(sealed._replace(payload=sealed.payload[:-64] + bytes(64))) is None
    assert gateway.member.rejected == {Cause.FORGED: 1}


def test_a_revoked_gateway_gives_no_more_orders_and_is_asked_nothing(
    site: Site, node: Enrolled, gateway: Enrolled
) -> None:
    node.member.enforce(site.authority.revoke(gateway.member.identity.node_id, now=NOW))
    assert node.hears(gateway.request(node)) is None
    assert node.member.rejected == {Cause.REVOKED: 1}
    assert node.member.gateway is None


def test_a_revocation_holds_though_the_clock_is_wrong(site: Site, node: Enrolled, gateway: Enrolled) -> None:
    gateway.member.enforce(site.authority.revoke(node.member.identity.node_id, now=NOW))
    for now in (0, NOW - 365 * DAY, NOW + 365 * DAY):
        sealed = node.event()
        assert gateway.member.open(sealed.topic, sealed.payload, now=now) is None
    assert gateway.member.rejected == {Cause.REVOKED: 3}


def test_a_key_that_was_replaced_ends_for_commands_first_and_for_data_later(
    site: Site, node: Enrolled, gateway: Enrolled
) -> None:
    node.credential = site.authority.issue(node.member.identity.public, name="fridge", roles=["node"], now=NOW)
    assert gateway.hears(node.birth())
    gateway.member.enforce(site.authority.supersede(node.member.identity.node_id, now=NOW))
    gateway.member.standing.trust = site.authority.trust(now=NOW)
    assert gateway.hears(node.request(gateway))
    site.now += OVERLAP_C
    assert gateway.hears(node.request(gateway)) is None
    assert gateway.hears(node.event())
    assert gateway.hears(node.birth())
    site.now = NOW + OVERLAP_D
    assert gateway.hears(node.event()) is None
    assert gateway.member.rejected == {Cause.REVOKED: 2}


def test_a_key_that_a_revoked_one_was_rotated_to_is_refused_too(site: Site, node: Enrolled, gateway: Enrolled) -> None:
    """It asked for another key, kept it back, and comes with it when the first one is revoked."""
    identity = Identity.create()
    given = site.authority.issue(
        identity.public, name="fridge", roles=["node"], now=NOW, former=node.member.identity.node_id
    )
    gateway.member.enforce(site.authority.revoke(node.member.identity.node_id, now=NOW))
    assert gateway.hears(site.member("fridge", identity=identity, credential=given).birth()) is None
    assert gateway.member.rejected == {Cause.REVOKED: 1}
