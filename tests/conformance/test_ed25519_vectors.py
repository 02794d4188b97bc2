# SPDX-License-Identifier: GPL-3.0-or-later
"""What signs and verifies here and on boards, on RFC 8032 section 7.1, RFC 5869 appendix A, and C2SP/wycheproof."""

import json
from hashlib import sha512
from pathlib import Path
from typing import Any

import pytest

from ganglion.mesh import crypto
from ganglion_micro import ed25519

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
GROUPS = json.loads((VECTORS / "ed25519" / "ed25519_test.json").read_text())["testGroups"]
CASES = [(group["publicKey"]["pk"], test) for group in GROUPS for test in group["tests"]]

# RFC 8032 section 7.1: seed, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
    (  # "TEST SHA(abc)"
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
        "3dca179c138ac17ad9bef1177331a704",
    ),
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_rfc_8032_is_reproduced(seed: str, public: str, message: str, signature: str) -> None:
    made, secret = crypto.key_pair(bytes.fromhex(seed))
    assert made.hex() == public
    assert crypto.sign(bytes.fromhex(message), secret).hex() == signature
    assert crypto.acceptable(made)


@pytest.mark.parametrize(("public", "case"), CASES, ids=[f"tc{case['tcId']}" for _, case in CASES])
def test_wycheproof_says_the_same(public: str, case: dict[str, Any]) -> None:
    key, message, signature = (bytes.fromhex(text) for text in (public, case["msg"], case["sig"]))
    held = crypto.acceptable(key) and crypto.verify(message, signature, key)
    assert held == (case["result"] == "valid"), case["comment"]
    assert ed25519.verify(key, signature, message) == held, "what boards have says the same"


def test_there_are_as_many_as_the_design_counts() -> None:
    results = [case["result"] for _, case in CASES]
    assert (len(results), results.count("valid")) == (151, 88)


# All encodings of points of order 1, 2, 4 and 8, those that are not canonical too ("Taming the many EdDSAs", table 6c).
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]


@pytest.mark.parametrize("public", SMALL_ORDER)
def test_a_key_of_small_order_is_not_acceptable(public: str) -> None:
    assert not crypto.acceptable(bytes.fromhex(public))


def test_a_signature_with_s_not_below_the_order_is_refused() -> None:
    public, secret = crypto.key_pair(bytes(32))
    signature = crypto.sign(b"m", secret)
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(signature[32:], "little") + order
    assert crypto.verify(b"m", signature, public)
    assert not crypto.verify(b"m", signature[:32] + s.to_bytes(32, "little"), public)
    assert not crypto.verify(b"m", signature[:63], public)


# RFC 5869 appendix A.3: no salt, no info. The salt of zeros that is ours is what "not provided" means (section 2.2).
def test_hkdf_is_that_of_rfc_5869() -> None:
    made = crypto.hkdf(b"\x0b" * 22, b"", 42)
    assert made.hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
