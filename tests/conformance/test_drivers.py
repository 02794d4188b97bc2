# SPDX-License-Identifier: GPL-3.0-or-later
"""Drivers under real MicroPythons: the exercise of each, here on its model, there on what was said on the wires here.

A driver that asks the bus for something else there is refused; what the exercise prints is the same on every Python.
"""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from ganglion.sensors.chips import CHIPS
from ganglion.sim import dht22, ds18b20, pca9685, pcf8574, ssd1306
from ganglion.sim.device import Fault, Peripheral
from ganglion.sim.i2c import SimulatedI2C
from ganglion.sim.one_wire import SimulatedOneWire
from support import exercise, micropython, micropython_wasm

ROOT = Path(__file__).parents[2]
SCRIPTS = {path.stem: path for path in sorted((Path(__file__).parent / "drivers").glob("*.py"))}
#: Modules beside the drivers that are no driver.
PARTS = {"__init__", "crc8"}


class World:
    """The side of an exercise on which the model is, with all its methods; time passes only when it sleeps."""

    def __init__(self) -> None:
        self.now = 0
        self.model: Any = None
        self.faults: type[Enum] = Fault

    def __getattr__(self, method: str) -> Any:
        return getattr(self.model, method)

    def fault(self, name: str | None) -> None:
        self.model.fault = None if name is None else self.faults(name)

    def sleep_ms(self, ms: float) -> None:
        self.now += round(ms * 1_000_000)


def on_i2c(model: Callable[..., Peripheral], address: int) -> Callable[[World], dict[str, Any]]:
    """A bench with one model on `bench.i2c`."""

    def wires(world: World) -> dict[str, Any]:
        world.model = model(now=lambda: world.now)
        return {"i2c": SimulatedI2C({address: world.model})}

    return wires


def on_one_wire(world: World) -> dict[str, Any]:
    world.model, world.faults = ds18b20.ChipModel(now=lambda: world.now), ds18b20.Fault
    return {"onewire": SimulatedOneWire([world.model])}


def on_a_line(world: World) -> dict[str, Any]:
    world.model, world.faults = dht22.ChipModel(now=lambda: world.now), dht22.Fault
    return {"line": world.model}


#: Driver -> from a world to the wires that its exercise finds on the bench; the model goes into the world.
BENCHES: dict[str, Callable[[World], dict[str, Any]]] = {
    **{kind: on_i2c(chip.model_class(), chip.addresses[0]) for kind, chip in CHIPS.items()},
    "dht22": on_a_line,
    "ds18b20": on_one_wire,
    "pca9685": on_i2c(pca9685.ChipModel, 0x40),
    "pcf8574": on_i2c(pcf8574.ChipModel, 0x20),
    "ssd1306": on_i2c(ssd1306.ChipModel, 0x3C),
}


def recorded(driver: str) -> tuple[list[str], list[str]]:
    """What the exercise says here, and the recording."""
    world = World()
    wires = BENCHES[driver](world)
    script = runpy.run_path(str(SCRIPTS[driver]))
    return exercise.record(script["exercise"], wires, world, world.sleep_ms)


def run_here(script: Path, *arguments: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT / "firmware"), str(ROOT / "tests")])
    command = [sys.executable, script, *arguments]
    return subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True)


def test_every_driver_has_its_exercise_and_its_bench():
    modules = {path.stem for path in (ROOT / "firmware/ganglion_micro/drivers").glob("*.py")}
    assert (modules - PARTS) | set(CHIPS) == set(SCRIPTS) == set(BENCHES)


@pytest.mark.parametrize("driver", SCRIPTS)
def test_a_driver_does_and_says_the_same_on_every_python(driver, tmp_path):
    said, recording = recorded(driver)
    assert len(said) > 5
    assert len(recording) > 5
    wires = tmp_path / "wires.txt"
    wires.write_text("".join(f"{line}\n" for line in recording))
    for run in (run_here, micropython.run, micropython_wasm.run):
        done = run(SCRIPTS[driver], wires)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines() == said


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda lines: [line.replace('"2400"', '"2401"') for line in lines], "instead of"),
        (lambda lines: lines[:-1], "is one call too many"),
        (lambda lines: [*lines, lines[-1]], "calls are missing"),
    ],
    ids=["another command", "a call more", "a call less"],
)
@pytest.mark.parametrize("run", [run_here, micropython.run, micropython_wasm.run], ids=["here", "unix", "wasm"])
def test_a_driver_that_says_something_else_is_refused(run, spoil, says, tmp_path):
    wires = tmp_path / "wires.txt"
    wires.write_text("\n".join(spoil(recorded("sht3x")[1])))
    done = run(SCRIPTS["sht3x"], wires)
    assert done.returncode == 1
    assert says in done.stdout + done.stderr


def test_a_pin_is_called_and_a_buffer_that_a_bus_fills_is_filled_again():
    class Wire:
        def __call__(self, value: int | None = None) -> int | None:
            return 1 if value is None else None

        def readfrom_into(self, addr: int, buffer: bytearray) -> None:
            buffer[:] = b"\x01\x02"

    lines: list[str] = []
    for wire in (exercise.Recorded(Wire(), "wire", lines), exercise.Replayed("wire", lines)):
        buffer = bytearray(2)
        assert wire.readfrom_into(0x44, buffer) is None
        assert buffer == b"\x01\x02"
        assert wire() == 1
        assert wire(0) is None
    assert not lines
