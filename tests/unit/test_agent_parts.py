# SPDX-License-Identifier: GPL-3.0-or-later
"""Small parts of the agent: files on the flash, the crash record, the log, the watchdog, the Wi-Fi."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion_agent import agent, crash, flash, sensors, store, update
from ganglion_agent.clock import Clock
from ganglion_agent.config import read
from ganglion_agent.log import LETTERS, LINES, Log
from ganglion_agent.methods import load_all
from ganglion_agent.section import Section
from ganglion_agent.signer import Signer
from ganglion_agent.slots import FAILURES
from ganglion_agent.store import Store
from ganglion_agent.watchdog import HungError, Watchdog, keep_fed
from ganglion_agent.wifi import MAX_PAUSE, Wifi
from ganglion_micro.leaf_key import LeafKey


class Ticks:
    """MicroPython's `time`, whose milliseconds wrap at 2^30."""

    def __init__(self) -> None:
        self.now = 2**30 - 5

    def ticks_ms(self) -> int:
        return self.now

    @staticmethod
    def ticks_diff(end: int, start: int) -> int:
        return (end - start + 2**29) % 2**30 - 2**29


def test_the_clock_goes_on_where_ticks_wrap() -> None:
    ticks = Ticks()
    clock = Clock(ticks)
    ticks.now = 7
    assert clock.ms() == 12
    assert clock.now() == 12_000_000


# Boots


@pytest.mark.parametrize(
    ("files", "count"),
    [({}, 1), ({"boots": "7"}, 8), ({"boots": "7", "boots.new": ""}, 8), ({"boots.new": "9", "boots": "8"}, 10)],
)
def test_boots_are_counted_wherever_the_power_failed(tmp_path: Path, files: dict[str, str], count: int) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert [flash.boots(str(tmp_path / "boots")) for _ in range(2)] == [count, count + 1]


def test_a_count_that_is_lost_is_said(tmp_path: Path) -> None:
    (tmp_path / "boots").write_text("x")
    with pytest.raises(ValueError, match="write the boots that `ganglion leaf list` shows"):
        flash.boots(str(tmp_path / "boots"))


def test_a_file_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "it")
    flash.replace(path, b"old")

    def fails(old: str, new: str) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(os, "rename", fails)
    with pytest.raises(OSError, match="full"):
        flash.replace(path, b"new")
    assert flash.read(path) == b"old"


def test_a_file_that_cannot_be_read_is_not_taken_for_none(tmp_path: Path) -> None:
    folder = tmp_path / "it"
    folder.mkdir()  # reading it is an error of the flash, as far as anybody here can tell
    with pytest.raises(OSError, match="irectory"):
        flash.read(str(folder))
    with pytest.raises(OSError, match="irectory"):
        Signer(str(folder), lambda: None)
    with pytest.raises(OSError, match="irectory"):
        flash.boots(str(folder))
    assert crash.last(str(folder)) is None, "a crash is said all the same"
    assert flash.read(str(tmp_path / "none")) is None


# Crashes


def broken(depth: int) -> None:
    if depth:
        broken(depth - 1)
    raise RuntimeError("it broke")


def test_a_crash_is_kept_with_the_end_of_its_traceback(tmp_path: Path) -> None:
    path = str(tmp_path / "crash")
    with pytest.raises(RuntimeError) as caught:
        broken(200)
    found = crash.record(path, caught.value, 3, 5)
    assert crash.last(path) == found
    assert found["error"].endswith("RuntimeError: it broke")
    assert len(found["error"]) <= crash.LETTERS
    assert (found["boot"], found["row"], found["told"]) == (3, 1, False)
    crash.told(path)
    assert crash.last(path) == {**found, "told": True}


def test_crashes_in_a_row_are_counted_and_a_steady_boot_ends_the_row(tmp_path: Path) -> None:
    path = str(tmp_path / "crash")
    rows = [crash.record(path, ValueError(), boot, seconds)["row"] for boot, seconds in [(1, 9), (2, 9), (3, 9)]]
    rows += [crash.record(path, ValueError(), boot, seconds)["row"] for boot, seconds in [(4, 60), (6, 9)]]
    assert rows == [1, 2, 3, 1, 1]
    assert [crash.pause(row) for row in (1, 2, 3, 9, 999)] == [1, 4, 8, crash.MAX_PAUSE, crash.MAX_PAUSE]


def test_those_in_a_row_are_one_versions(tmp_path: Path) -> None:
    path = str(tmp_path / "crash")
    rows = [crash.record(path, ValueError(), boot, 9, slot)["row"] for boot, slot in [(1, "b"), (2, "b"), (3, "a")]]
    assert rows == [1, 2, 1], "what was rejected does not make what is gone back to wait"
    assert [crash.row_before(path, 4, slot) for slot in "ab"] == [1, 0]


PLAN = """
version: "2.2"
dialect: edge/1
name: shade
triggers: [{id: go, event: local/go, run: tell}]
protocols: [{name: tell, steps: [{id: tell, action: publish, topic: alert/it, value: 1}]}]
"""


@pytest.fixture
def leaf(tmp_path: Path) -> Iterator[Callable[[int, str], agent.Agent]]:
    """Makes an agent for a boot, of the version in a slot, with the script `shade` on its flash."""
    config = {"name": "garden", "uplink": {"kind": "none"}, "parent": {"host": "127.0.0.1", "port": 9}}
    (tmp_path / "agent.json").write_text(json.dumps(config))
    (tmp_path / "leaf.key").write_text(LeafKey(bytes(8), bytes(32)).text())
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "shade.plan").write_bytes(compile(load(PLAN, file="shade.yaml")).encode())
    folder = f"{tmp_path}/"
    made: list[agent.Agent] = []

    def make(boot: int, slot: str) -> agent.Agent:
        made.append(agent.Agent(read(folder), folder, boot, slot))
        return made[-1]

    yield make
    for each in made:
        each._way.close()


def test_scripts_wait_after_crashes_until_the_boot_is_steady(
    leaf: Callable[[int, str], agent.Agent], tmp_path: Path
) -> None:
    for boot in (1, 2):
        crash.record(str(tmp_path / "crash"), ValueError(), boot, 9, "b")
    held = leaf(3, "b")
    said = held.methods.table()
    held.turn(59_000, 20)
    assert said["scripts.list"]({}) == {"scripts": []}
    assert "error scripts wait" in held.log.lines[0]
    held.turn(60_000, 20)
    assert [each["name"] for each in said["scripts.list"]({})["scripts"]] == ["shade"]
    assert "shade" in leaf(3, "a").device.runner.scripts, "another version has not crashed"


def test_that_no_timer_is_free_does_not_hide_what_ended_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "machine", SimpleNamespace())
    keep_fed(None)

    def timer(number: int) -> Any:
        raise TypeError(number)

    monkeypatch.setitem(sys.modules, "machine", SimpleNamespace(Timer=timer))
    keep_fed(None)


def test_scripts_are_left_alone_before_another_version_is_tried(tmp_path: Path) -> None:
    rows = [crash.record(str(tmp_path / "crash"), ValueError(), boot, 9)["row"] for boot in range(1, FAILURES)]
    assert rows[-1] >= agent._WITHOUT_SCRIPTS, "the last boot that the version has is one without scripts"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"row": "x"}', "\xff"])
def test_a_record_that_is_damaged_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "crash"
    path.write_bytes(text.encode("latin-1"))
    assert crash.last(str(path)) is None
    crash.told(str(path))


# The log


def test_the_log_has_the_last_lines_and_says_as_many_as_fit(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log()
    for i in range(LINES + 3):
        log.add(i, "info", "x" * 200)
    assert len(log.lines) == LINES
    assert {len(line) for line in log.lines} == {LETTERS}
    assert log.last(10, 400) == log.lines[-2:]
    assert log.last(0, 400) == []
    assert log.since(0, 400) == (log.lines[:2], 5)
    assert log.since(5, 400) == (log.lines[2:4], 7)
    assert log.since(LINES + 2, 400) == (log.lines[-1:], LINES + 3)
    assert log.since(LINES + 3, 400) == ([], LINES + 3)
    assert log.since(LINES + 9, 400) == (log.lines[:2], 5), "another boot had more"
    assert capsys.readouterr().out.count("\n") == LINES + 3


# The watchdog


class Hardware:
    fed = 0

    def feed(self) -> None:
        self.fed += 1


def test_the_hardware_is_fed_while_every_part_is_alive() -> None:
    hardware = Hardware()
    watchdog = Watchdog(hardware)
    watchdog.feed(0)
    watchdog.expect("wifi", 1000, 0)
    watchdog.feed(1000)
    watchdog.alive("wifi", 1500)
    watchdog.feed(2500)
    with pytest.raises(HungError, match="wifi has not gone on for 1001 ms"):
        watchdog.feed(2501)
    assert hardware.fed == 3
    Watchdog().feed(0)


# Scripts on the flash


def test_a_plan_that_comes_in_pieces_is_kept_when_it_loads(tmp_path: Path) -> None:
    kept = Store(f"{tmp_path}/scripts/")
    loaded: list[bytes] = []
    data = bytes(range(256)) * 4
    assert kept.names() == []
    assert kept.put("shade", 0, 1024, data[:480], loaded.append) == {"at": 480}
    assert kept.put("shade", 0, 1024, data[:480], loaded.append) == {"at": 480}, "from the beginning"
    again = Store(f"{tmp_path}/scripts/")  # the power has failed between
    assert again.put("shade", 960, 1024, data[960:], loaded.append) == {"at": 480}, "that was lost"
    assert again.put("shade", 480, 1024, data[480:960], loaded.append) == {"at": 960}
    assert again.put("shade", 480, 1024, data[480:960], loaded.append) == {"at": 960}, "a copy changes nothing"
    assert (again.names(), loaded) == ([], [])
    assert again.put("shade", 960, 1024, data[960:], loaded.append) == {"at": 1024, "done": True}
    assert (again.names(), loaded, again.read("shade")) == (["shade"], [data], data)
    assert again.remove("shade")
    assert not again.remove("shade")


def test_a_plan_that_does_not_load_leaves_the_one_before(tmp_path: Path) -> None:
    kept = Store(f"{tmp_path}/scripts/")
    kept.put("shade", 0, 3, b"old", lambda data: None)

    def refuses(data: bytes) -> None:
        raise ValueError("no plan")

    with pytest.raises(ValueError, match="no plan"):
        kept.put("shade", 0, 3, b"new", refuses)
    assert kept.read("shade") == b"old"
    assert [path.name for path in (tmp_path / "scripts").iterdir()] == ["shade.plan"]


def test_one_plan_comes_at_a_time_and_is_removed_half_as_well_as_whole(tmp_path: Path) -> None:
    kept = Store(f"{tmp_path}/scripts/")
    for name in ("shade", "light"):
        kept.put(name, 0, 6, b"abc", lambda data: None)
    assert [path.name for path in (tmp_path / "scripts").iterdir()] == ["light.part"]
    assert kept.remove("light")
    assert list((tmp_path / "scripts").iterdir()) == []


def test_plans_leave_room_for_the_rest_of_the_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Store(f"{tmp_path}/scripts/")
    for i in range(store.MOST):
        kept.put(f"s{i}", 0, 3, b"abc", lambda data: None)
    with pytest.raises(ValueError, match="no room: remove a script"):
        kept.put("more", 0, 3, b"abc", lambda data: None)
    assert kept.put("s3", 0, 3, b"new", lambda data: None)["done"], "in place of another"
    assert store.SPARE == update.SPARE
    for free, done in ((store.SPARE, False), (store.SPARE + 1, True)):
        monkeypatch.setattr(os, "statvfs", lambda path, free=free: (4096, 4096, 100, free))
        if done:
            kept.put("s3", 0, 3, b"new", lambda data: None)
        else:
            with pytest.raises(ValueError, match="no room"):
                kept.put("s3", 0, 3, b"new", lambda data: None)


def test_a_plan_that_the_flash_does_not_give_back_leaves_the_others(tmp_path: Path) -> None:
    (tmp_path / "b.plan").mkdir()
    (tmp_path / "a.plan").write_bytes(b"no plan")
    ran, said = [], []
    device = SimpleNamespace(
        scripts=lambda: SimpleNamespace(load=lambda data, now: ran.append(data)),
        now=lambda: 0,
        log=lambda level, line: said.append(line),
    )
    load_all(device, Store(f"{tmp_path}/"))
    assert ran == [b"no plan"]
    assert [line.split(":")[0] for line in said] == ["the script b does not run"]


@pytest.mark.parametrize("name", ["", "../boots", "a/b", "x" * 33, "a.plan", None, 3, "ї"])
def test_a_name_is_no_path(tmp_path: Path, name: Any) -> None:
    kept = Store(f"{tmp_path}/scripts/")
    with pytest.raises(ValueError, match="is no name: 1 to 32 of a-z"):
        kept.put(name, 0, 3, b"abc", lambda data: None)
    assert not kept.remove(name)


@pytest.mark.parametrize(("at", "size"), [(-1, 3), (0, 0), (4, 3), (0, store.MAX_SIZE + 1), ("0", 3), (None, None)])
def test_sizes_are_bounded(tmp_path: Path, at: Any, size: Any) -> None:
    with pytest.raises(ValueError, match="a plan has 1 to"):
        Store(f"{tmp_path}/").put("x", at, size, b"", lambda data: None)


def test_a_piece_is_bytes_or_base64() -> None:
    assert store.piece(b"\x00") == b"\x00"
    assert store.piece(base64.b64encode(b"\xff\xfe\x00").decode()) == b"\xff\xfe\x00"
    for wrong in (None, 3, "A"):
        with pytest.raises(ValueError, match="must be bytes, or base64"):
            store.piece(wrong)


# Wi-Fi


class Station:
    """A radio that reaches its Wi-Fi at times."""

    def __init__(self, there: list[bool]) -> None:
        self.there = there
        self.calls: list[str] = []

    def active(self, on: bool) -> None:
        self.calls.append(f"active {on}")

    def connect(self, ssid: str, password: str) -> None:
        self.calls.append(f"connect {ssid}")
        if len(self.calls) == 2:
            raise OSError("Wifi Internal Error")

    def disconnect(self) -> None:
        pass

    def isconnected(self) -> bool:
        return self.there.pop(0)

    def ifconfig(self) -> tuple[str, ...]:
        return ("192.0.2.7", "", "", "")


def test_a_station_joins_again_after_longer_and_longer_pauses() -> None:
    tries = 9
    station = Station([False] * 16 * (tries - 1) + [True, True, True, False])
    said: list[str] = []
    waited = alive = 0

    def lives() -> None:
        nonlocal alive
        alive += 1

    async def sleep(seconds: float) -> None:
        nonlocal waited
        waited += 1

    wifi = Wifi(station, "farm", "secret", lambda level, message: said.append(message), lives, sleep)
    with pytest.raises(IndexError):
        asyncio.run(wifi.run())
    assert station.calls.count("connect farm") == tries + 1 + 1
    pauses = [int(message.split()[-2]) for message in said if "not to be had" in message]
    assert pauses == [1, 2, 4, 8, 16, 32, MAX_PAUSE, MAX_PAUSE, MAX_PAUSE]
    assert "in the Wi-Fi farm as 192.0.2.7" in said
    assert "the Wi-Fi farm is lost" in said
    assert alive == waited
    assert not any("secret" in message for message in said)


@pytest.mark.parametrize(("platform", "pin", "taken"), [("rp2", 26, "a pin"), ("esp8266", "A0", 0)])
def test_a_voltage_is_measured_as_the_chip_has_it(
    monkeypatch: pytest.MonkeyPatch, platform: str, pin: int | str, taken: Any
) -> None:
    taking: list[Any] = []

    def converter(on: Any) -> Any:
        taking.append(on)
        return SimpleNamespace(read_u16=lambda: 0x8000)

    monkeypatch.setitem(sys.modules, "machine", SimpleNamespace(ADC=converter, Pin=lambda number: "a pin"))
    monkeypatch.setattr(sensors, "platform", platform)
    make, units = sensors.maker(Section("soil", {"driver": "adc", "pin": pin, "scale": 200, "unit": "%"}), print)
    assert make().sample() == {"": pytest.approx(100, abs=0.01)}
    assert (taking, units) == ([taken], {"": "%"})
