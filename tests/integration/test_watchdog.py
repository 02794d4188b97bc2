# SPDX-License-Identifier: GPL-3.0-or-later
"""watchdog: a node that is killed, or hangs, leaves its actuators safe; the program and its twin alike."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ganglion.guardian import watchdog
from ganglion.guardian.raw import FileWrite, I2cWrite, LineWrite, PinWrite, joined
from ganglion.guardian.watchdog import PROGRAM, TWIN, Watchdog
from support.node import node
from support.waiting import until

NODE = """
[node]
name = "cellar"
[actuator.pump]
driver = "file"
path = "pump"
[actuator.vent]
driver = "file"
path = "vent"
low = 0
high = 100
fail_safe = 20
[actuator.servo]
driver = "pwm"
chip = "pwmchip0"
channel = 1
period = "20ms"
duty = [0.05, 0.1]
low = 0
high = 180
"""
SCRIPT = """
version: "2.2"
dialect: edge/1
name: cellar
triggers:
  - {id: begin, start: true, run: all_on}
protocols:
  - name: all_on
    steps:
      - {id: pump, action: actuate, actuator: pump, value: true}
      - {id: vent, action: actuate, actuator: vent, value: 80}
      - {id: servo, action: actuate, actuator: servo, value: 90}
      - {id: done, action: end}
"""
COMMANDS = {"program": [str(PROGRAM)], "twin": [sys.executable, "-I", "-S", str(TWIN)]}


@contextmanager
def running(kind, *words, silence=60_000, **more):
    process = subprocess.Popen(
        [*COMMANDS[kind], str(silence), *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        with suppress(BrokenPipeError):
            process.stdin.close()


async def holds(path, text):
    await until(lambda: path.read_text() == text, what=f"{path.name} is {text!r}: it is {path.read_text()!r}")


@pytest.fixture(params=COMMANDS)
def kind(request):
    return request.param


def written(tmp_path, *names):
    paths = [tmp_path / name for name in names]
    for path in paths:
        path.write_text("255\n")
    return paths


def file(path, text="0\n"):
    return ("file", path, text.encode().hex())


def test_when_its_node_is_gone_it_writes_all_in_order_and_ends(kind, tmp_path):
    first, second = written(tmp_path, "first", "second")
    with running(kind, *file(first), *file(second, "20\n")) as process:
        process.stdin.write(b"..")
        process.stdin.flush()
        assert (first.read_text(), second.read_text()) == ("255\n", "255\n")
        process.stdin.close()
        assert process.wait(10) == 0
        assert (first.read_text(), second.read_text()) == ("0\n", "20\n")


def test_when_nothing_is_left_to_do_it_does_nothing(kind, tmp_path):
    (path,) = written(tmp_path, "pump")
    with running(kind, *file(path)) as process:
        process.stdin.write(b".q")
        process.stdin.close()
        assert process.wait(10) == 0
        assert path.read_text() == "255\n"


async def test_when_its_node_is_silent_it_says_so_and_goes_on_waiting(kind, tmp_path):
    (path,) = written(tmp_path, "pump")
    with running(kind, *file(path), silence=300) as process:
        assert process.stdout.read(1) == b"f"
        assert path.read_text() == "0\n"
        path.write_text("255\n")
        process.stdin.write(b".")
        process.stdin.flush()
        assert process.stdout.read(1) == b"f"  # armed again by the heartbeat
        await holds(path, "0\n")
        assert process.poll() is None


def test_what_cannot_be_written_holds_up_nothing_and_is_tried_again(kind, tmp_path):
    (path,) = written(tmp_path, "pump")
    absent, blocked = tmp_path / "absent", tmp_path / "pipe"
    os.mkfifo(blocked)  # whoever opens it for writing waits for a reader, unless he does not
    with running(kind, *file(absent), *file(blocked), *file(path)) as process:
        process.stdin.close()
        while path.read_text() != "0\n":
            assert process.poll() is None
            time.sleep(0.01)
        absent.write_text("255\n")
        with blocked.open("rb") as reader:
            assert reader.read() == b"0\n"
        assert process.wait(10) == 0
        assert absent.read_text() == "0\n"


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_who_stops_all_that_is_around_the_node_does_not_stop_it_before_the_node(kind, tmp_path, sign):
    (path,) = written(tmp_path, "pump")
    with running(kind, *file(path), silence=300) as process:
        assert process.stdout.read(1) == b"f"  # it runs, and has set its signals
        path.write_text("255\n")
        process.send_signal(sign)
        process.stdin.close()
        assert process.wait(10) == 0
        assert path.read_text() == "0\n"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["0"],
        ["x"],
        ["5", "file"],
        ["5", "file", "p"],
        ["5", "disk", "p", "00"],
        ["5", "file", "p", "0"],
        ["5", "pins", "p", "32", "00"],
    ],
)
def test_wrong_arguments_are_refused(kind, words):
    done = subprocess.run([*COMMANDS[kind], *words], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


def pin(number, level, address=0x20):
    bit = 1 << number
    return PinWrite(device="/dev/i2c-1", address=address, pins=bit, levels=bit if level else 0)


def port(pins, levels, address=0x20):
    return PinWrite(device="/dev/i2c-1", address=address, pins=pins, levels=levels)


LAMP = FileWrite(path="lamp", data=b"0\n")


def test_pins_of_one_port_are_written_together_where_nothing_is_between_them():
    assert joined([LAMP, pin(0, False), pin(7, True), pin(3, False), pin(3, False, 0x21)]) == [
        LAMP,
        port(0xFF, 0xF6),
        port(0xFF, 0xF7, 0x21),
    ]
    assert port(0xFF, 0xF6).words == ("i2c", "/dev/i2c-1", "32", "f6")
    assert LineWrite(fd=7, active=True).words == ("gpio", "7", "1")


def test_a_pin_is_written_in_its_place_and_undoes_none():
    """So that what requires one pin, and is elsewhere, goes off before that and after what it is required by itself."""
    channel = I2cWrite(device="/dev/i2c-1", address=0x40, data=b"\x06\0\0\0\x10")
    assert joined([pin(0, False), channel, LAMP, pin(1, True), pin(2, False)]) == [
        port(0xF9, 0xF8),
        channel,
        LAMP,
        port(0xFF, 0xFA),
    ]
    assert port(0xF9, 0xF8).words == ("pins", "/dev/i2c-1", "32", "f9f8")


@pytest.fixture
def cellar(tmp_path):
    (tmp_path / "cellar.yaml").write_text(SCRIPT)
    pwm = tmp_path / "state" / "pwmchip0" / "pwm1"
    pwm.mkdir(parents=True)
    for name in ("period", "duty_cycle", "enable"):
        (pwm / name).write_text("0\n")
    return tmp_path


def values(folder):
    names = ("pump", "vent", "pwmchip0/pwm1/duty_cycle", "pwmchip0/pwm1/enable")
    return [
        (folder / "state" / name).read_text().strip() if (folder / "state" / name).exists() else "" for name in names
    ]


ON = ["1", "80", "1500000", "1"]
SAFE = ["0", "20", "1000000", "1"]
CONFIG = NODE.replace('name = "cellar"', 'name = "cellar"\nscripts = ["cellar.yaml"]')


async def test_a_node_that_is_killed_leaves_all_safe_and_the_next_goes_on(cellar):
    async with node(cellar, CONFIG) as one:
        await until(lambda: values(cellar) == ON)
        one.process.kill()
        await until(lambda: values(cellar) == SAFE, what=f"{values(cellar)} become safe")
    async with node(cellar, CONFIG) as one:
        await until(lambda: values(cellar) == ON)
        one.process.terminate()
        await one.process.wait()
        assert values(cellar) == SAFE


async def test_a_node_that_hangs_is_made_safe_and_knows_it_when_it_goes_on(cellar):
    async with node(cellar, CONFIG) as one:
        await until(lambda: values(cellar) == ON)
        one.process.send_signal(signal.SIGSTOP)
        try:
            await until(lambda: values(cellar) == SAFE, within=watchdog.SILENCE_MS / 1000 + 10)
            (cellar / "state" / "pump").write_text("1\n")  # what only a node that has noticed puts right
        finally:
            one.process.send_signal(signal.SIGCONT)
        await until(lambda: values(cellar) == SAFE, what="the node makes all safe once more")


async def test_a_watchdog_that_dies_is_replaced(cellar):
    def pid():
        return next(iter(watchdog.running(cellar / "state" / "watchdog.lock")), 0)

    async with node(cellar, CONFIG) as one:
        await until(lambda: values(cellar) == ON)
        first = pid()
        os.kill(first, signal.SIGKILL)
        await until(lambda: pid() not in (0, first), what="another watchdog")
        one.process.kill()
        await until(lambda: values(cellar) == SAFE)


def test_the_next_node_ends_a_watchdog_that_still_tries(tmp_path):
    old = Watchdog(tmp_path / "lock")
    old.take_over()
    old.watch([FileWrite(path=str(tmp_path / "absent"), data=b"0\n")])
    left = old._process
    old.leave(done=False)  # as if it were killed: it goes on trying
    assert left.poll() is None
    new = Watchdog(tmp_path / "lock")
    new.take_over()
    assert left.wait(5) == -signal.SIGTERM
    new.leave(done=True)


def test_a_watchdog_is_replaced_by_one_that_is_there_before_it_ends(tmp_path):
    """And nobody waits for it: it hangs here."""
    mine = Watchdog(tmp_path / "lock")
    mine.take_over()
    (path,) = written(tmp_path, "pump")
    mine.watch([FileWrite(path=str(path), data=b"0\n")])
    old = mine._process
    os.kill(old.pid, signal.SIGSTOP)
    mine.watch([FileWrite(path=str(path), data=b"20\n")])
    assert set(watchdog.running(tmp_path / "lock")) == {old.pid, mine._process.pid}
    while old.poll() is None:
        mine.beat()
        time.sleep(0.01)
    assert old.returncode == -signal.SIGKILL
    assert path.read_text() == "255\n"
    left = mine._process
    mine.leave(done=False)
    assert left.wait(10) == 0
    assert path.read_text() == "20\n"


def test_one_that_cannot_be_replaced_stays(tmp_path, monkeypatch):
    mine = Watchdog(tmp_path / "lock")
    mine.take_over()
    first, second = written(tmp_path, "first", "second")
    mine.watch([FileWrite(path=str(first), data=b"0\n")])
    old = mine._process
    monkeypatch.setattr(watchdog, "command", lambda: ["/nowhere/watchdog"])
    mine.watch([FileWrite(path=str(first), data=b"0\n"), FileWrite(path=str(second), data=b"0\n")])
    mine.beat()
    assert mine._process is old
    assert old.poll() is None
    monkeypatch.undo()
    while mine._process is old:
        mine.beat()
    assert old.wait(10) == 0
    left = mine._process
    mine.leave(done=False)
    assert left.wait(10) == 0
    assert (first.read_text(), second.read_text()) == ("0\n", "0\n")


def test_what_ends_at_once_is_said_once_and_not_started_at_each_beat(tmp_path, monkeypatch, caplog):
    started = []
    monkeypatch.setattr(watchdog, "command", lambda: started.append(1) or ["/bin/false"])
    mine = Watchdog(tmp_path / "lock")
    mine.take_over()
    mine.watch([FileWrite(path="/dev/null", data=b"0")])
    for _ in range(20):
        if mine._process is not None:
            mine._process.wait(10)
        mine.beat()
    assert len(started) <= 3
    assert len(caplog.records) == 1, caplog.text
    mine.leave(done=True)


def test_a_full_disk_keeps_no_node_from_its_watchdog(tmp_path, monkeypatch):
    """No block is to be had: not for the lock, nor in it."""

    def full(*arguments, **more):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in ("pwrite", "ftruncate", "write"):
        monkeypatch.setattr(watchdog.os, name, full)
    mine = Watchdog(tmp_path / "lock")
    mine.take_over()
    (path,) = written(tmp_path, "pump")
    mine.watch([FileWrite(path=str(path), data=b"0\n")])
    monkeypatch.undo()
    assert not mine.beat()
    assert watchdog.running(tmp_path / "lock") == [mine._process.pid]
    mine.leave(done=True)
    with monkeypatch.context() as patch:
        patch.setattr(watchdog.os, "open", full)
        mine.take_over()
    mine.watch([FileWrite(path=str(path), data=b"0\n")])
    assert not mine.beat()
    assert mine._process.poll() is None
    mine.leave(done=True)


def test_it_weighs_little(kind, tmp_path):
    """A program of its own weighs some hundred kB of its own pages; the twin, Python without its libraries, some MB."""
    (path,) = written(tmp_path, "pump")
    with running(kind, *file(path), silence=200) as process:
        process.stdout.read(1)
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
        own = sum(int(line.split()[1]) for line in rollup if line.startswith("Private_"))
        print(json.dumps({"kind": kind, "own_kib": own}))
        assert own < {"program": 512, "twin": 8192}[kind]
