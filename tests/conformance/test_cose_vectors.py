# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_micro.cose on cose-wg/Examples, and against `cwt` (PyPI) as the second implementation."""

import json
from pathlib import Path
from typing import Any

import cwt
import pytest
from cwt.algs.okp import OKPKey

from ganglion.mesh import credential
from ganglion.mesh.identity import Identity
from ganglion.units import SECOND
from ganglion_micro import cbor, cose, gl1
from support.mesh import HOUR, NOW, Site

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors" / "cose"


def vector(name: str) -> dict[str, Any]:
    return json.loads((VECTORS / f"{name}.json").read_text())


def test_eddsa_sig_01_is_reproduced_to_the_byte() -> None:
    case = vector("eddsa-sig-01")
    key = case["input"]["sign0"]["key"]
    identity = Identity(bytes.fromhex(key["d_hex"]))
    assert identity.public == bytes.fromhex(key["x_hex"])
    protected = cbor.encode({1: -8, 3: 0})  # -8, EdDSA: what the vector uses and the mesh does not take
    payload = case["input"]["plaintext"].encode()
    to_be_signed = cose.sig_structure(protected, b"", payload)
    assert to_be_signed.hex().upper() == case["intermediates"]["ToBeSign_hex"]
    message = cbor.encode(cbor.Tag(18, [protected, {4: b"11"}, payload, identity.sign(to_be_signed)]))
    assert message.hex().upper() == case["output"]["cbor"]


@pytest.mark.parametrize("name", ["sign-pass-01", "sign-fail-01", "mac-pass-01", "mac-fail-01", "eddsa-sig-01"])
def test_every_other_shape_is_refused(name: str) -> None:
    # Valid COSE in three of them; none is Ed25519 (-19) under exactly alg and kid.
    with pytest.raises(cose.COSEError):
        cose.parse(bytes.fromhex(vector(name)["output"]["cbor"]))


def test_the_signed_bytes_of_sign_pass_01_are_those_of_the_vector() -> None:
    case = vector("sign-pass-01")
    message = cbor.decode(bytes.fromhex(case["output"]["cbor"]))
    # Its protected header is an encoded empty map, a0, signed as the empty string (RFC 9052 section 4.4).
    assert message.value[0] == b"\xa0"
    expected = case["intermediates"]["ToBeSign_hex"]
    assert cose.sig_structure(b"", b"", message.value[2]).hex().upper() == expected


def test_the_thumbprint_is_that_of_the_required_fields() -> None:
    # RFC 9679 section 3.1: SHA-256 over the deterministic encoding of kty, crv and x.
    from hashlib import sha256

    public = Identity.create().public
    assert cose.thumbprint(public) == sha256(cbor.encode({1: 1, -1: 6, -2: public})).digest()


def foreign(identity: Identity, *, private: bool) -> OKPKey:
    fields: dict[int, Any] = {1: 1, 2: identity.kid, 3: -19, -1: 6, -2: identity.public}
    return OKPKey(fields | {-4: identity._seed} if private else fields)


def test_cwt_verifies_what_is_sealed_here(tmp_path: Path) -> None:
    site = Site(tmp_path)
    node = site.member("fridge")
    sealed = node.event(8.5)
    payload = cwt.COSE.new().decode(
        sealed.payload,
        foreign(node.member.identity, private=False),
        external_aad=gl1.aad(gl1.from_base32(site.authority.mesh_id)),
    )
    assert gl1.unpack(payload).body["value"] == 8.5


def test_what_cwt_signs_is_opened_here(tmp_path: Path) -> None:
    site = Site(tmp_path)
    node, gateway = site.member("fridge"), site.member("gateway", role="gateway")
    assert gateway.hears(node.birth())
    identity = node.member.identity
    payload = gl1.MSG(gl1.EVENT, None, 1, 77, NOW, {"class": "alert", "value": 1}).pack()
    message = cwt.COSE.new().encode(
        payload,
        key=foreign(identity, private=True),
        protected={1: -19, 4: identity.kid},
        external_aad=gl1.aad(gl1.from_base32(site.authority.mesh_id)),
    )
    received = gateway.member.open(node.event().topic, message, now=NOW)
    assert received is not None
    assert received.body == {"class": "alert", "value": 1}


def test_cwt_reads_the_claims_of_a_credential(tmp_path: Path) -> None:
    import time

    site = Site(tmp_path)
    issuer = Identity.load(tmp_path / "authority" / "issuer")
    node = Identity.create()
    now = time.time_ns()  # cwt looks at the clock
    data = site.authority.issue(node.public, name="fridge", roles=["node"], tags=["kitchen"], now=now, lifetime=HOUR)
    claims = cwt.decode(data, foreign(issuer, private=False))
    assert claims[1] == site.authority.mesh_id
    assert claims[2] == f"spiffe://{site.authority.mesh_id}/{node.node_id}"
    assert claims[4] == (now + HOUR) // SECOND
    assert claims[8] == {1: {1: 1, -1: 6, -2: node.public}}
    assert (claims["name"], claims["roles"], claims["tags"]) == ("fridge", ["node"], ["kitchen"])


def test_a_credential_that_cwt_signs_is_verified_here(tmp_path: Path) -> None:
    site = Site(tmp_path)
    issuer = Identity.load(tmp_path / "authority" / "issuer")
    node = Identity.create()
    mesh = site.authority.mesh_id
    second = NOW // SECOND
    claims = {
        1: mesh,
        2: f"spiffe://{mesh}/{node.node_id}",
        4: second + 60,
        5: second,
        6: second,
        7: bytes(16),
        8: {1: cose.key(node.public)},
        "name": "fridge",
        "roles": ["node"],
        "tags": [],
    }
    data = cwt.COSE.new().encode(
        cbor.encode(claims), key=foreign(issuer, private=True), protected={1: -19, 4: issuer.kid}
    )
    verified = credential.verify(data, issuer.public, mesh=mesh)
    assert (verified.node_id, verified.name) == (node.node_id, "fridge")
