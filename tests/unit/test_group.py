# SPDX-License-Identifier: GPL-3.0-or-later
"""Confidential topics: public vectors of what they are made of, a second implementation, and who reads what."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cwt import COSE, COSEKey
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mesh import aead, crypto, keywrap
from ganglion.mesh.aead import SealError
from ganglion.mesh.group import REMEMBERED, GroupKeys, Handover, NoKeyError, Place, renew
from ganglion.mesh.identity import Identity
from ganglion.units import SECOND
from ganglion_micro import cbor, gl1
from support.mesh import NOW

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
MESH, ANN, BEN, EVE = (letter * 8 for letter in (b"m", b"a", b"b", b"e"))
#: Of the key derivation: the algorithm, nobody's names, the bits of the key and the recipient's header.
CONTEXT = [24, [None, None, None], [None, None, None], [256, b"\xa1\x01\x38\x18"]]
WHO = Identity(bytes(range(32)), bytes(range(1, 33)))
HERE = Place(mesh=MESH, sender=ANN, kind=gl1.EVENT, dst="kitchen", epoch=3, seq=9)


def vectors(path: str) -> list[dict[str, Any]]:
    return [test for group in json.loads((VECTORS / path).read_text())["testGroups"] for test in group["tests"]]


def test_x25519_agrees_with_the_public_vectors() -> None:
    refused = 0
    for test in vectors("x25519/x25519_test.json"):
        secret, public, shared = (bytes.fromhex(test[name]) for name in ("private", "public", "shared"))
        if not any(shared):  # of small order: the vectors accept or refuse it, we refuse
            refused += 1
            assert crypto.x25519(secret, public) is None
        else:
            assert crypto.x25519(secret, public) == shared, test["tcId"]
    assert refused > 5


def test_chacha20_poly1305_agrees_with_the_public_vectors() -> None:
    tried = 0
    for test in vectors("cose/chacha20_poly1305_test.json"):
        key, nonce, aad, plain, ct, tag = (
            bytes.fromhex(test[name]) for name in ("key", "iv", "aad", "msg", "ct", "tag")
        )
        if len(nonce) != aead.NONCE_SIZE:
            continue
        tried += 1
        if test["result"] == "valid":
            assert aead.seal(plain, key=key, nonce=nonce, aad=aad) == ct + tag, test["tcId"]
            assert aead.unseal(ct + tag, key=key, nonce=nonce, aad=aad) == plain
        else:
            with pytest.raises(SealError):
                aead.unseal(ct + tag, key=key, nonce=nonce, aad=aad)
    assert tried > 250


def test_a_wrapped_secret_is_read_by_another_implementation() -> None:
    secret = bytes(range(32))
    wrapped = keywrap.wrap(b"a secret", crypto.x25519_public(secret), aad=b"here")
    key = COSEKey.new({1: 1, -1: 4, 3: -25, -2: crypto.x25519_public(secret), -4: secret, 2: b"01"})
    assert COSE.new().decode(wrapped, keys=[key], context=CONTEXT, external_aad=b"here") == b"a secret"


def test_a_body_is_read_by_another_implementation_that_has_the_senders_key() -> None:
    keys = GroupKeys()
    keys.add(7, b"k" * 32)
    sealed = cbor.encode(keys.encrypt({"celsius": 9.5}, HERE))
    key = COSEKey.new({1: 4, 3: 24, -1: keys._own(7, HERE.role), 2: (7).to_bytes(4, "big")})
    plain = COSE.new().decode(_with_iv(sealed, HERE.nonce), keys=[key], external_aad=HERE.aad)
    assert cbor.decode(plain) == {"celsius": 9.5}


def _with_iv(sealed: bytes, nonce: bytes) -> bytes:
    """The same message with its nonce written into the unprotected header, for who cannot know it."""
    tag = cbor.decode(sealed)
    return cbor.encode(cbor.Tag(tag.number, [tag.value[0], {5: nonce}, tag.value[2]]))


@pytest.fixture
def keys() -> GroupKeys:
    made = GroupKeys()
    made.add(1, b"1" * 32)
    return made


bodies = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=9) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=9,
)


@given(bodies, st.integers(0, 2**32 - 1), st.integers(0, 2**63))
def test_what_is_sealed_is_read_by_a_member(body: Any, epoch: int, seq: int) -> None:
    ours, theirs = GroupKeys(), GroupKeys()
    for each in (ours, theirs):
        each.add(4, b"4" * 32)
    place = replace(HERE, epoch=epoch, seq=seq)
    sent = cbor.decode(cbor.encode(ours.encrypt(body, place)))
    assert theirs.decrypt(sent, place) == body


@pytest.mark.parametrize(
    "change",
    [
        {"mesh": b"n" * 8},
        {"sender": EVE},
        {"kind": gl1.REQUEST},
        {"kind": gl1.DATA},
        {"dst": "hall"},
        {"dst": None},
        {"epoch": 4},
        {"seq": 10},
    ],
    ids=str,
)
def test_a_body_opens_nowhere_else_and_not_for_one_who_signs_it_anew(keys: GroupKeys, change: dict[str, Any]) -> None:
    sealed = keys.encrypt("secret", HERE)
    with pytest.raises(SealError):
        keys.decrypt(sealed, replace(HERE, **change))
    assert keys.decrypt(sealed, HERE) == "secret"


def test_every_bit_of_a_sealed_body_counts(keys: GroupKeys) -> None:
    data = cbor.encode(keys.encrypt("secret", HERE))
    for i in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[i // 8] ^= 1 << i % 8
        try:
            body = cbor.decode(bytes(damaged))
        except cbor.CBORError:
            continue
        with pytest.raises(SealError):
            keys.decrypt(body, HERE)


@given(bodies)
def test_whatever_stands_in_place_of_a_sealed_body_is_refused(body: Any) -> None:
    keys = GroupKeys()
    keys.add(1, b"1" * 32)
    for each in (body, cbor.Tag(16, body), cbor.Tag(16, [body, {}, b"x" * 20]), cbor.Tag(96, [b"", {}, body])):
        with pytest.raises(SealError):
            keys.decrypt(each, HERE)


@given(bodies)
def test_whatever_stands_in_place_of_a_handover_is_refused(body: Any) -> None:
    for each in (body, cbor.Tag(96, body), cbor.Tag(96, [body, {5: bytes(12)}, body, [body]])):
        with pytest.raises(SealError):
            Handover.read(cbor.encode(each), WHO, mesh=MESH)
        with pytest.raises(SealError):
            Handover.unpack(cbor.encode(each))


def test_who_leaves_reads_no_more_and_who_stays_does() -> None:
    ann, ben, eve = Identity.create(), Identity.create(), Identity.create()
    known = {who: GroupKeys() for who in (ann, ben, eve)}

    def hand(handover: Handover, *members: Identity) -> None:
        for who in members:
            wrapped = handover.wrapped(who.x25519, mesh=MESH, receiver=who.kid)
            told = Handover.read(wrapped, who, mesh=MESH)
            assert told == handover
            known[who].add(told.number, told.key)
            for other in known:
                if other is not who:
                    with pytest.raises(SealError):
                        Handover.read(wrapped, other, mesh=MESH)
            with pytest.raises(SealError):
                Handover.read(wrapped, who, mesh=b"n" * 8)

    here = replace(HERE, sender=ann.kid)
    first = renew("kitchen", [who.node_id for who in known], last=0, now=NOW)
    hand(first, ann, ben, eve)
    before = known[ann].encrypt("all", here)
    assert {keys.decrypt(before, here) for keys in known.values()} == {"all"}
    second = renew("kitchen", [ann.node_id, ben.node_id], last=first.number, now=NOW)
    assert second.number == first.number + 1
    assert second.key != first.key
    assert set(second.members) == {gl1.from_base32(who.node_id) for who in (ann, ben)}
    hand(second, ann, ben)
    later = replace(here, seq=10)
    after = known[ann].encrypt("us", later)
    assert known[ben].decrypt(after, later) == "us"
    assert known[ben].decrypt(before, here) == "all"
    with pytest.raises(NoKeyError, match=f"the key {second.number} of the group is not here"):
        known[eve].decrypt(after, later)


def test_numbers_go_on_above_those_of_before_a_backup() -> None:
    assert renew("kitchen", [], last=7, now=NOW).number == NOW // SECOND
    assert renew("kitchen", [], last=NOW // SECOND + 5, now=NOW).number == NOW // SECOND + 6


def test_a_key_is_not_shown_by_accident() -> None:
    handover = renew("kitchen", [], last=0, now=NOW)
    assert repr(handover.key) not in repr(handover)


def test_old_keys_are_forgotten_and_a_number_keeps_its_key(keys: GroupKeys) -> None:
    first = keys.encrypt("x", HERE)
    keys.add(1, b"other".ljust(32))
    assert keys.decrypt(first, HERE) == "x"
    for number in range(2, 2 + REMEMBERED):
        keys.add(number, bytes([number]) * 32)
    assert keys.number == 1 + REMEMBERED
    with pytest.raises(SealError):
        keys.decrypt(first, HERE)
    with pytest.raises(SealError):
        GroupKeys().encrypt("x", HERE)


@pytest.mark.parametrize("name", ["", "a/b", "a.b", "x" * 33, "кухня"])
def test_a_group_has_a_name_that_a_topic_can_have(name: str) -> None:
    with pytest.raises(ValueError, match="level of a topic"):
        renew(name, [], last=0, now=NOW)
