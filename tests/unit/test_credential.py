# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.credential, mesh.authority: chains of two links, and everything that breaks one."""

from pathlib import Path
from typing import Any

import pytest

from ganglion.errors import NotFoundError
from ganglion.mesh import credential
from ganglion.mesh.authority import ISSUER_LIFETIME, NODE_LIFETIME, Authority
from ganglion.mesh.credential import CredentialError, ExpiredError, Trust, WrongMeshError
from ganglion.mesh.identity import Identity
from ganglion.units import SECOND
from ganglion_micro import cbor, cose, gl1
from support.mesh import HOUR, NOW

DAY = 24 * HOUR


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.open(tmp_path / "authority", now=NOW)


@pytest.fixture
def trust(authority: Authority) -> Trust:
    return Trust.read(authority.bundle(now=NOW), pin=authority.root_thumbprint[:16])


def issued(authority: Authority, public: bytes | None = None, **changes: Any) -> bytes:
    claims = {"name": "fridge", "roles": ["node"], "tags": ["kitchen"], "now": NOW, "lifetime": DAY} | changes
    return authority.issue(public or Identity.create().public, **claims)


def test_a_credential_says_whom_it_is_about_and_until_when(authority: Authority, trust: Trust) -> None:
    node = Identity.create()
    held = trust.verify(issued(authority, node.public))
    assert (held.node_id, held.public, held.kid) == (node.node_id, node.public, node.kid)
    assert (held.mesh, held.name, held.roles, held.tags) == (authority.mesh_id, "fridge", ("node",), ("kitchen",))
    assert (held.issued, held.starts, held.expires) == (NOW, NOW, NOW + DAY)
    assert held.renewal == NOW + 16 * HOUR


def test_it_holds_from_its_start_to_its_end(authority: Authority, trust: Trust) -> None:
    held = trust.verify(issued(authority))
    for now in (NOW, NOW - 200 * SECOND, NOW + DAY - 1):
        held.check(now)
    for now, why in ((NOW + DAY, "expired"), (NOW - HOUR, "not valid yet")):
        with pytest.raises(ExpiredError, match=why):
            held.check(now)


def test_a_bit_flipped_in_any_byte_breaks_it(authority: Authority, trust: Trust) -> None:
    data = issued(authority)
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 1 << at % 8
        with pytest.raises(CredentialError):
            trust.verify(bytes(damaged))


def test_one_signed_by_its_own_subject_proves_nothing(authority: Authority, trust: Trust) -> None:
    node = Identity.create()
    own = credential.issue(
        node, mesh=authority.mesh_id, public=node.public, name="x", roles=["node"], tags=[], now=NOW, lifetime=DAY
    )
    with pytest.raises(CredentialError, match="authority has not signed"):
        trust.verify(own)


def test_one_signed_by_the_root_is_not_a_members(tmp_path: Path, authority: Authority, trust: Trust) -> None:
    with pytest.raises(CredentialError, match="authority has not signed"):
        trust.verify(trust.issuer.data)


def test_one_of_another_mesh_proves_nothing_here(tmp_path: Path, trust: Trust) -> None:
    other = Authority.open(tmp_path / "other", now=NOW)
    with pytest.raises(CredentialError):
        trust.verify(issued(other))


def test_one_of_this_issuer_for_another_mesh_is_named_as_such(tmp_path: Path, trust: Trust) -> None:
    issuer = Identity.load(tmp_path / "authority" / "issuer")
    data = credential.issue(
        issuer, mesh="a" * 13, public=bytes([9] * 32), name="x", roles=["node"], tags=[], now=NOW, lifetime=DAY
    )
    with pytest.raises(WrongMeshError, match="for the mesh 'aaaaaaaaaaaaa'"):
        trust.verify(data)


def claims_of(data: bytes) -> dict[Any, Any]:
    claims = cbor.decode(cose.parse(data).payload)
    assert isinstance(claims, dict)
    return claims


@pytest.mark.parametrize(
    "change",
    [
        {2: "spiffe://mesh/someone-else"},
        {8: {1: cose.key(bytes(32))}},
        {8: {}},
        {8: None},
        {4: "tomorrow"},
        {4: 1.5},
        {4: -1},
        {5: True},
        {"name": 5},
        {"roles": "gateway"},
        {"roles": [1]},
        {"tags": {}},
        {"roles": ["issuer"]},
    ],
    ids=str,
)
def test_wrong_claims_break_it_though_the_issuer_signed(
    tmp_path: Path, authority: Authority, trust: Trust, change: dict[Any, Any]
) -> None:
    issuer = Identity.load(tmp_path / "authority" / "issuer")
    claims = claims_of(issued(authority)) | change
    data = cose.sign1(cbor.encode(claims), issuer.kid, b"", issuer.sign)
    with pytest.raises(CredentialError):
        trust.verify(data)


@pytest.mark.parametrize("claim", [1, 2, 4, 5, 6, 8, "name", "roles", "tags"])
def test_a_claim_that_is_missing_breaks_it(tmp_path: Path, authority: Authority, trust: Trust, claim: Any) -> None:
    issuer = Identity.load(tmp_path / "authority" / "issuer")
    claims = claims_of(issued(authority))
    del claims[claim]
    with pytest.raises(CredentialError):
        trust.verify(cose.sign1(cbor.encode(claims), issuer.kid, b"", issuer.sign))


def test_an_issuer_makes_no_issuer(authority: Authority) -> None:
    with pytest.raises(CredentialError, match="two links"):
        issued(authority, roles=["issuer"])


@pytest.mark.parametrize("public", [bytes(32), bytes(31), b"\x01" + bytes(31)])
def test_a_key_that_nobody_can_be_held_to_is_not_certified(authority: Authority, public: bytes) -> None:
    with pytest.raises(CredentialError, match="small order"):
        issued(authority, public)


def test_the_bundle_is_believed_for_its_root_alone(tmp_path: Path, authority: Authority) -> None:
    bundle = authority.bundle(now=NOW)
    assert Trust.read(bundle, pin=authority.mesh).mesh == authority.mesh_id
    other = Authority.open(tmp_path / "other", now=NOW)
    with pytest.raises(WrongMeshError, match="another mesh"):
        Trust.read(bundle, pin=other.root_thumbprint[:16])
    with pytest.raises(WrongMeshError):
        Trust.read(bundle, pin=b"")


def test_a_bundle_with_an_issuer_that_the_root_has_not_made_is_refused(tmp_path: Path, authority: Authority) -> None:
    thief = Identity.create()
    root = Identity.load(tmp_path / "authority" / "root")
    mesh = authority.mesh_id
    made = credential.issue(
        thief, mesh=mesh, public=thief.public, name="x", roles=["issuer"], tags=[], now=NOW, lifetime=DAY
    )
    with pytest.raises(CredentialError, match="authority has not signed"):
        Trust.read(credential.bundle(root, made), pin=authority.mesh)
    member = issued(authority)
    with pytest.raises(CredentialError):
        Trust.read(credential.bundle(root, member), pin=authority.mesh)


@pytest.mark.parametrize(
    "data", [b"", b"junk", cbor.encode({}), cbor.encode([1]), cbor.encode({"root": 1, "issuer": 2})]
)
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(CredentialError, match="not the bundle"):
        Trust.read(data, pin=bytes(8))


def test_the_authority_stays_the_same_over_restarts(tmp_path: Path, authority: Authority) -> None:
    again = Authority.open(tmp_path / "authority", now=NOW + DAY)
    assert again.mesh_id == authority.mesh_id == gl1.base32(authority.root_thumbprint[:8])
    assert again.bundle(now=NOW + DAY) == authority.bundle(now=NOW)
    assert (len(again.mesh_id), (tmp_path / "authority" / "root").stat().st_mode & 0o777) == (13, 0o600)


def test_the_issuer_is_renewed_before_it_ends_and_keeps_its_key(authority: Authority, trust: Trust) -> None:
    held = trust.verify(issued(authority))
    later = NOW + ISSUER_LIFETIME - DAY
    node = Identity.create().public
    fresh = authority.issue(node, name="x", roles=["node"], now=later, lifetime=NODE_LIFETIME)
    renewed = Trust.read(authority.bundle(now=later), pin=authority.mesh)
    assert renewed.issuer.public == trust.issuer.public
    assert renewed.issuer.expires >= renewed.verify(fresh).expires
    assert renewed.verify(held.data) == held


def test_a_folder_without_an_authority_says_who_makes_one(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="start the gateway"):
        Authority.open(tmp_path / "none", now=NOW, create=False)
    assert not (tmp_path / "none").exists()


def test_a_lifetime_beyond_the_issuers_is_refused(authority: Authority) -> None:
    with pytest.raises(CredentialError, match="90 days"):
        issued(authority, lifetime=ISSUER_LIFETIME + DAY)
