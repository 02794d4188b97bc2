# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings of sensors, as CSV and as CBOR: written, read, cut anywhere and damaged."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError, NotFoundError
from ganglion.sim import trace
from ganglion.sim.recorder import Recorder
from ganglion.sim.recording import FORMAT, Recording, from_cbor, from_csv, read
from ganglion_micro import cbor

S = 1_000_000_000
START = 1_767_225_600 * S
UNITS = {"fridge.temperature": "Cel", "fridge.open": "", "attic.load": "1"}

VALUES = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.integers(-(2**53), 2**53))
#: Nanoseconds to the next value, its channel, itself.
EVENTS = st.lists(st.tuples(st.integers(0, 10 * S), st.sampled_from(sorted(UNITS)), VALUES), min_size=1, max_size=20)


def recorded(suffix: str, events: list[tuple[int, str, object]]) -> bytes:
    recorder, at, data = Recorder(suffix, UNITS, node="kitchen"), START, b""
    for pause, channel, value in events:
        at += pause
        data += recorder.add(channel, value, at)
    return data + recorder.end()


def from_bytes(suffix: str, data: bytes) -> Recording:
    if suffix == ".cbor":
        return from_cbor(data, where="t")
    return from_csv(data.decode().splitlines(keepends=True), where="t")


SAMPLES = [
    (0, "fridge.temperature", 4.5),
    (0, "fridge.open", False),
    (S, "fridge.temperature", 4.75),
    (0, "fridge.open", True),
    (S // 2, "attic.load", 3),
]


def test_values_of_one_time_are_a_row_of_csv() -> None:
    assert recorded(".csv", SAMPLES).decode() == (
        "seconds,fridge.temperature,fridge.open,attic.load\n0.000000,4.5,false,\n1.000000,4.75,true,\n1.500000,,,3\n"
    )


def test_cbor_says_units_node_and_start() -> None:
    data = recorded(".cbor", SAMPLES)
    head, at = cbor.decode_at(data, 0)
    assert head == {
        "format": FORMAT,
        "node": "kitchen",
        "start": START,
        "columns": [[name, unit] for name, unit in UNITS.items()],
    }
    assert cbor.decode_at(data, at)[0] == [0, 4.5, False, None]
    found = from_bytes(".cbor", data)
    assert (found.units, found.node, found.start) == (UNITS, "kitchen", START)
    assert [*found.rows] == [(0, [4.5, False, None]), (1, [4.75, True, None]), (1.5, [None, None, 3])]


@pytest.mark.parametrize("suffix", [".csv", ".cbor"])
@given(EVENTS)
def test_what_is_recorded_is_read_in_the_order_of_time(suffix: str, events: list[tuple[int, str, object]]) -> None:
    found = from_bytes(suffix, recorded(suffix, events))
    rows = [*found.rows]
    assert found.columns == tuple(UNITS)
    assert all(before[0] < after[0] for before, after in pairwise(rows))
    # Of each channel its values in their order, none lost, none made up, and of the type that they had
    for i, channel in enumerate(UNITS):
        values = [row[i] for _, row in rows if row[i] is not None]
        expected = [value for _, name, value in events if name == channel]
        assert values == expected
        assert [type(value) is bool for value in values] == [type(value) is bool for value in expected]


@given(EVENTS, st.data())
def test_cbor_cut_anywhere_keeps_the_whole_rows_before(
    events: list[tuple[int, str, object]], data: st.DataObject
) -> None:
    whole = recorded(".cbor", events)
    head = cbor.decode_at(whole, 0)[1]
    ends = [head]
    while ends[-1] < len(whole):
        ends.append(cbor.decode_at(whole, ends[-1])[1])
    rows = [*from_bytes(".cbor", whole).rows]
    cut = data.draw(st.integers(0, len(whole)))
    if cut < head:
        with pytest.raises(InvalidError, match="begins with no whole item"):
            from_bytes(".cbor", whole[:cut])
        return
    assert [*from_bytes(".cbor", whole[:cut]).rows] == rows[: sum(end <= cut for end in ends) - 1]


@given(EVENTS, st.data())
def test_csv_cut_anywhere_keeps_the_whole_lines_before(
    events: list[tuple[int, str, object]], data: st.DataObject
) -> None:
    """The last cell of a line that is cut may have lost digits; all lines before it are as they were."""
    text = recorded(".csv", events).decode()
    cut = data.draw(st.integers(text.index("\n") + 1, len(text)))
    rows, found = [*from_bytes(".csv", text.encode()).rows], [*from_bytes(".csv", text[:cut].encode()).rows]
    whole = text[:cut].count("\n") - 1
    assert found[:whole] == rows[:whole]
    assert len(found) in (whole, whole + 1)


@given(EVENTS, st.data())
def test_a_damaged_recording_is_refused_or_read_and_nothing_else(
    events: list[tuple[int, str, object]], data: st.DataObject
) -> None:
    suffix = data.draw(st.sampled_from([".csv", ".cbor"]))
    whole = bytearray(recorded(suffix, events))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 127))
    try:
        for seconds, row in from_bytes(suffix, bytes(whole)).rows:
            assert len(row) == 3
            assert seconds == seconds
    except InvalidError as error:
        assert str(error).startswith("t: ")


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    try:
        for _, row in from_cbor(data, where="t").rows:
            assert row
    except InvalidError as error:
        assert str(error).startswith("t: ")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (
            cbor.encode({"format": FORMAT, "columns": [["a", "1"]]}) + cbor.encode([0, "x"]),
            "that is no row of 1 values",
        ),
        (
            cbor.encode({"format": FORMAT, "columns": [["a", "1"]]}) + cbor.encode([0, 1, 2]),
            "that is no row of 1 values",
        ),
        (
            cbor.encode({"format": FORMAT, "columns": [["a", "1"]]}) + cbor.encode([0, 1]) + cbor.encode([0, 1]),
            "no row",
        ),
        (cbor.encode({"format": FORMAT, "columns": [["a", "1"]]}) + b"\xff" * 60, "is damaged at byte"),
        (cbor.encode({"format": FORMAT, "columns": [["a", "1"], ["a", "1"]]}), "is no recording"),
        (cbor.encode({"format": FORMAT, "columns": []}), "is no recording"),
        (cbor.encode({"format": FORMAT + "0", "columns": [["a", "1"]]}), "is no recording"),
        (cbor.encode([1]), "is no recording"),
    ],
)
def test_what_is_no_recording_is_named(damage: bytes, says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        [*from_cbor(damage, where="t").rows]


def test_values_that_no_recording_can_hold_are_left_out() -> None:
    recorder = Recorder(".cbor", {"a.x": "1"}, node="")
    for value in (float("nan"), float("inf"), 10**400, "text", None, [1]):
        assert recorder.add("a.x", value, START) == b""
    assert recorder.add("b.x", 1, START) == b""
    assert recorder.end() == b""


def test_a_clock_that_goes_back_makes_no_row_that_does() -> None:
    recorder = Recorder(".csv", {"a.x": "1"}, node="")
    data = b"".join(recorder.add("a.x", value, START - value * S) for value in range(3)) + recorder.end()
    assert [*from_bytes(".csv", data).rows] == [(0, [0]), (1e-6, [1]), (2e-6, [2])]


def test_a_file_is_read_by_its_name(tmp_path: Path) -> None:
    for suffix in (".csv", ".cbor", ".CBOR"):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(recorded(suffix, SAMPLES))
        assert len([*read(path).rows]) == 3
    with pytest.raises(NotFoundError, match=r"b\.cbor does not exist"):
        read(tmp_path / "b.cbor")
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(InvalidError, match="is larger than 64 MiB"):
        read(tmp_path / "large.csv")
    with pytest.raises(InvalidError, match="is no file"):
        read(tmp_path)


def test_simulated_hardware_follows_cbor_too_and_needs_every_cell(tmp_path: Path) -> None:
    recorder = Recorder(".cbor", {"celsius": "Cel"}, node="")
    path = tmp_path / "room.cbor"
    path.write_bytes(recorder.add("celsius", 20, START) + recorder.add("celsius", 22.0, START + S) + recorder.end())
    assert trace.load(path).at(0.5) == {"celsius": 21}
    for cells, says in (("1,2,", "row 2: has an empty cell"), ("1,2,true", "row 2: has true, which is not a number")):
        with pytest.raises(InvalidError, match=says):
            trace.parse(f"seconds,a,b\n{cells}\n")
