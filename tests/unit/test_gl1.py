# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_micro.gl1: what is signed, and the topics that follow from it."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion_micro import cbor, gl1
from ganglion_micro.gl1 import MSG, unpack

fields = {
    "kind": st.integers(0, 2**64 - 1),
    "dst": st.none() | st.binary(min_size=8, max_size=8) | st.just("group"),
    "epoch": st.integers(0, 2**32 - 1),
    "seq": st.integers(0, 2**64 - 1),
    "ts": st.integers(0, 2**64 - 1),
    "body": st.none() | st.integers(-5, 5) | st.text("abc") | st.just({"a": [1.5]}),
}


@given(st.builds(MSG, **fields))
def test_a_message_comes_back(message: MSG) -> None:
    again = unpack(message.pack())
    assert [getattr(again, name) for name in MSG.__slots__] == [getattr(message, name) for name in MSG.__slots__]


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        [],
        [1] * 6,
        [1] * 8,
        [2, 4, None, 1, 1, 1, 0],
        [True, 4, None, 1, 1, 1, 0],
        [1, -4, None, 1, 1, 1, 0],
        [1, 4, b"short", 1, 1, 1, 0],
        [1, 4, 7, 1, 1, 1, 0],
        [1, 4, None, 2**32, 1, 1, 0],
        [1, 4, None, 1, -1, 1, 0],
        [1, 4, None, 1, 1, 1.0, 0],
        [1, True, None, 1, 1, 1, 0],
        [1, 4, None, 1, 1, None, 0],
    ],
)
def test_what_is_no_message_is_refused(value: Any) -> None:
    with pytest.raises(cbor.CBORError):
        unpack(cbor.encode(value))


def test_a_message_has_the_size_that_the_design_states() -> None:
    # Two floats: 105 bytes with 96 around it. The timestamp here is 9 bytes, for nanoseconds.
    assert len(MSG(gl1.DATA, None, 1, 1, 1_767_225_600_000_000_000, [20.5, 40.5]).pack()) <= 24


@given(st.binary(max_size=40))
def test_base32_is_that_of_the_standard_library_in_lower_case(data: bytes) -> None:
    text = gl1.base32(data)
    assert text == base64.b32encode(data).decode().rstrip("=").lower()
    assert gl1.from_base32(text) == data


@pytest.mark.parametrize("text", ["a", "aaa", "aaaaaa", "a1", "A" * 8, "ab", "aaa=", "é"])
def test_base32_that_no_bytes_give_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base32"):
        gl1.from_base32(text)


def test_a_node_id_is_26_letters_and_begins_with_the_key_id() -> None:
    node = gl1.node_id(bytes(range(32)))
    assert len(node) == 26
    assert gl1.kid_of(node) == bytes(range(8))
    with pytest.raises(ValueError, match="node id"):
        gl1.kid_of("aaaaaaaaaaaaa")


@pytest.mark.parametrize(
    ("kind", "topic"),
    [
        (gl1.BIRTH, "gl1/m/n/node/birth"),
        (gl1.DEATH, "gl1/m/n/node/death"),
        (gl1.DATA, "gl1/m/n/node/d/name"),
        (gl1.EVENT, "gl1/m/n/node/e/name"),
        (gl1.REQUEST, "gl1/m/n/to/q"),
        (gl1.REPLY, "gl1/m/n/to/r"),
        (gl1.CREDENTIAL, "gl1/m/n/to/credential"),
        (gl1.ENROL, "gl1/m/n/node/enrol"),
        (gl1.BATCH, "gl1/m/n/node/d/batch"),
        (gl1.HELLO, ""),
        (99, ""),
    ],
)
def test_each_kind_has_its_topic(kind: int, topic: str) -> None:
    assert gl1.topic("m", kind, "node", "to", "name") == topic


def test_topics_stay_below_90_bytes() -> None:
    assert len(gl1.topic("m" * 13, gl1.EVENT, "n" * 26, name="e" * 32)) <= 90


@pytest.mark.parametrize("name", ["", "a.b", "a b", "a/b", "a+", "#", "é", "x" * 33, None, 5])
def test_what_cannot_be_a_level_of_a_topic(name: Any) -> None:
    assert not gl1.level(name)


@pytest.mark.parametrize("name", ["alert", "A-z_09", "x" * 32])
def test_what_can_be_a_level_of_a_topic(name: str) -> None:
    assert gl1.level(name)


def test_commands_and_what_gives_rights_are_of_the_strict_class() -> None:
    assert set(range(16)) - gl1.CLASS_C == {0, 1, 2, 3, 4, 8, 14}
