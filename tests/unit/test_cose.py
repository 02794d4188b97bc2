# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_micro.cose: one shape of message, and every other refused before anyone looks at the signature."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mesh import crypto
from ganglion.mesh.identity import Identity
from ganglion_micro import cbor, cose

WHO = Identity(bytes(range(32)))
AAD = b"aad"


def sealed(payload: bytes = b"payload") -> bytes:
    return cose.sign1(payload, WHO.kid, AAD, WHO.sign)


def holds(data: bytes) -> bool:
    try:
        message = cose.parse(data)
    except cbor.CBORError:
        return False
    return message.kid == WHO.kid and crypto.verify(message.signed(AAD), message.signature, WHO.public)


@given(st.binary(max_size=400) | st.integers(65400, 65440).map(bytes))
def test_a_message_comes_back(payload: bytes) -> None:
    message = cose.parse(sealed(payload))
    assert (message.kid, message.payload) == (WHO.kid, payload)
    assert crypto.verify(message.signed(AAD), message.signature, WHO.public)


@pytest.mark.parametrize("size", [0, 23, 24, 255, 256, 1000])
def test_the_bytes_are_those_of_the_general_encoder(size: int) -> None:
    data = sealed(bytes(size))
    assert data == cbor.encode(
        cbor.Tag(18, [cbor.encode({1: -19, 4: WHO.kid}), {}, bytes(size), cose.parse(data).signature])
    )
    assert cose.parse(data).signed(AAD) == cose.sig_structure(cbor.encode({1: -19, 4: WHO.kid}), AAD, bytes(size))


def test_a_bit_flipped_in_any_byte_is_refused() -> None:
    data = sealed()
    for at in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            assert not holds(bytes(damaged)), f"byte {at}, bit {bit}"


def test_every_cut_and_every_byte_more_is_refused() -> None:
    data = sealed()
    assert holds(data)
    assert not any(holds(data[:end]) for end in range(len(data)))
    assert not holds(data + b"\x00")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_one_error(data: bytes) -> None:
    holds(data)


def variant(
    protected: object, *, unprotected: object = None, payload: object = b"payload", tag: int = 18, extra: bool = False
) -> bytes:
    """A message of another shape whose signature holds for what it says."""
    header = cbor.encode(protected)
    body = payload if isinstance(payload, bytes) else b""
    signature = WHO.sign(cose.sig_structure(header, AAD, body))
    parts = [header, {} if unprotected is None else unprotected, payload, signature]
    return cbor.encode(cbor.Tag(tag, [*parts, 0] if extra else parts))


GOOD = {1: -19, 4: WHO.kid}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(variant({1: 0, 4: WHO.kid}), id="alg 0"),
        pytest.param(variant({1: -8, 4: WHO.kid}), id="alg EdDSA"),
        pytest.param(variant({1: -7, 4: WHO.kid}), id="alg ES256"),
        pytest.param(variant({4: WHO.kid}), id="no alg"),
        pytest.param(variant({1: -19}), id="no kid"),
        pytest.param(variant({1: -19, 4: WHO.kid, 5: b""}), id="a header more"),
        pytest.param(variant({1: -19, 2: [5], 4: WHO.kid}), id="crit"),
        pytest.param(variant({1: -19, 4: WHO.kid[:7]}), id="kid of 7 bytes"),
        pytest.param(variant({4: WHO.kid}, unprotected={1: -19}), id="alg unprotected"),
        pytest.param(variant({1: -19}, unprotected={4: WHO.kid}), id="kid unprotected"),
        pytest.param(variant(GOOD, unprotected={5: b"iv"}), id="an unprotected header"),
        pytest.param(variant(GOOD, payload=None), id="detached payload"),
        pytest.param(variant(GOOD, payload="text"), id="payload of text"),
        pytest.param(variant(GOOD, tag=17), id="tag of MAC0"),
        pytest.param(variant(GOOD, tag=98), id="tag of Sign"),
        pytest.param(variant(GOOD, tag=61), id="tag of CWT"),
        pytest.param(variant(GOOD, extra=True), id="five elements"),
        pytest.param(cbor.encode(cbor.decode(variant(GOOD)).value), id="no tag"),
    ],
)
def test_another_shape_is_refused_though_its_signature_holds(data: bytes) -> None:
    assert holds(variant(GOOD))
    assert not holds(data)


def test_another_encoding_of_the_same_message_is_refused() -> None:
    data = sealed(b"x")
    head = data.index(b"\x41x")
    assert not holds(data[:head] + b"\x58\x01x" + data[head + 2 :])  # a longer head
    assert not holds(data[:head] + b"\x5f\x41x\xff" + data[head + 2 :])  # indefinite
    assert not holds(data.replace(b"\xd2", b"\xd8\x12", 1))  # a longer tag
    assert not holds(data[:1] + b"\x9f" + data[2:] + b"\xff")  # an indefinite array


def test_a_message_over_the_limit_is_refused_both_ways() -> None:
    with pytest.raises(cbor.CBORError):
        sealed(bytes(65500))
    with pytest.raises(cose.COSEError, match="65536"):
        cose.parse(bytes(65537))


@pytest.mark.parametrize(
    "key",
    [
        None,
        [],
        {},
        {1: 1, -1: 6},
        {1: 1, -1: 6, -2: b"short"},
        {1: 2, -1: 6, -2: bytes(32)},
        {1: 1, -1: 4, -2: bytes(32)},
        {1: True, -1: 6, -2: bytes(32)},
        {1: 1, -1: 6, -2: bytes(32), -4: bytes(32)},
        {1: 1, -1: 6, -2: "x" * 32},
    ],
)
def test_what_is_no_public_key_is_refused(key: object) -> None:
    with pytest.raises(cose.COSEError):
        cose.public(key)


def test_a_public_key_comes_back() -> None:
    assert cose.public(cbor.decode(cbor.encode(cose.key(WHO.public)))) == WHO.public
    assert cose.kid(WHO.public) == WHO.kid == WHO.thumbprint[:8]
