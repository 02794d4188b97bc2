# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the emulated machine: reads a chip and switches lines behind a bridge that the kernel drives."""

import glob
import json
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganglion.guardian import actuator, watchdog
from ganglion.sensors import build
from ganglion.sim.bme280 import ChipModel
from support.cp2112 import CP2112

#: Lines that act: one is on when it is high, the other when it is low.
_PUMP, _VALVE = 5, 6

#: Seconds in which the kernel has made its devices.
_PATIENCE = 30.0


def until(condition: Callable[[], bool], what: str) -> None:
    """Returns when something is so.

    Raises:
        AssertionError: it does not become so.
    """
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def made(pattern: str, before: set[str]) -> str:
    """The device node that was not there before."""
    until(lambda: bool(set(glob.glob(pattern)) - before), f"the kernel made no {pattern}")
    return (set(glob.glob(pattern)) - before).pop()


def driven(bridge: CP2112) -> list[bool | None]:
    """Whether the lines that act are high; None for one that is no output."""
    return [bridge.driven()[line] for line in (_PUMP, _VALVE)]


def outputs(chip: str) -> list[actuator.Actuator]:
    """Both actuators, of which nothing is requested yet."""
    tables = {"pump": {"line": _PUMP}, "valve": {"line": _VALVE, "active_low": True}}
    return [actuator.build(name, {"driver": "gpio", "chip": chip, **table}) for name, table in tables.items()]


def switched(bridge: CP2112, chip: str) -> dict[str, Any]:
    """What the bridge drives while a process switches its lines, and what that reads back."""
    seen: dict[str, Any] = {"before": driven(bridge)}
    both = outputs(chip)
    for value in (True, False, True):
        for each in both:
            each.driver.write(value)
        seen[f"{len(seen)}: {value}"] = [*driven(bridge), *(each.driver.read() for each in both)]
    try:
        outputs(chip)[0].driver.write(True)
    except OSError as error:
        seen["a second"] = str(error)
    return seen


def held(chip: str, lock: Path) -> tuple[list[actuator.Actuator], watchdog.Watchdog]:
    """Both actuators, switched on, and the watchdog that knows how they are made safe."""
    both = outputs(chip)
    mine = watchdog.Watchdog(lock)
    mine.take_over()
    for each in both:
        each.driver.write(True)
    mine.watch([write for each in both for write in each.driver.raw(False)])
    return both, mine


def killed(bridge: CP2112, chip: str, lock: Path) -> dict[str, Any]:
    """What the bridge drives before and after SIGKILL for who holds its lines, and for the watchdog's successor."""
    child = os.fork()
    if not child:
        try:
            both, mine = held(chip, lock)
            while True:
                mine.beat()
                time.sleep(0.2)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    until(lambda: bool(watchdog.running(lock)), "the watchdog did not begin")
    answer: dict[str, Any] = {"on": driven(bridge)}
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    until(lambda: driven(bridge) == [False, True], f"the lines are not safe: {driven(bridge)}")
    answer["safe"] = driven(bridge)
    try:
        outputs(chip)[0].driver.write(True)
    except OSError as error:
        answer["held"] = str(error)
    following = watchdog.Watchdog(lock)
    following.take_over()
    both = outputs(chip)
    for each in both:
        each.driver.write(True)
    answer["next"] = driven(bridge)
    following.leave(done=True)
    return answer


def hung(bridge: CP2112, chip: str, lock: Path) -> dict[str, Any]:
    """What the bridge drives when who holds its lines is stopped by SIGSTOP, and what that learns when it goes on."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            both, mine = held(chip, lock)
            while not mine.beat():
                time.sleep(0.2)
            for each in both:
                each.driver.forget()
            before = [each.driver.read() for each in both]
            for each in both:
                each.driver.write(True)
            os.write(writer, json.dumps([before, [each.driver.read() for each in both]]).encode())
            mine.leave(done=True)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(writer)
    until(lambda: bool(watchdog.running(lock)), "the watchdog did not begin")
    answer: dict[str, Any] = {"on": driven(bridge)}
    os.kill(child, signal.SIGSTOP)
    try:
        until(lambda: driven(bridge) == [False, True], f"the lines are not safe: {driven(bridge)}")
        answer["safe"] = driven(bridge)
    finally:
        os.kill(child, signal.SIGCONT)
    answer["learns"], answer["switches"] = json.loads(os.read(reader, 4096))
    os.close(reader)
    answer["ended"] = os.waitpid(child, 0)[1]
    following = watchdog.Watchdog(lock)
    following.take_over()  # which ends the one that holds the lines still
    following.leave(done=True)
    return answer


def main() -> None:
    """Plugs the bridge in, and uses what is behind it."""
    before = set(glob.glob("/dev/i2c-*"))
    model = ChipModel(now=time.monotonic_ns)
    model.set(celsius=4.5)
    bridge = CP2112({0x76: model})
    adapter = made("/dev/i2c-*", before)
    answer: dict[str, Any] = {}
    sensor = build("fridge", {"kind": "bme280", "bus": adapter})
    sensor.source.open()
    answer["chip"] = sensor.sample()
    sensor.source.close()
    absent = build("fridge", {"kind": "bme280", "bus": adapter, "address": 0x77})
    try:
        absent.source.open()
    except OSError as error:
        answer["absent"] = str(error)
    lines = made("/dev/gpiochip*", set())
    # No line is read as a sensor would: it asks for edges, over which this kernel's driver of the bridge stumbles
    # ("scheduling while atomic"), in one run of four for good.
    answer["switched"] = switched(bridge, lines)
    for number, program in enumerate((watchdog.PROGRAM, Path("/absent"))):
        watchdog.PROGRAM = program
        answer[Path(watchdog.command()[-1]).stem] = killed(
            bridge, lines, Path(tempfile.gettempdir(), f"watchdog.{number}")
        )
        answer[f"{Path(watchdog.command()[-1]).stem} hung"] = hung(
            bridge, lines, Path(tempfile.gettempdir(), f"hung.{number}")
        )
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
