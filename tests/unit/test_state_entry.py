# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.state.entry: one signed write as bytes, and what is none."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ganglion.mesh.state import entry
from ganglion.mesh.state.entry import (
    CHECKPOINT,
    COUNTER,
    ELEMENT_BYTES,
    ENTRY_BYTES,
    KEY_BYTES,
    OVER,
    REGISTER,
    SET,
    VALUE_BYTES,
    Checkpoint,
    EntryError,
    parse,
    runs,
)
from ganglion_micro import cbor, cose, gl1
from support.mesh import NOW
from support.state import AAD, MESH, identity, signed

WHO = identity(1)
OTHER = identity(2)


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ([REGISTER, "tag/x"], ({"a": [1, None]},)),
        ([REGISTER, "tag/x"], (None,)),
        ([REGISTER, "tag/x"], ()),
        ([SET, "group/hall", ["lamp", 2]], (True,)),
        ([SET, "group/hall", None], ()),
        ([COUNTER, "count/x"], ([7, 2],)),
        ([CHECKPOINT], ([3, 2],)),
    ],
)
def test_an_entry_is_read_as_it_was_written(what: list[Any], value: tuple[Any, ...]) -> None:
    over = {} if what[0] == CHECKPOINT else {OTHER.kid: 9}
    made = signed(WHO, what, *value, dot=1 << 63, stamp=77, over=over)
    read = parse(made.data)
    assert (read.what, read.kind, read.dot, read.stamp, dict(read.over)) == (what, what[0], 1 << 63, 77, over)
    assert (read.kid, read.present, read.value) == (WHO.kid, bool(value), value[0] if value else None)
    assert read.id == made.id
    assert read.signed_by(WHO.public, AAD)
    assert not read.signed_by(OTHER.public, AAD)


def test_a_signature_holds_in_one_mesh_and_for_this_use_alone() -> None:
    made = signed(WHO, [REGISTER, "tag/x"], 1)
    mesh = gl1.from_base32(MESH)
    assert not made.signed_by(WHO.public, entry.aad(mesh[::-1]))
    assert not made.signed_by(WHO.public, gl1.aad(mesh))
    message = cose.sign1(gl1.MSG(gl1.CRDT, None, 1, 1, NOW, 1).pack(), WHO.kid, gl1.aad(mesh), WHO.sign)
    with pytest.raises(EntryError):
        parse(message)


def test_ids_of_one_place_are_neighbours_and_those_of_others_are_not() -> None:
    first, second = signed(WHO, [REGISTER, "tag/x"], 1), signed(OTHER, [REGISTER, "tag/x"], 2)
    elsewhere = signed(WHO, [REGISTER, "tag/y"], 1)
    assert first.id[:2] == second.id[:2] != elsewhere.id[:2]
    assert len({first.id, second.id, elsewhere.id}) == 3


K = OTHER.kid
WRONG = [
    [[REGISTER, "k"], 1, 1],
    [[REGISTER, "k"], 1, 1, {}, 1, 1],
    {"what": [REGISTER, "k"]},
    [[REGISTER, "k"], 0, 1, {}, 1],
    [[REGISTER, "k"], -1, 1, {}, 1],
    [[REGISTER, "k"], True, 1, {}, 1],
    [[REGISTER, "k"], 1, -1, {}, 1],
    [[REGISTER, "k"], 1, 1.5, {}, 1],
    [[REGISTER, "k"], 1, 1, [], 1],
    [[REGISTER, "k"], 1, 1, {"a": 1}, 1],
    [[REGISTER, "k"], 1, 1, {K: "1"}, 1],
    [[REGISTER, "k"], 1, 1, {K: -1}, 1],
    [[REGISTER, "k"], 1, 1, {K[:7]: 1}, 1],
    [[REGISTER, "k"], 1, 1, {WHO.kid: 1}, 1],
    [[REGISTER, "k"], 1, 1, {at.to_bytes(8, "big"): 1 for at in range(OVER + 1)}, 1],
    [[REGISTER, ""], 1, 1, {}, 1],
    [[REGISTER, "k" * (KEY_BYTES + 1)], 1, 1, {}, 1],
    [[REGISTER, "é" * (KEY_BYTES // 2 + 1)], 1, 1, {}, 1],
    [[REGISTER, b"k"], 1, 1, {}, 1],
    [[REGISTER, "k", 1], 1, 1, {}, 1],
    [[REGISTER], 1, 1, {}, 1],
    [[], 1, 1, {}, 1],
    ["k", 1, 1, {}, 1],
    [[True, "k"], 1, 1, {}, 1],
    [[4, "k"], 1, 1, {}, 1],
    [[-1, "k"], 1, 1, {}, 1],
    [[SET, "k"], 1, 1, {}, True],
    [[SET, "k", 1], 1, 1, {}, 1],
    [[SET, "k", bytes(ELEMENT_BYTES)], 1, 1, {}, True],
    [[COUNTER, "k"], 1, 1, {}, 1],
    [[COUNTER, "k"], 1, 1, {}, [1]],
    [[COUNTER, "k"], 1, 1, {}, [1, -1]],
    [[COUNTER, "k"], 1, 1, {}, [1, True]],
    [[CHECKPOINT], 9, 1, {}],
    [[CHECKPOINT], 9, 1, {K: 1}, []],
    [[CHECKPOINT, "k"], 9, 1, {}, []],
    [[CHECKPOINT], 9, 1, {}, 5],
    [[CHECKPOINT], 9, 1, {}, [1]],
    [[CHECKPOINT], 9, 1, {}, [1, 0]],
    [[CHECKPOINT], 9, 1, {}, [1, 1, 0, 1]],
    [[CHECKPOINT], 9, 1, {}, [1, 9]],
    [[CHECKPOINT], 9, 1, {}, [1, "1"]],
    [[CHECKPOINT], 9, 1, {}, [1, 1 << 63, 1, 1 << 63]],
]


@pytest.mark.parametrize("payload", WRONG, ids=[str(at) for at in range(len(WRONG))])
def test_what_no_entry_looks_like_is_none_though_signed(payload: Any) -> None:
    with pytest.raises(EntryError):
        parse(cose.sign1(cbor.encode(payload), WHO.kid, AAD, WHO.sign))


@pytest.mark.parametrize("data", [None, "text", [], b"", bytearray(signed(WHO, [REGISTER, "k"], 1).data)])
def test_what_is_no_byte_string_of_an_entry_is_none(data: Any) -> None:
    with pytest.raises(cbor.CBORError):
        parse(data)


def test_an_entry_over_the_limit_is_none() -> None:
    payload = cbor.encode([[REGISTER, "k"], 1, 1, {}, bytes(ENTRY_BYTES)])
    with pytest.raises(EntryError, match=str(ENTRY_BYTES)):
        parse(cose.sign1(payload, WHO.kid, AAD, WHO.sign))


def test_the_largest_of_everything_is_within_the_limit_of_an_entry() -> None:
    over = {(1 << 63 | at).to_bytes(8, "big"): (1 << 64) - 1 - at for at in range(OVER)}
    value = bytes(VALUE_BYTES - 3)
    largest = signed(WHO, [REGISTER, "k" * KEY_BYTES], value, dot=(1 << 64) - 1, stamp=(1 << 64) - 1, over=over)
    assert ENTRY_BYTES - 4096 < len(largest.data) <= ENTRY_BYTES
    with pytest.raises(EntryError, match=str(VALUE_BYTES)):
        signed(WHO, [REGISTER, "k"], bytes(VALUE_BYTES - 2))


@given(st.binary(max_size=200))
def test_any_bytes_are_an_entry_or_a_cbor_error(data: bytes) -> None:
    with pytest.raises(cbor.CBORError):
        parse(data)


@given(st.integers(0, 200), st.binary(max_size=4), st.integers(0, 4))
def test_a_damaged_entry_is_none_or_its_signature_fails(at: int, put: bytes, cut: int) -> None:
    good = signed(WHO, [SET, "group/hall", "lamp"], True, over={K: 3}).data
    damaged = good[:at] + put + good[at + cut :]
    try:
        read = parse(damaged)
    except cbor.CBORError:
        return
    assert damaged == good or not read.signed_by(WHO.public, AAD)


@given(st.sets(st.integers(1, 60)), st.integers(1, 70))
@example(set(), 5)
def test_a_checkpoint_keeps_what_it_lists_of_what_is_before_it(dots: set[int], at: int) -> None:
    kept = {dot for dot in dots if dot < at}
    checkpoint = Checkpoint(signed(WHO, [CHECKPOINT], runs(sorted(kept)), dot=at))
    assert {dot for dot in range(80) if not checkpoint.removed(dot)} == kept | set(range(at, 80))


def test_a_checkpoint_of_many_entries_is_small_where_they_follow_one_another() -> None:
    assert runs([*range(5, 4000), *range(4001, 4100)]) == [5, 3995, 1, 99]
