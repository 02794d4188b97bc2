# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_micro.mac0: HMAC as the standard library has it, and one shape of message under it."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion_micro import cbor, mac0

KEY = bytes(range(32))
KID = b"\x01" * 8
AAD = b"aad"
ALGORITHMS = [mac0.HMAC_256_64, mac0.HMAC_256_256]


def holds(data: bytes, *, key: bytes = KEY, aad: bytes = AAD) -> bool:
    try:
        message = mac0.parse(data)
    except cbor.CBORError:
        return False
    return message.kid == KID and message.holds(key, aad)


@given(st.binary(max_size=200), st.binary(max_size=300))
def test_hmac_is_that_of_the_standard_library(key: bytes, message: bytes) -> None:
    assert mac0.hmac_sha256(key, message) == hmac.digest(key, message, hashlib.sha256)


# RFC 4231 sections 4.2, 4.3 and 4.7: a short key, a shorter one, and one that is longer than a block.
@pytest.mark.parametrize(
    ("key", "message", "digest"),
    [
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ],
)
def test_hmac_is_that_of_rfc_4231(key: bytes, message: bytes, digest: str) -> None:
    assert mac0.hmac_sha256(key, message).hex() == digest


@given(st.sampled_from(ALGORITHMS), st.binary(max_size=400) | st.integers(65400, 65460).map(bytes))
def test_a_message_comes_back(alg: int, payload: bytes) -> None:
    data = mac0.mac0(payload, KID, AAD, KEY, alg)
    message = mac0.parse(data)
    assert (message.alg, message.kid, message.payload) == (alg, KID, payload)
    assert message.holds(KEY, AAD)
    assert data == cbor.encode(cbor.Tag(17, [cbor.encode({1: alg, 4: KID}), {}, payload, message.tag]))


def test_it_puts_27_bytes_around_what_is_said() -> None:
    assert len(mac0.mac0(bytes(20), KID, AAD, KEY)) == 20 + 27


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_bit_flipped_in_any_byte_is_refused(alg: int) -> None:
    data = mac0.mac0(b"payload", KID, AAD, KEY, alg)
    for at in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            assert not holds(bytes(damaged)), f"byte {at}, bit {bit}"


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_every_cut_every_byte_more_another_key_and_other_external_data_are_refused(alg: int) -> None:
    data = mac0.mac0(b"payload", KID, AAD, KEY, alg)
    assert holds(data)
    assert not any(holds(data[:end]) for end in range(len(data)))
    assert not holds(data + b"\x00")
    assert not holds(data, key=KEY[:-1] + b"\x00")
    assert not holds(data, aad=b"other")


def variant(
    protected: object, *, unprotected: object = None, payload: object = b"payload", tag: int = 17, size: int = 8
) -> bytes:
    """A message of another shape whose tag is right for what it says."""
    header = cbor.encode(protected)
    body = payload if isinstance(payload, bytes) else b""
    made = mac0.hmac_sha256(KEY, mac0.mac_structure(header, AAD, body))[:size]
    return cbor.encode(cbor.Tag(tag, [header, {} if unprotected is None else unprotected, payload, made]))


GOOD = {1: 4, 4: KID}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(variant({1: 6, 4: KID}, size=32), id="HMAC 384/384"),
        pytest.param(variant({1: -19, 4: KID}), id="Ed25519"),
        pytest.param(variant({1: 5, 4: KID}), id="half a tag"),
        pytest.param(variant(GOOD, size=32), id="a tag that is longer than its algorithm's"),
        pytest.param(variant(GOOD, size=0), id="no tag"),
        pytest.param(variant({4: KID}), id="no alg"),
        pytest.param(variant({1: 4}), id="no kid"),
        pytest.param(variant({1: 4, 4: KID, 5: b""}), id="a header more"),
        pytest.param(variant({4: KID}, unprotected={1: 4}), id="alg unprotected"),
        pytest.param(variant(GOOD, unprotected={5: b"iv"}), id="an unprotected header"),
        pytest.param(variant(GOOD, payload=None), id="detached payload"),
        pytest.param(variant(GOOD, payload="text"), id="payload of text"),
        pytest.param(variant(GOOD, tag=18), id="tag of Sign1"),
        pytest.param(variant(GOOD, tag=97), id="tag of Mac"),
        pytest.param(cbor.encode(cbor.decode(variant(GOOD)).value), id="without its tag"),
        pytest.param(bytes(65537), id="over the limit"),
    ],
)
def test_another_shape_is_refused_though_its_tag_holds(data: bytes) -> None:
    assert holds(variant(GOOD))
    assert not holds(data)


@pytest.mark.parametrize(("alg", "kid", "size"), [(6, KID, 1), (4, KID[:7], 1), (4, KID, 65536), (5, KID, 65500)])
def test_what_would_not_be_parsed_is_not_made(alg: int, kid: bytes, size: int) -> None:
    with pytest.raises(cbor.CBORError):
        mac0.mac0(bytes(size), kid, AAD, KEY, alg)
