# SPDX-License-Identifier: GPL-3.0-or-later
"""pick: what C picks out of a document is what a parser finds there; what it is not sure of, it leaves."""

import json
import math
from typing import Any

import cbor2
import pytest
from ganglion._native import ffi, lib
from hypothesis import example, given
from hypothesis import strategies as st

from ganglion.node.payload import decode

EXACT = 2**53


def pick(payload: bytes, path: str) -> int | float | None:
    number = ffi.new("gg_number *")
    name = path.encode()
    if not lib.gg_pick(payload, len(payload), name, len(name), number):
        return None
    return int(number.number) if number.is_whole else float(number.number)


def at(document: Any, path: str) -> Any:
    for key in path.split(".") if path else ():
        document = document[key]
    return document


def parsed(payload: bytes, path: str) -> Any:
    """What there is for a parser; None where it finds nothing."""
    try:
        return at(decode(payload), path)
    except (ValueError, LookupError, TypeError):
        return None


def is_same(picked: float, found: Any) -> bool:
    if type(picked) is not type(found):
        return False
    return picked == found and math.copysign(1, picked) == math.copysign(1, found)


keys = st.sampled_from(["a", "b", "a.b", "value", "", "°C", "x\\n"]) | st.text(max_size=3)
numbers = st.integers(-(2**70), 2**70) | st.floats() | st.floats(-1000, 1000).map(lambda x: round(x, 3))
documents = st.recursive(
    numbers | st.none() | st.booleans() | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(keys, inside, max_size=4),
    max_leaves=12,
)
paths = st.sampled_from(["", "a", "a.b", "b.a", "value", "value.a", "°C"])


@given(documents, paths, st.sampled_from([None, 1]), st.booleans())
def test_of_json_it_picks_what_is_there(document, path, indent, is_ascii):
    payload = json.dumps(document, indent=indent, ensure_ascii=is_ascii).encode(errors="surrogatepass")
    picked = pick(payload, path)
    assert picked is None or is_same(picked, parsed(payload, path))


@given(documents, paths, st.booleans())
def test_of_cbor_it_picks_what_is_there(document, path, is_canonical):
    payload = cbor2.dumps({"a": document}, canonical=is_canonical)
    picked = pick(payload, path)
    assert picked is None or is_same(picked, parsed(payload, path))


@given(documents, paths, st.booleans(), st.data())
def test_of_damaged_documents_it_picks_nothing_else_than_a_parser(document, path, is_cbor, data):
    whole = {"a": {"b": 1, "x": document}, "b": 2.5}
    payload = bytearray(cbor2.dumps(whole) if is_cbor else json.dumps(whole).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(payload) - 1))
        payload[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        if not payload:
            return
    picked = pick(bytes(payload), path)
    assert picked is None or is_same(picked, parsed(bytes(payload), path))


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**49), 2**49))
@example(0.1 + 0.2)
@example(-0.0)
@example(5e-324)
@example(1.7976931348623157e308)
@example(9007199254740993.0)
def test_every_ordinary_number_is_picked_exactly(number):
    text = json.dumps(number)
    for payload in (text, f'{{"unit": "°C", "value": {text}, "ok": [true, null, {{}}]}}', f' {{"value" :\n{text}\t}} '):
        assert is_same(pick(payload.encode(), "" if payload == text else "value"), number)
    assert is_same(pick(cbor2.dumps({"a": [1, "x"], "value": number}), "value"), number)
    assert is_same(pick(cbor2.dumps({"value": number}, canonical=True), "value"), number)


@pytest.mark.parametrize(
    ("payload", "path", "picked"),
    [
        (b'{"a": {"b": 1}, "a": {"b": 2}}', "a.b", 2),
        (b'{"a": {"b": 1}, "a": {"c": 2}}', "a.b", None),
        (b'{"a.b": 1}', "a.b", None),
        (b"1e400", "", None),
        (b"123456789012345678901234567890.0", "", 123456789012345678901234567890.0),
        (b"-0", "", 0),
        (b"1E+2", "", 100.0),
        (b"0x10", "", None),
        (b"01", "", None),
        (b"1.", "", None),
        (b".5", "", None),
        (b"1e", "", None),
        (b"NaN", "", None),
        (b"true", "", None),
        (b'"1"', "", None),
        (b"1 2", "", None),
        (b"", "", None),
        (b'{"a": 1,}', "a", None),
        (b'{"a": 1', "a", None),
        (b'{"a": 1, "b": "\xff"}', "a", None),
        (b'{"a": 1, "b": "\\x"}', "a", None),
        (b"[" * 17 + b"]" * 17, "", None),
        (b'{"a": 1, "b": 1e999}', "a", None),
        (bytes.fromhex("a1 61 61 fb7ff8000000000000"), "a", None),
        (bytes.fromhex("a1 61 61 f97c00"), "a", None),
        (bytes.fromhex("a2 61 61 01 61 62 f97e00"), "a", None),
        (bytes.fromhex("a2 61 61 01 61 62 41 00"), "a", None),
        (bytes.fromhex("a2 61 61 01 61 62 1bffffffffffffffff"), "a", None),
        (bytes.fromhex("a2 61 61 01 01 02"), "a", None),
        (bytes.fromhex("a1 61 61 1b0020000000000000"), "a", None),
        (bytes.fromhex("a1 61 61 01 00"), "a", None),
        (bytes.fromhex("bf 61 61 01 ff"), "a", None),
        (bytes.fromhex("a1 61 61 c1 01"), "a", None),
        (bytes.fromhex("a2 61 61 01 61 62 9b ffffffffffffffff"), "a", None),
    ],
)
def test_what_it_picks_and_what_it_leaves(payload, path, picked):
    found = pick(payload, path)
    assert found is None if picked is None else is_same(found, picked)
