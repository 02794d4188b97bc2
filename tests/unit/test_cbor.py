# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_micro.cbor: one encoding for every value, one error for everything else."""

import math
import struct
from collections import namedtuple
from enum import IntEnum
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion_micro import cbor_write
from ganglion_micro.cbor import MAX_DEPTH, MAX_SIZE, CBORError, Encoded, Tag, decode, encode

Point = namedtuple("Point", "x y")
Level = IntEnum("Level", "LOW HIGH")

integers = st.integers(-(2**64), 2**64 - 1)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
scalars = st.none() | st.booleans() | integers | st.floats(allow_nan=False) | text | st.binary(max_size=300)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(integers | text | st.binary(max_size=20), inner, max_size=5)
        | st.builds(Tag, st.integers(0, 2**64 - 1), inner)
    ),
    max_leaves=30,
)


def same(a: Any, b: Any) -> bool:
    """Equal in type and sign too, which 1 == 1.0 == True and 0.0 == -0.0 are not."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack(">d", a) == struct.pack(">d", b)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, Tag):
        return a.number == b.number and same(a.value, b.value)
    return bool(a == b)


@given(values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert same(decode(encode(value)), value)


@given(values)
def test_cbor2_reads_the_same_value(value: Any) -> None:
    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(item) for item in value]
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return [value.number, plain(value.value)] if isinstance(value, Tag) else value

    assert same(cbor2.loads(encode(plain(value))), plain(value))


@given(st.floats(width=16) | st.floats(width=32) | st.floats())
def test_a_float_has_the_shortest_form_that_keeps_it(value: float) -> None:
    data = encode(value)
    if math.isnan(value):
        assert data == bytes.fromhex("f97e00")
        return
    forms = []
    for head, form in ((b"\xf9", ">e"), (b"\xfa", ">f"), (b"\xfb", ">d")):
        try:
            packed = struct.pack(form, value)
        except OverflowError:
            continue
        if struct.unpack(form, packed)[0] == value:
            forms.append(head + packed)
    assert data == forms[0]
    for longer in forms[1:]:
        with pytest.raises(CBORError, match="shorter"):
            decode(longer)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_with_these_bytes_or_an_error(data: bytes) -> None:
    try:
        value = decode(data)
    except CBORError:
        return
    assert encode(value) == data


@given(values, st.data())
def test_damaged_bytes_are_a_value_with_these_bytes_or_an_error(value: Any, data: st.DataObject) -> None:
    damaged = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "set"])):
            case "flip":
                damaged[at] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del damaged[at : at + data.draw(st.integers(1, 4))]
            case "insert":
                damaged.insert(at, data.draw(st.integers(0, 255)))
            case "set":
                damaged[at] = data.draw(st.sampled_from([0x00, 0x17, 0x18, 0x1B, 0x5F, 0x7F, 0x9F, 0xBF, 0xFF]))
        if not damaged:
            break
    try:
        value = decode(bytes(damaged))
    except CBORError:
        return
    assert encode(value) == damaged


@given(values)
def test_every_cut_is_an_error(value: Any) -> None:
    data = encode(value)
    for end in range(len(data)):
        with pytest.raises(CBORError):
            decode(data[:end])


def test_keys_are_sorted_by_their_bytes_not_by_their_length_first() -> None:
    # RFC 8949 section 4.2.1's own example, as far as keys of this profile go.
    value = {"aa": 5, 100: 2, "z": 4, -1: 3, 10: 1}
    assert encode(value) == bytes.fromhex("a50a01186402200361 7a04 62616105".replace(" ", ""))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("1817", "shortest"),
        ("1900ff", "shortest"),
        ("1a0000ffff", "shortest"),
        ("1b00000000ffffffff", "shortest"),
        ("580141", "shortest"),
        ("5f4101ff", "indefinite"),
        ("9fff", "indefinite"),
        ("bfff", "indefinite"),
        ("7fff", "indefinite"),
        ("ff", "break"),
        ("f7", "simple value"),
        ("e0", "simple value"),
        ("f818", "simple value"),
        ("1c", "reserved"),
        ("fc", "simple value"),
        ("a2010101 02", "twice"),
        ("a2020101 02", "not sorted"),
        ("a261620161 6102", "not sorted"),
        ("a1f501", "key"),
        ("a1f6 01", "key"),
        ("a18001", "key"),
        ("a1f93c0001", "key"),
        ("0000", "1 bytes after"),
        ("", "cut short"),
        ("f97e01", "NaN"),
        ("f9fe00", "NaN"),
        ("fa7fc00000", "shorter"),
        ("fb7ff8000000000000", "shorter"),
        ("fb7ff0000000000000", "shorter"),
        ("fa00000000", "shorter"),
        ("62c328", "UTF-8"),
        ("63eda080", "UTF-8"),
        ("9bffffffffffffffff", "cut short"),
        ("bbffffffffffffffff", "cut short"),
        ("5bffffffffffffffff", "cut short"),
        ("7bffffffffffffffff", "cut short"),
    ],
)
def test_what_is_not_deterministic_is_refused(data: str, why: str) -> None:
    with pytest.raises(CBORError, match=why):
        decode(bytes.fromhex(data))


def test_a_lie_about_the_length_allocates_nothing() -> None:
    with pytest.raises(CBORError, match="cut short"):
        decode(b"\x9a\x7f\xff\xff\xff" + bytes(1000))


def test_the_limit_of_size_is_exact() -> None:
    largest = encode(bytes(MAX_SIZE - 3))  # the head of 65533 bytes is 3
    assert len(largest) == MAX_SIZE
    assert decode(largest) == bytes(MAX_SIZE - 3)
    with pytest.raises(CBORError, match="65536 is the limit"):
        encode(bytes(MAX_SIZE - 2))
    with pytest.raises(CBORError, match="65536 is the limit"):
        decode(b"\x5a\x00\x00\xff\xfe" + bytes(MAX_SIZE))


@pytest.mark.parametrize("nest", [lambda v: [v], lambda v: {1: v}, lambda v: Tag(1, v)])
def test_the_limit_of_depth_is_exact(nest: Any) -> None:
    value: Any = 0
    for _ in range(MAX_DEPTH):
        value = nest(value)
    data = encode(value)
    assert same(decode(data), value)
    with pytest.raises(CBORError, match="deeper than 16"):
        encode(nest(value))
    with pytest.raises(CBORError, match="deeper than 16"):
        decode(data[: len(data) // MAX_DEPTH] + data)


def test_a_list_that_holds_itself_is_too_deep() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(CBORError, match="deeper"):
        encode(value)


def test_levels_around_a_value_count_against_its_depth() -> None:
    with pytest.raises(CBORError, match="deeper"):
        encode([[1]], MAX_DEPTH - 1)
    assert encode([1], MAX_DEPTH - 1) == b"\x81\x01"


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        2**64,
        -(2**64) - 1,
        {True: 1},
        {None: 1},
        {1.0: 1},
        {(1,): 1},
        "\ud800",
        {"\ud800": 1},
        Tag(-1, 0),
        Tag(True, 0),
        1j,
    ],
)
def test_what_has_no_place_is_refused_when_encoding(value: Any) -> None:
    with pytest.raises(CBORError):
        encode(value)


def test_subclasses_are_encoded_as_what_they_are() -> None:
    assert encode([Point(1, 2), Level.HIGH, bytearray(b"a"), (3,)]) == encode([[1, 2], 2, b"a", [3]])


def test_an_item_that_is_encoded_already_is_copied() -> None:
    assert encode([Encoded(encode({"a": 1})), 2]) == encode([{"a": 1}, 2])


def test_names_of_fields_are_remembered_within_a_bound() -> None:
    for i in range(5000):
        assert decode(encode({f"field {i}": i})) == {f"field {i}": i}
    assert len(cbor_write._KEYS) <= cbor_write._KNOWN
