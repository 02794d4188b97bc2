# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages and credentials both ways between ours and `cwt` (PyPI), the second implementation of COSE and CWT."""

import json
import time
from pathlib import Path
from typing import Any

import cwt
import pytest
from cwt.algs.okp import OKPKey
from cwt.exceptions import VerifyError

from ganglion.cli.main import main
from ganglion.mesh import credential
from ganglion.mesh.credential import CredentialError
from ganglion.mesh.identity import Identity
from ganglion.units import SECOND
from ganglion_micro import cbor, cose, gl1, mac0
from support.mesh import HOUR, NOW, Site

SHARED = bytes(range(32))
KID = bytes(range(8))
AAD = b"external"


def foreign(identity: Identity, *, private: bool, alg: int = -19) -> OKPKey:
    """The key as `cwt` has it."""
    fields: dict[int, Any] = {1: 1, 2: identity.kid, 3: alg, -1: 6, -2: identity.public}
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


def claims_of(site: Site, node: Identity, **changes: Any) -> dict[Any, Any]:
    """What a credential of this mesh claims."""
    mesh, second = site.authority.mesh_id, NOW // SECOND
    return {
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
    } | changes


def test_a_credential_that_cwt_signs_is_verified_here(tmp_path: Path) -> None:
    site, node = Site(tmp_path), Identity.create()
    issuer = Identity.load(tmp_path / "authority" / "issuer")
    data = cwt.COSE.new().encode(
        cbor.encode(claims_of(site, node)),
        key=foreign(issuer, private=True),
        protected={1: -19, 4: issuer.kid},
    )
    verified = site.authority.trust(now=NOW).verify(data)
    assert (verified.node_id, verified.name) == (node.node_id, "fridge")
    assert credential.verify(data, issuer.public, mesh=site.authority.mesh_id) == verified


@pytest.mark.parametrize(
    ("protected", "unprotected"),
    [((1, 4), ()), ((1,), (4,)), ((1, 4, 3), ())],
    ids=["EdDSA", "kid unprotected", "a content type"],
)
def test_a_credential_of_cwt_in_another_profile_is_refused(
    tmp_path: Path, protected: tuple[int, ...], unprotected: tuple[int, ...]
) -> None:
    site, node = Site(tmp_path), Identity.create()
    issuer = Identity.load(tmp_path / "authority" / "issuer")
    alg = -8 if (protected, unprotected) == ((1, 4), ()) else -19
    header = {1: alg, 3: 61, 4: issuer.kid}
    payload = cbor.encode(claims_of(site, node))
    data = cwt.COSE.new().encode(
        payload,
        key=foreign(issuer, private=True, alg=alg),
        protected={label: header[label] for label in protected},
        unprotected={label: header[label] for label in unprotected},
    )
    assert cwt.COSE.new().decode(data, foreign(issuer, private=False, alg=alg)) == payload
    with pytest.raises(CredentialError, match="not a COSE_Sign1 under Ed25519"):
        site.authority.trust(now=NOW).verify(data)


def test_cwt_refuses_a_credential_under_another_key_and_a_damaged_one(tmp_path: Path) -> None:
    site, node = Site(tmp_path), Identity.create()
    issuer = Identity.load(tmp_path / "authority" / "issuer")
    data = site.authority.issue(node.public, name="fridge", roles=["node"], now=time.time_ns(), lifetime=HOUR)
    node.kid = issuer.kid  # else it is not even tried
    for wrong, key in ((data, node), (data[:-1] + bytes((data[-1] ^ 1,)), issuer)):
        with pytest.raises(VerifyError):
            cwt.decode(wrong, foreign(key, private=False))


# Messages that nobody of the mesh sends, and `ganglion mesh decode` judges.


@pytest.mark.parametrize("alg", [-19, -8])
@pytest.mark.parametrize("payload", [b"", b"payload", bytes(70_000)], ids=len)
def test_the_command_believes_what_cwt_signs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], alg: int, payload: bytes
) -> None:
    who = Identity.create()
    key = foreign(who, private=True, alg=alg)
    data = cwt.COSE.new(alg_auto_inclusion=True, kid_auto_inclusion=True).encode(payload, key=key, external_aad=AAD)
    (tmp_path / "message").write_bytes(data)
    words = ["mesh", "decode", str(tmp_path / "message"), "--aad", AAD.hex(), "--json", "--key"]
    assert main([*words, who.public.hex()]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["tag"], found["alg"], found["kid"]) == (18, alg, who.kid.hex())
    assert bytes.fromhex(found["payload_hex"]) == payload
    assert main([*words, Identity.create().public.hex()]) == 1


def shared(alg: int) -> cwt.COSEKey:
    """The key of an HMAC as `cwt` has it."""
    return cwt.COSEKey.new({1: 4, 2: KID, 3: alg, -1: SHARED})


@pytest.mark.parametrize("alg", [mac0.HMAC_256_64, mac0.HMAC_256_256])
def test_cwt_verifies_what_a_leaf_says(alg: int) -> None:
    data = mac0.mac0(b"payload", KID, AAD, SHARED, alg)
    assert cwt.COSE.new().decode(data, shared(alg), external_aad=AAD) == b"payload"
    with pytest.raises(VerifyError):
        cwt.COSE.new().decode(data, shared(alg), external_aad=b"other")


@pytest.mark.parametrize("alg", [mac0.HMAC_256_64, mac0.HMAC_256_256])
def test_a_parent_and_the_command_believe_what_cwt_authenticates(capsys: pytest.CaptureFixture[str], alg: int) -> None:
    data = cwt.COSE.new().encode(b"payload", key=shared(alg), protected={1: alg, 4: KID}, external_aad=AAD)
    message = mac0.parse(data)
    assert (message.alg, message.kid, message.payload) == (alg, KID, b"payload")
    assert message.holds(SHARED, AAD)
    assert data == mac0.mac0(b"payload", KID, AAD, SHARED, alg)
    words = ["mesh", "decode", data.hex(), "--secret", SHARED.hex(), "--json", "--aad"]
    assert main([*words, AAD.hex()]) == 0
    assert json.loads(capsys.readouterr().out)["alg"] == alg
    assert main([*words, "00"]) == 1


@pytest.mark.parametrize("alg", [6, 7], ids=["HMAC 384/384", "HMAC 512/512"])
def test_the_command_refuses_the_other_algorithms_of_cwt(capsys: pytest.CaptureFixture[str], alg: int) -> None:
    key = cwt.COSEKey.new({1: 4, 2: KID, 3: alg, -1: bytes(64)})
    data = cwt.COSE.new().encode(b"payload", key=key, protected={1: alg})
    assert main(["mesh", "decode", data.hex(), "--secret", bytes(64).hex(), "--json"]) == 1
    assert f"algorithm {alg}:" in json.loads(capsys.readouterr().out)["error"]


def test_the_command_refuses_p_256_and_encryption_of_cwt(capsys: pytest.CaptureFixture[str]) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    signed = cwt.COSE.new().encode(b"payload", key=cwt.COSEKey.from_pem(pem), protected={1: -7})
    assert main(["mesh", "decode", signed.hex(), "--json"]) == 1
    assert "algorithm -7:" in json.loads(capsys.readouterr().out)["error"]
    cipher = cwt.COSEKey.new({1: 4, 3: 24, -1: SHARED})
    sealed = cwt.COSE.new().encode(b"payload", key=cipher, protected={1: 24}, unprotected={5: bytes(12)})
    assert main(["mesh", "decode", sealed.hex(), "--json"]) == 1
    assert "COSE_Encrypt0" in json.loads(capsys.readouterr().out)["error"]
