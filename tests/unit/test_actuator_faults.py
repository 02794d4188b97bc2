# SPDX-License-Identifier: GPL-3.0-or-later
"""Actuators whose hardware fails in ways that nobody planned for: nothing is believed, and nobody is left unwatched."""

import errno
import itertools
import json
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ganglion import extras
from ganglion.errors import InvalidError
from ganglion.guardian import Actuators, Effect, Rule, memory, times, watchdog
from ganglion.guardian.actuator import Actuator, build
from ganglion.guardian.failure import why
from ganglion.guardian.file import File
from ganglion.guardian.raw import FileWrite, Raw
from ganglion.guardian.restriction import Restriction, Side
from ganglion.guardian.watchdog import Watchdog
from ganglion.mesh import files
from ganglion.sensors.i2c import LinuxI2C
from ganglion_micro.limits import Limits
from support.waiting import until_answered

S = 1_000_000_000


class Lamp:
    """Fails as it is told."""

    def __init__(self) -> None:
        self.fails: Exception | None = None
        self.value: Any = None

    def write(self, value: Any) -> None:
        if self.fails is not None:
            raise self.fails
        self.value = value

    def read(self) -> Any:
        return self.value

    def forget(self) -> None:
        """It knows nothing by heart."""

    def raw(self, value: Any) -> Sequence[Raw]:
        if self.fails is not None:
            raise OSError("not there yet")
        return [FileWrite(path="/dev/null", data=b"0")]


class Watched(Watchdog):
    """Keeps what it is told to watch; starts nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.watched: list[int] = []
        self.left: list[bool] = []

    def watch(self, writes: Any) -> None:
        self.watched.append(len(list(writes)))

    def beat(self) -> bool:
        return False

    def leave(self, *, done: bool) -> None:
        self.left.append(done)
        super().leave(done=done)


class Time:
    ns = 0

    def __call__(self) -> int:
        return self.ns


def actuators(tmp_path: Path, lamp: Lamp, clock: Time) -> tuple[Actuators, Watched]:
    watched = Watched(tmp_path / "lock")
    made = Actuators(
        {"lamp": Actuator(name="lamp", driver=lamp, rule=Rule(limits=Limits()))}, monotonic=clock, watchdog=watched
    )
    return made, watched


async def test_whose_first_write_fails_is_watched_once_it_can_be_written(tmp_path: Path) -> None:
    lamp, clock = Lamp(), Time()
    lamp.fails = OSError("busy")
    made, watched = actuators(tmp_path, lamp, clock)
    await made.start()
    assert watched.watched == [0]
    lamp.fails = None
    clock.ns += 2_000_000_000
    await made.tick()
    assert watched.watched == [0, 1]
    await made.tick()
    assert watched.watched == [0, 1], "and once is enough"
    await made.stop()
    assert watched.left == [True]


async def test_an_error_that_no_driver_should_raise_is_a_write_that_failed(tmp_path: Path) -> None:
    lamp, clock = Lamp(), Time()
    made, watched = actuators(tmp_path, lamp, clock)
    await made.start()
    lamp.fails = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
    decision = await made.actuate("lamp", True, owner="me")
    assert not decision.accepted
    assert "UnicodeDecodeError" in decision.reason
    assert not made.status()[0].certain
    await made.stop()
    assert watched.left == [False]


def test_a_watchdog_that_could_not_be_started_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Watchdog(tmp_path / "lock")
    made.take_over()
    monkeypatch.setattr(watchdog, "command", lambda: ["/nowhere/watchdog"])
    made.watch([FileWrite(path="/dev/null", data=b"0")])
    assert not made.beat()
    monkeypatch.undo()
    while not watchdog.running(tmp_path / "lock"):
        assert not made.beat()
    made.leave(done=True)


def test_a_watchdog_that_ends_again_and_again_is_tried_less_and_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now, starts = [0.0], []

    def command() -> list[str]:
        starts.append(now[0])
        return ["/bin/false"]

    monkeypatch.setattr(watchdog, "command", command)
    monkeypatch.setattr(watchdog.time, "monotonic", lambda: now[0])
    made = Watchdog(tmp_path / "lock")
    made.take_over()
    made.watch([FileWrite(path="/dev/null", data=b"0")])
    for _ in range(200):
        if made._process is not None:
            made._process.wait()
        made.beat()
        now[0] += 1
    between = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert between == sorted(between), "it waits longer and longer"
    assert 60 <= between[-1] < 65
    assert len(caplog.records) < 4, "it is said once"
    monkeypatch.setattr(watchdog, "command", lambda: [sys.executable, "-c", "input()"])
    now[0] += 200
    made.beat()
    assert made._process is not None
    assert made._process.poll() is None
    made._process.kill()
    made.leave(done=True)


def three(tmp_path: Path, clock: Time) -> tuple[Actuators, dict[str, Lamp]]:
    """A pump whose switching times are kept, a siren, and a lamp that is off where nobody holds it."""
    rules = {"pump": Limits(min_off=5 * S), "siren": Limits(max_on=S), "lamp": Limits()}
    lamps = {name: Lamp() for name in rules}
    made = {name: Actuator(name=name, driver=lamps[name], rule=Rule(limits=each)) for name, each in rules.items()}
    return Actuators(made, path=tmp_path / "actuators.json", monotonic=clock), lamps


async def test_a_disk_that_hangs_keeps_the_guardian_from_nothing_but_what_it_must_note_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock, answers, saves = Time(), threading.Event(), []

    def save(*words: Any, **more: Any) -> None:
        saves.append(clock.ns)
        answers.wait()
        kept(*words, **more)

    made, lamps = three(tmp_path, clock)
    await made.start()
    kept = memory.save
    monkeypatch.setattr(memory, "save", save)
    monkeypatch.setattr(times, "_PATIENCE", 0.05)
    clock.ns = 10 * S
    assert (await made.actuate("siren", True, owner="me")).accepted
    assert (await made.actuate("lamp", True, owner="me")).accepted
    assert saves == [], "these have no times to keep"
    for _ in range(3):
        refused = await made.actuate("pump", True, owner="me")
        assert (refused.accepted, refused.value) == (False, False)
        assert "actuators.json before, whose disk hangs" in refused.reason
        assert lamps["pump"].value is False
    assert saves == [10 * S], "the others do not wait for it"
    assert caplog.text.count("see whether its disk hangs") == 1
    clock.ns = 12 * S
    await made.tick()
    assert lamps["siren"].value is False, "max_on"
    assert {each.id: each.holder for each in made.status()} == {"lamp": "me", "pump": "", "siren": ""}
    monkeypatch.setattr(times, "_PATIENCE", 60)
    answers.set()

    async def on() -> bool:
        return (await made.actuate("pump", True, owner="me")).accepted

    await until_answered(on)
    assert json.loads((tmp_path / "actuators.json").read_text())["actuators"]["pump"]["value"] is True
    await made.stop()


async def test_what_can_be_neither_noted_nor_forgotten_does_not_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a disk that Linux has made read-only: what the file says would let the pump go on too early."""
    clock = Time()
    made, lamps = three(tmp_path, clock)
    await made.start()
    clock.ns = 10 * S

    def fails(*words: Any, **more: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(files, "write", fails)
    with monkeypatch.context() as also:
        also.setattr(files, "remove", fails)
        refused = await made.actuate("pump", True, owner="me")
        assert not refused.accepted
        assert refused.reason.endswith(
            "cannot be written ([Errno 30] Read-only file system), nor removed (Read-only file system): see what its "
            "disk has"
        )
        assert lamps["pump"].value is False
    for value in (True, False):
        clock.ns += 10 * S
        assert (await made.actuate("pump", value, owner="me")).accepted
    assert not (tmp_path / "actuators.json").exists(), "better to know nothing"
    assert caplog.text.count("minimum times begin anew") == 1
    await made.stop()


def both(tmp_path: Path, one: dict[str, Any], other: dict[str, Any]) -> None:
    Actuators.from_tables({"one": one, "other": other}, resolve=lambda name: tmp_path / name)


def test_one_thing_is_not_two_actuators(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "lamp")
    with pytest.raises(InvalidError, match=r"actuator\.other\.path: .*link is another actuator's"):
        both(tmp_path, {"driver": "file", "path": "lamp"}, {"driver": "file", "path": "link", "max_on": "1s"})
    chip = {"driver": "pca9685", "bus": "sim", "channel": 3}
    with pytest.raises(InvalidError, match=r"actuator\.other\.channel: channel 3 is another actuator's"):
        both(tmp_path, chip, chip)
    chip |= {"bus": "/dev/i2c-1"}
    with pytest.raises(InvalidError, match=r"actuator\.other\.channel: channel 3 is another actuator's"):
        both(tmp_path, chip, chip | {"bus": "/dev/./i2c-1"})
    port = {"driver": "pcf8574", "bus": "/dev/i2c-1", "pin": 3}
    with pytest.raises(InvalidError, match=r"actuator\.other\.pin: pin 3 is another actuator's"):
        both(tmp_path, port, port | {"bus": "/dev/./i2c-1"})
    with pytest.raises(InvalidError, match=r"actuator\.other\.line: line 3 of /dev/\./gpiochip0 is another actuator's"):
        both(tmp_path, {"driver": "gpio", "line": 3}, {"driver": "gpio", "chip": "/dev/./gpiochip0", "line": 3})
    with pytest.raises(InvalidError, match=r"actuator\.other\.channel: channel 0 of .* is another actuator's"):
        both(tmp_path, {"driver": "pwm", "chip": "pwm"}, {"driver": "pwm", "chip": "./pwm"})


LIMIT = Restriction(where={"driver": "gpio", "line": 17}, max_on=1_000_000_000)


@pytest.mark.parametrize(
    ("line", "limit", "says"),
    [
        ("GPIO17", LIMIT, "name it by its number"),
        ("17", LIMIT, "name it by its number"),
        ("17", Restriction(where={"name": "fan"}), "a line's number is written without quotes"),
        (17, Restriction(where={"driver": "gpio", "lien": 17}), "by 'lien'; did you mean \"line\""),
        (
            17,
            Restriction(where={"line": "PUMP", "driver": "gpio"}),
            "has line 'PUMP': name it by its name, too",
        ),
    ],
)
def test_no_spelling_goes_around_a_boards_limit(line: Any, limit: Restriction, says: str) -> None:
    table = {"driver": "gpio", "line": line}
    with pytest.raises(InvalidError, match=says):
        build("pump", table, sides=[Side("board mine", [limit])])


@pytest.mark.parametrize(
    ("table", "limit"),
    [
        ({"driver": "gpio", "line": 3, "chip": "/dev/./gpiochip0"}, {"chip": "/dev/gpiochip0"}),
        ({"driver": "gpio", "line": 3, "chip": "/dev/gpiochip0"}, {"chip": "/dev/shm/../gpiochip0", "line": 3}),
        ({"driver": "gpio", "line": 3, "chip": "/dev/gpio-not-plugged-in"}, {"chip": "/dev/gpiochip0"}),
        ({"driver": "pcf8574", "bus": "/dev//i2c-1", "pin": 3}, {"bus": "/dev/i2c-1", "pin": 3}),
        ({"driver": "file", "path": "linked"}, {"path": "lamp"}),
    ],
)
def test_a_limit_finds_what_is_named_by_another_path(
    tmp_path: Path, table: dict[str, Any], limit: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "is_there", lambda name: True)
    (tmp_path / "linked").symlink_to(tmp_path / "lamp")
    sides = [Side("board mine", [Restriction(where=limit, max_on=S)])]
    lamp = build("lamp", table, sides=sides, resolve=lambda name: tmp_path / name)
    assert lamp.rule.limits.max_on == S
    assert build("lamp", table, resolve=lambda name: tmp_path / name).under(sides[0]).limits.max_on == S


@pytest.mark.parametrize(
    "limit",
    [{"line": "PUMP", "chip": "/dev/gpiochip1"}, {"chip": "/dev/gpio-not-plugged-in"}, {"name": "fan", "line": "PUMP"}],
)
def test_a_limit_of_another_chip_is_no_obstacle(limit: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "is_there", lambda name: True)
    sides = [Side("board mine", [Restriction(where=limit, max_on=S)])]
    assert build("lamp", {"driver": "gpio", "line": 3}, sides=sides).rule.limits.max_on is None


@pytest.mark.parametrize(
    ("value", "says"), [(1234567.0, "1234567"), (999999.6, "999999.6"), (0.5, "0.5"), (-2.0, "-2")]
)
def test_a_number_is_written_as_it_is(tmp_path: Path, value: float, says: str) -> None:
    lamp = File(tmp_path / "lamp", {})
    lamp.write(value)
    assert (tmp_path / "lamp").read_text() == says + "\n"
    assert lamp.read() == value


def test_a_number_beyond_all_floats_is_refused_as_any_other() -> None:
    assert "must be 0 to 1" in Limits(low=0, high=1).misfit(10**400)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"driver": "file", "path": "/nowhere/led"}, "/nowhere/led: No such file or directory; make it, "),
        ({"driver": "file", "path": "/dev"}, "/dev: Is a directory; name a file"),
        ({"driver": "gpio", "chip": "/dev/gpiochip99", "line": 3}, "line 3 of /dev/gpiochip99: there is no /dev/gpio"),
        ({"driver": "gpio", "chip": "/dev/null", "line": 3}, "line 3 of /dev/null: /dev/null is no gpiochip: `gpiodet"),
        ({"driver": "pwm", "chip": "/nowhere"}, "channel 0 of /nowhere: No such file or directory: /nowhere/export; "),
        ({"driver": "pcf8574", "bus": "/dev/i2c-99", "pin": 1}, "pin 1 of 0x20 on /dev/i2c-99: there is no /dev/i2c"),
        ({"driver": "pca9685", "bus": "/dev/i2c-99", "channel": 2}, "channel 2 of 0x40 on /dev/i2c-99: there is no /"),
    ],
)
async def test_what_cannot_be_driven_says_what_and_where_and_the_remedy(table: dict[str, Any], says: str) -> None:
    made = Actuators.from_tables({"led": table}, i2c=LinuxI2C)
    await made.start()
    (status,) = made.status()
    assert not status.certain
    assert status.failure.startswith(says)
    decision = await made.actuate("led", True, owner="anna")
    assert (
        decision.reason == f"led: its state is unknown since a write failed ({status.failure}); it is being made safe"
    )
    await made.stop()


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            OSError(errno.EREMOTEIO, "Remote I/O error"),
            "pin 1: Remote I/O error; nothing answers there: look at its power",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "pin 1"),
            "pin 1: Permission denied; add the node's user to",
        ),
        (OSError("pin 1 is bent"), "pin 1 is bent"),
        (OSError("bent"), "pin 1: bent"),
    ],
)
def test_a_failure_names_the_thing_once(error: OSError, says: str) -> None:
    assert why("pin 1", error).startswith(says)


async def test_an_act_that_fails_is_told_once_and_again_when_it_is_done(tmp_path: Path) -> None:
    lamp, clock = Lamp(), Time()
    made, _ = actuators(tmp_path, lamp, clock)
    told: list[tuple[str, str, str]] = []
    made.on_effect = lambda effect, failure: told.append((effect.reason, effect.owner, failure))
    await made.start()
    assert (await made.actuate("lamp", True, owner="anna", for_ns=5)).accepted
    lamp.fails = OSError("the wire is cut")
    for clock.ns in (10, 2 * S, 5 * S):
        await made.tick()
    assert len(told) == 1
    assert told[0][:2] == ("lamp: its owner's command has expired", "anna")
    assert told[0][2].endswith("the wire is cut")
    lamp.fails, clock.ns = None, 60 * S
    await made.tick()
    assert told[1:] == [("lamp: a write to it has failed", "anna", "")]
    await made.stop()
    assert len(told) == 2


async def test_who_is_told_and_fails_keeps_nobody_from_being_made_safe(tmp_path: Path) -> None:
    lamp, clock = Lamp(), Time()
    made, _ = actuators(tmp_path, lamp, clock)

    def fails(effect: Effect, failure: str) -> None:
        raise RuntimeError("the listener is broken")

    made.on_effect = fails
    await made.start()
    await made.actuate("lamp", True, owner="anna", for_ns=5)
    clock.ns = 10
    await made.tick()
    assert lamp.value is False
    await made.stop()
