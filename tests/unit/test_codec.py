# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion.mesh.codec: what C writes and reads is what ganglion_micro.cbor does, to the byte and to the error."""

import struct
import sys
from collections import namedtuple
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion import _native
from ganglion.mesh import codec
from ganglion_micro import cbor
from ganglion_micro.cbor import MAX_DEPTH, MAX_SIZE, Encoded, Tag

Point = namedtuple("Point", "x y")
Level = IntEnum("Level", "LOW HIGH")

integers = st.integers(-(2**65), 2**65) | st.sampled_from([n + d for n in (24, 2**8, 2**16, 2**32) for d in (-1, 0, 1)])
floats = st.floats(width=16) | st.floats(width=32) | st.floats()
text = st.text(max_size=30)  # lone surrogates, too
keys = integers | text | st.binary(max_size=30)
scalars = st.none() | st.booleans() | integers | floats | text | st.binary(max_size=300)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=8)
        | st.builds(Tag, st.integers(0, 2**64 - 1), inner)
    ),
    max_leaves=30,
)


def outcome(function: Any, *arguments: Any) -> tuple[str, Any]:
    """What it returns, where 1, 1.0 and True are different and a NaN is itself, or how it fails."""
    try:
        made = function(*arguments)
    except cbor.CBORError as error:
        return type(error).__name__, str(error)
    return "value", exact(made)


def exact(value: Any) -> Any:
    if isinstance(value, float):
        return struct.pack(">d", value)
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, dict):
        return [(exact(key), exact(item)) for key, item in value.items()]
    if isinstance(value, Tag):
        return ("tag", value.number, exact(value.value))
    return type(value), value


def written_alike(value: Any, depth: int = 0) -> None:
    assert outcome(codec.encode_natively, value, depth) == outcome(cbor.encode, value, depth)


def read_alike(data: Any) -> None:
    assert outcome(codec.decode_natively, data) == outcome(cbor.decode, data)


@given(values)
def test_any_value_is_written_alike_and_read_alike(value: Any) -> None:
    written_alike(value)
    told, data = outcome(cbor.encode, value)
    if told == "value":
        read_alike(data[1])


@given(st.binary(max_size=60))
def test_any_bytes_are_read_alike(data: bytes) -> None:
    read_alike(data)


@given(values, st.data())
def test_damaged_bytes_are_read_alike(value: Any, data: st.DataObject) -> None:
    told, made = outcome(cbor.encode, value)
    if told != "value":
        return
    damaged = bytearray(made[1])
    at = data.draw(st.integers(0, len(damaged) - 1))
    damaged[at] = data.draw(st.integers(0, 255))
    read_alike(bytes(damaged))
    read_alike(made[1][:at])


@given(st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_floats_of_any_bits_are_read_alike(half: int, single: int, double: int) -> None:
    read_alike(b"\xf9" + struct.pack(">H", half))
    read_alike(b"\xfa" + struct.pack(">I", single))
    read_alike(b"\xfb" + struct.pack(">Q", double))


@given(st.dictionaries(keys, st.dictionaries(keys, st.lists(scalars, max_size=2), max_size=4), max_size=70))
def test_keys_are_in_the_same_order_in_maps_of_any_size(value: dict[Any, Any]) -> None:
    written_alike(value)


@pytest.mark.parametrize(
    "value",
    [
        *(Point(1, 2), Level.HIGH, bytearray(b"x"), {True: 1}, {1.5: 1}, {None: 1}, {(1,): 1}, object(), {1}, 1j),
        *([Encoded(b"\x01"), Encoded(b"\xf6")], {"a": Encoded(b"\x80")}, {Encoded(b"\x01"): 1}, Tag(-1, 1), "\ud800"),
        *(["\ud800"], {"\ud800": 1}, 2**63, -(2**63), -(2**63) - 1, 2**64, {2**64: 1}, {i: i for i in range(200)}),
    ],
)
def test_what_is_rare_is_left_to_the_twin(value: Any) -> None:
    written_alike(value)


def nested(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels - 1):
        made = [made]
    return made


def test_the_limits_are_the_same() -> None:
    for levels in (MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1):
        written_alike(nested(levels))
        written_alike(nested(levels), 1)
        read_alike(b"\x81" * (levels - 1) + b"\x80")
        read_alike(b"\xa1\x01" * levels + b"\x01")
    for size in (MAX_SIZE - 4, MAX_SIZE - 3, MAX_SIZE - 2, MAX_SIZE):
        written_alike(bytes(size))
        written_alike([b"x" * 100, bytes(size - 102)])
        read_alike(b"\x59" + (size & 0xFFFF).to_bytes(2, "big") + bytes(size))
    written_alike({bytes([i // 256, i % 256]): bytes(1000) for i in range(64)})
    written_alike({bytes([i // 256, i % 256]): bytes(1100) for i in range(64)})
    read_alike(bytes.fromhex("9b7fffffffffffffff"))
    read_alike(bytes.fromhex("bb8000000000000001"))
    read_alike(bytearray(b"\x01"))
    read_alike(memoryview(b"\x01"))


def test_it_is_the_twin_that_is_asked_where_c_is_not_sure_and_nowhere_else() -> None:
    asked = []

    def twin(*arguments: Any) -> Any:
        asked.append(arguments[0])
        return "asked"

    plain = [1, -1, 1.5, "a", b"b", None, True, {"b": 1, "a": [2]}, Encoded(b"\x01")]
    data = _native.cbor_encode(twin, Encoded, plain, 0)
    assert _native.cbor_decode(twin, data) == [*plain[:-1], 1]
    assert asked == []
    assert _native.cbor_encode(twin, Encoded, {1}, 0) == "asked"
    assert _native.cbor_decode(twin, b"\xc1\x01") == "asked"
    assert asked == [{1}, b"\xc1\x01"]


def test_nothing_is_held_that_nobody_uses() -> None:
    """Each object that goes in or comes out has the references that it had."""
    value, encoded = ["kept apart" * 3, {"key of a map": 1.5}], Encoded(bytes(100))
    whole = [value, encoded, {1}]
    counts = [sys.getrefcount(each) for each in (value, value[0], encoded, encoded.data, None)]
    data = cbor.encode(value)
    for _ in range(100):
        codec.encode_natively([value, encoded])
        with pytest.raises(cbor.CBORError):
            codec.encode_natively(whole)
        codec.decode_natively(data)
        with pytest.raises(cbor.CBORError):
            codec.decode_natively(data + b"\xff")
    now = [sys.getrefcount(each) for each in (value, value[0], encoded, encoded.data)]
    assert now == counts[:4]
    made = codec.decode_natively(data)
    assert [sys.getrefcount(made), sys.getrefcount(made[0])] == [2, 2]


def test_without_the_native_core_or_where_it_is_not_wanted_the_twin_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    monkeypatch.setenv("GANGLION_BACKEND", "python")
    try:
        importlib.reload(codec)
        assert (codec.decode, codec.encode) == (cbor.decode, cbor.encode)
    finally:
        monkeypatch.undo()
        importlib.reload(codec)
    assert (codec.decode, codec.encode) == (codec.decode_natively, codec.encode_natively)
