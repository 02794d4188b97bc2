# SPDX-License-Identifier: GPL-3.0-or-later
"""history: blocks, segments, retention, questions by time and topic, and a bus whose events are kept."""

import asyncio
import contextlib
import errno
import os
import tracemalloc
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion import config
from ganglion.bus import Bus
from ganglion.errors import InvalidError
from ganglion.history import History, block, query
from ganglion.history import history as history_
from ganglion.history.block import Numbered, Reading
from ganglion.history.query import Page, Query, asked
from ganglion.history.store import Store
from ganglion_micro import cbor
from ganglion_micro.topic import matches
from support.waiting import until

S = 1_000_000_000
UNIX = 1_790_000_000 * S
DAY = 86400 * S
MB = 1 << 20

VALUES = st.one_of(st.floats(allow_nan=False), st.booleans(), st.integers(-(2**63), 2**63), st.text(max_size=20))
READINGS = st.builds(
    Reading,
    st.integers(UNIX - DAY, UNIX + DAY),
    st.sampled_from(["sensor/a/t", "sensor/a/h", "sensor/b/t", "actuator/fan"]),
    VALUES,
)


def readings(count, *, topic="sensor/a/t", begin=UNIX, every=S):
    return [Reading(begin + i * every, topic, float(i)) for i in range(count)]


def store(folder, *, limit=MB, age=DAY, monotonic=lambda: 0.0):
    return Store(folder, limit=limit, age=age, monotonic=monotonic)


def all_of(made, **asked):
    wanted = {"at": None, "newest": False, "since": None, "until": None, **asked}
    return [reading for each in made.blocks(**wanted) for reading in each.readings]


@given(st.lists(READINGS, min_size=1, max_size=50), st.integers(0, 2**40), st.integers(0, 2**31))
def test_a_block_is_what_was_packed(several, first, ran):
    data = block.pack(several, first=first, ran=ran)
    head = block.head(data)
    assert block.unpack(data) == several
    assert (head.first, head.readings, head.ran) == (first, len(several), ran)
    assert (head.earliest, head.latest) == (min(each.time for each in several), max(each.time for each in several))
    assert len(data) == block.SIZE + head.length


@given(st.data())
def test_a_block_with_a_wrong_byte_is_none(data):
    packed = bytearray(block.pack(readings(5), first=3, ran=4))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    assert block.unpack(bytes(packed)) is None
    assert block.unpack(bytes(packed[:at])) is None


@given(st.lists(st.builds(Reading, st.just(UNIX), st.text(max_size=200), st.text(max_size=250)), max_size=400))
@settings(max_examples=20)
def test_chunks_are_all_readings_and_each_fits_a_block(several):
    chunks = list(block.chunks(several))
    assert [reading for each in chunks for reading in each] == several
    for each in chunks:
        assert block.unpack(block.pack(each, first=0, ran=0)) == list(each)


def test_the_largest_values_fit_too():
    several = [Reading(UNIX, f"{i:0256}", "x" * (block.MOST_VALUE - 3)) for i in range(200)]
    assert [len(each) for each in block.chunks(several)] == [37] * 5 + [15]
    assert all(len(block.pack(each, first=0, ran=0)) < cbor.MAX_SIZE for each in block.chunks(several))
    assert [len(each) for each in block.chunks(readings(3000))] == [1024, 1024, 952]


def test_what_was_appended_is_there_after_a_restart_and_goes_on_in_the_same_file(tmp_path):
    made = store(tmp_path / "h")
    made.append(readings(10))
    made.append([])
    made.close()
    again = store(tmp_path / "h")
    assert (again.next, all_of(again)) == (10, readings(10))
    again.append(readings(5))
    assert all_of(again) == readings(10) + readings(5)
    assert [each.first for each in again.segments] == [0]
    assert (tmp_path / "h").stat().st_mode & 0o777 == 0o700
    assert again.segments[0].path.stat().st_mode & 0o777 == 0o600


def test_what_is_asked_for_by_number_time_and_order(tmp_path):
    made = store(tmp_path)
    for begin in range(0, 100, 10):
        made.append(readings(10, begin=UNIX + begin * S))
    assert [each.first for each in made.blocks(at=45, newest=False, since=None, until=None)] == [40, 50, 60, 70, 80, 90]
    assert [each.first for each in made.blocks(at=45, newest=True, since=None, until=None)] == [40, 30, 20, 10, 0]
    asked = made.blocks(at=None, newest=False, since=UNIX + 29 * S, until=UNIX + 30 * S)
    assert [each.first for each in asked] == [20, 30]
    assert all_of(made, since=UNIX + 100 * S) == []


def test_the_oldest_segments_go_when_there_is_too_much(tmp_path):
    made = store(tmp_path, limit=8 * 64 * 1024)
    for i in range(200):
        made.append(readings(300, begin=UNIX + i * 300 * S))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 8 * 64 * 1024
    assert made.next == 200 * 300
    kept = all_of(made)
    assert kept[-1].time == UNIX + (made.next - 1) * S
    assert 0.8 < sum(each.size for each in made.segments) / (8 * 64 * 1024) <= 1
    assert all(after.time - before.time == S for before, after in pairwise(kept))
    made.close()
    again = store(tmp_path, limit=4 * 64 * 1024)
    again.retain()
    assert len(again.segments) == 4


def test_what_is_too_old_goes_and_a_clock_that_is_set_makes_nothing_old(tmp_path):
    ran = [0.0]
    made = store(tmp_path, age=160 * S, monotonic=lambda: ran[0])
    for begin in (UNIX, UNIX + 900 * DAY, 0):
        made.append(readings(5, begin=begin))
    assert len(all_of(made)) == 15
    for _ in range(20):
        ran[0] += 11
        made.append(readings(5))
    assert made.segments[0].ran >= 220 - 160
    assert len(all_of(made)) == 5 * len(made.segments) < 20 * 5
    ran[0] += 170
    made.retain()
    assert all_of(made) == []
    assert list(tmp_path.iterdir()) == []
    made.append(readings(1))
    assert made.next == 15 + 100 + 1


def test_time_that_the_node_was_off_does_not_count(tmp_path):
    ran = [1000.0]
    made = store(tmp_path, age=160 * S, monotonic=lambda: ran[0])
    made.append(readings(5))
    ran[0] = 1100.0
    made.append(readings(5))
    made.close()
    again = store(tmp_path, age=160 * S, monotonic=lambda: 5.0)
    again.append(readings(1))
    assert [each.ran for each in again.segments] == [100, 100]
    assert len(all_of(again)) == 11


@given(st.data())
@settings(max_examples=60)
def test_a_damaged_byte_anywhere_costs_one_block_at_most_or_what_follows_it(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    made = store(folder)
    parts = [readings(10, begin=UNIX + i * 10 * S) for i in range(5)]
    for each in parts:
        made.append(each)
    made.close()
    (path,) = folder.iterdir()
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    again = store(folder)
    found = all_of(again)
    again.append(readings(1))
    assert all_of(again) == found + readings(1)
    whole = [each for each in parts if each[0] in found]
    assert [reading for each in whole for reading in each] == found
    if at >= 8:
        damaged = (at - 8) // ((len(content) - 8) // 5)
        assert whole[:damaged] == parts[:damaged], "what was before it is never lost"


def test_what_is_no_segment_is_left_alone(tmp_path):
    (tmp_path / "notes.rows").write_text("mine")
    (tmp_path / "0000000000000000.rows").write_bytes(b"")
    made = store(tmp_path)
    made.append(readings(2))
    assert all_of(made) == readings(2)
    assert (tmp_path / "notes.rows").read_text() == "mine"


def test_a_disk_that_is_full_loses_nothing_that_was_written_and_it_goes_on(tmp_path, monkeypatch):
    made = store(tmp_path)
    made.append(readings(5))
    pwrite = os.pwrite

    def full(file, data, offset):
        if offset and len(data) < 50:
            raise OSError(errno.ENOSPC, "No space left on device")
        return pwrite(file, data[: max(len(data) // 2, 1)], offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                made.append(readings(5))
            assert all_of(made) == readings(5)
    made.append(readings(3))
    assert all_of(made) == readings(5) + readings(3)
    assert all_of(store(tmp_path)) == readings(5) + readings(3)


def test_what_was_written_and_not_synced_is_not_there_twice_when_it_is_written_again(tmp_path, monkeypatch):
    made = store(tmp_path)
    made.append(readings(5))
    with monkeypatch.context() as patch:

        def broken(_):
            raise OSError(errno.EIO, "Input/output error")

        patch.setattr(os, "fdatasync", broken)
        with pytest.raises(OSError, match="Input/output"):
            made.append(readings(3))
    assert all_of(made) == readings(5)
    made.append(readings(3))
    for each in (made, store(tmp_path)):
        assert all_of(each) == readings(5) + readings(3)
        assert all_of(each, newest=True)[:3] == readings(3)


def pages(several, size=7, **wanted):
    """All rows of all pages, with their topics, and how many pages there were."""
    blocks = [Numbered(i, several[i : i + size]) for i in range(0, len(several), size)]
    at, rows, count = None, [], 0
    while True:
        asked = Query(at=at, **wanted)
        ordered = reversed(blocks) if asked.newest else blocks
        document = Page(asked).fill(ordered).document()
        assert len(cbor.encode(document)) < query.MOST_BYTES + 1000
        rows += [[time, document["topics"][topic], *rest] for time, topic, *rest in document["rows"]]
        count += 1
        if document["next"] is None:
            return rows, count
        at = document["next"]


@given(
    st.lists(READINGS, max_size=80),
    st.sampled_from(["#", "sensor/+/t", "sensor/a/#", "x"]),
    st.none() | st.integers(UNIX - DAY, UNIX + DAY),
    st.none() | st.integers(UNIX - DAY, UNIX + DAY),
    st.booleans(),
    st.integers(1, 30),
)
def test_pages_are_what_was_asked_for_in_the_order_it_came(several, topic, since, until, newest, limit):
    rows, _ = pages(several, topic=topic, since=since, until=until, newest=newest, limit=limit)
    expected = [
        list(each)
        for each in (reversed(several) if newest else several)
        if matches(topic, each.topic)
        and (since is None or each.time >= since)
        and (until is None or each.time <= until)
    ]
    assert rows == expected


def test_an_answer_is_bounded_in_bytes_and_in_what_is_looked_at(monkeypatch):
    large = [Reading(UNIX + i, "sensor/a/t", "x" * 1000) for i in range(200)]
    rows, count = pages(large, topic="#")
    assert (len(rows), count) == (200, 5)
    monkeypatch.setattr(query, "MOST_SEEN", 50)
    rows, count = pages([*readings(400), Reading(UNIX, "x", 1)], topic="x")
    assert (rows, count) == ([[UNIX, "x", 1]], 9), "the last that a page looks at is the first of the next"
    assert len(pages(readings(400), every=7 * S)[0]) == len({each.time // (7 * S) for each in readings(400)})


@given(
    st.lists(st.tuples(st.integers(0, 9 * S), st.sampled_from("ab"), st.floats(-1e6, 1e6)), max_size=80),
    st.sampled_from([S, 10 * S, 60 * S]),
    st.booleans(),
    st.integers(2, 9),
)
def test_intervals_are_those_of_the_plain_definition(several, every, newest, limit):
    made, time = [], UNIX
    for passed, name, value in several:
        time += passed
        made.append(Reading(time, f"sensor/{name}/t", value))
    rows, _ = pages(made, every=every, newest=newest, limit=limit)
    grouped = {}
    for each in made:
        grouped.setdefault((each.time // every * every, each.topic), []).append(each.value)
    assert rows == [
        [start, topic, len(values), pytest.approx(sum(values) / len(values)), min(values), max(values)]
        for (start, topic), values in sorted(
            grouped.items(), key=lambda item: (-item[0][0] if newest else item[0][0], item[0][1])
        )
    ]


def test_a_reading_that_is_a_little_late_splits_no_interval_and_a_clock_set_back_does():
    times = (59, 61, 59.5, 62, 10, 11)
    several = [Reading(round(time * S), "t", 1) for time in times]
    assert [row[:3] for row in pages(several, every=60 * S)[0]] == [[0, "t", 1], [60 * S, "t", 3], [0, "t", 2]]
    backwards = [row[:3] for row in pages(several, every=60 * S, newest=True)[0]]
    assert backwards == [[0, "t", 2], [60 * S, "t", 1], [0, "t", 3]]


def test_what_is_no_number_is_in_no_interval_and_a_bool_is_a_share():
    several = [Reading(UNIX, "t", value) for value in (True, False, "open", None, True)]
    assert pages(several, every=S)[0] == [[UNIX, "t", 3, pytest.approx(2 / 3), 0, 1]]


def test_an_interval_with_more_topics_than_an_answer_holds_is_refused():
    several = [Reading(UNIX, f"t/{i}", 1.0) for i in range(2000)]
    with pytest.raises(InvalidError, match="topic: an interval has 2000 topics"):
        pages(several, every=S)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"topic": "a/#/b"}, "topic: 'a/#/b' is no filter"),
        ({"topic": 3}, "topic: 3 is no filter"),
        ({"order": "sideways"}, "order: must be oldest or newest"),
        ({"limit": 0}, "limit: must be a whole number from 1 to 5000, not 0"),
        ({"limit": True}, "limit: must be a whole number"),
        ({"every": "soon"}, "every: 'soon' is not a duration"),
        ({"since": 1.5}, "since: must be nanoseconds"),
        ({"since": "1"}, "since: '1' is not a duration"),
        ({"at": -1}, "at: must be a whole number"),
    ],
)
def test_what_is_wrong_with_a_question_is_said(params, said):
    with pytest.raises(InvalidError, match=said):
        asked(params, UNIX)


def test_a_question_may_say_how_long_ago():
    assert asked({"since": "1h", "until": UNIX, "every": "1m"}, UNIX) == Query(
        since=UNIX - 3600 * S, until=UNIX, every=60 * S
    )


def keeping(folder, bus, **options):
    wanted = {"topics": ["sensor/#"], "limit": MB, "age": DAY, "sync": 3600 * S, "now": lambda: UNIX + DAY, **options}
    return History(bus, folder, **wanted)


@asynccontextmanager
async def running(made):
    task = asyncio.create_task(made.run())
    await until(lambda: made._bus.subscriptions())
    try:
        yield made
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_what_flows_through_the_bus_is_kept_and_answered_before_it_is_written(tmp_path):
    bus = Bus()
    async with running(keeping(tmp_path, bus, topics=["sensor/#", "sensor/a/+"])) as made:
        for i in range(3):
            bus.emit("sensor/a/t", i / 2, timestamp=UNIX + i, source="a.t")
        bus.emit("kv/x", 1, timestamp=UNIX)
        document = await made.query({"topic": "sensor/+/t"})
        assert document == {
            "columns": ["time", "topic", "value"],
            "topics": ["sensor/a/t"],
            "rows": [[UNIX, 0, 0.0], [UNIX + 1, 0, 0.5], [UNIX + 2, 0, 1.0]],
            "next": None,
        }
        stats = await made.stats({})
        assert (stats["waiting"], stats["readings"], stats["segments"]) == (3, 0, 0)
        assert list(tmp_path.iterdir()) == []
    again = keeping(tmp_path, Bus())
    assert await again.query({}) == document
    stats = await again.stats({})
    assert (stats["readings"], stats["earliest"], stats["latest"]) == (3, UNIX, UNIX + 2)


async def test_pages_go_on_where_the_one_before_ended_while_more_comes_and_is_written(tmp_path):
    bus = Bus()
    async with running(keeping(tmp_path, bus)) as made:
        for i in range(5000):
            bus.emit("sensor/a/t", float(i), timestamp=UNIX + i)
            if i % 1024 == 1023:
                await until(lambda: not made._waiting)
        found, at = [], None
        while at is not None or not found:
            page = await made.query({"limit": 700} if at is None else {"limit": 700, "at": at})
            found += [row[2] for row in page["rows"]]
            at = page["next"]
            bus.emit("sensor/b/t", 0.5, timestamp=UNIX)
        assert [value for value in found if value != 0.5] == [float(i) for i in range(5000)]
        newest = await made.query({"topic": "sensor/a/t", "order": "newest", "limit": 2})
        assert [row[2] for row in newest["rows"]] == [4999, 4998]


async def test_writes_are_gathered_and_cost_what_is_said(tmp_path):
    """A node with ten channels that are read each ten seconds, written each minute: for an hour."""
    bus = Bus()
    made = keeping(tmp_path, bus)
    for minute in range(60):
        for tick in range(6):
            for channel in range(10):
                time = UNIX + (minute * 60 + tick * 10) * S + channel * 1_234_567
                made.keep(bus_event(f"sensor/s{channel // 3}/c{channel}", 20.0 + channel / 7 + tick, time))
        await made._write()
    written = (await made.stats({}))["written"]
    assert (written["readings"], written["syncs"]) == (3600, 61)
    assert written["bytes_per_reading"] == 17.0


def bus_event(topic, value, time):
    events = []
    bus = Bus()
    bus.subscribe("#", events.append)
    bus.emit(topic, value, timestamp=time)
    return events[0]


@pytest.mark.parametrize("value", [object(), "x" * 2000, 1 << 70, {"a": {1: object()}}])
async def test_what_has_no_place_is_counted_and_nothing_breaks(tmp_path, value):
    made = keeping(tmp_path, Bus())
    made.keep(bus_event("sensor/a/t", value, UNIX))
    made.keep(bus_event("sensor/" + "a" * 300, 1, UNIX))
    made.keep(bus_event("sensor/a/t", {"door": [True, None, b"x"]}, UNIX))
    assert (await made.stats({}))["refused"] == 2
    assert (await made.query({}))["rows"] == [[UNIX, 0, {"door": [True, None, b"x"]}]]


@pytest.mark.parametrize("depth", range(12, 18))
async def test_whatever_is_taken_can_be_written(tmp_path, depth):
    made, value = keeping(tmp_path, Bus()), 1
    for _ in range(depth):
        value = [value]
    for each in (value, 2**64 - 1, -(2**64), 2**64, float("nan"), float("-inf"), "\ud800", b"", None):
        made.keep(bus_event("sensor/a/t", each, UNIX))
    made.keep(bus_event("sensor/a/t", 1, 2**63 - 1))
    made.keep(bus_event("sensor/a/t", 1, -(2**63)))
    await made._write()
    stats = await made.stats({})
    assert (stats["refused"], stats["readings"]) == ((3, 8) if depth > 14 else (2, 9))
    assert len((await made.query({}))["rows"]) == stats["readings"]


async def test_a_value_that_its_sender_changes_later_is_kept_as_it_was(tmp_path):
    made, value = keeping(tmp_path, Bus()), {"doors": [1]}
    made.keep(bus_event("sensor/a/t", value, UNIX))
    value["doors"].append(2)
    assert (await made.query({}))["rows"] == [[UNIX, 0, {"doors": [1]}]]


async def test_while_the_disk_fails_readings_wait_up_to_a_bound_and_are_written_later(tmp_path, monkeypatch):
    bus = Bus()
    monkeypatch.setattr(history_, "_WAITING", 100)
    made = keeping(tmp_path, bus)
    with monkeypatch.context() as patch:

        def failing(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(os, "pwrite", failing)
        for i in range(150):
            made.keep(bus_event("sensor/a/t", float(i), UNIX + i))
        await made._write()
        stats = await made.stats({})
        assert (stats["error"], stats["waiting"], stats["lost"]) == ("No space left on device", 100, 50)
    await made._write()
    stats = await made.stats({})
    assert (stats["error"], stats["waiting"], stats["lost"], stats["readings"]) == ("", 0, 50, 100)
    assert [row[2] for row in (await made.query({}))["rows"]] == [float(i) for i in range(50, 150)]


def test_a_question_about_much_holds_little(tmp_path):
    made = store(tmp_path, limit=16 * MB)
    for i in range(0, 48_000, 1000):
        made.append(readings(1000, begin=UNIX + i * S))
    tracemalloc.start()
    page = Page(Query(every=3600 * S)).fill(made.blocks(at=None, newest=False, since=None, until=None)).document()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(row[2] for row in page["rows"]) == 48_000
    assert peak < MB / 2, "a block or two, of 48"


def test_a_folder_that_cannot_be_used_is_said_at_the_start(tmp_path):
    (tmp_path / "h").write_text("a file")
    with pytest.raises(InvalidError, match="h: no history can be kept here"):
        keeping(tmp_path / "h", Bus())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('topics = ["a/#/b"]', "node.toml: history: topics has 'a/#/b', which is no filter"),
        ("topics = []", "history: topics names none"),
        ("bytes = 1000", "history: bytes is 256KiB or more, not 1000"),
        (
            'bytes = "16XB"',
            "node.toml: history.bytes: '16XB' is not a size: write a number with kB, MB or GB, as in 64MB",
        ),
        ("bytes = true", "history.bytes: True is not a size"),
        ('age = "0s"', "history: age and sync are times above 0"),
        ('keep = "7d"', "history.keep: unknown key"),
    ],
)
def test_what_is_wrong_with_the_configuration_is_said(tmp_path, text, said):
    (tmp_path / "node.toml").write_text(f'[node]\nname = "n"\n[history]\n{text}\n')
    with pytest.raises(InvalidError, match=said):
        config.load(tmp_path / "node.toml")


@pytest.mark.parametrize(("written", "size"), [('"16MB"', 16_000_000), ('"1.5 GiB"', 1536 << 20), ("262144", 262144)])
def test_the_size_of_a_history_is_written_as_people_do_or_in_bytes(tmp_path, written, size):
    (tmp_path / "node.toml").write_text(f'[node]\nname = "n"\n[history]\nbytes = {written}\n')
    section = config.load(tmp_path / "node.toml").history
    assert section is not None
    assert section.bytes == size
