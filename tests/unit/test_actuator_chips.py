# SPDX-License-Identifier: GPL-3.0-or-later
"""Actuators that share a chip: what fails for one is not hidden from the others, and costs none of them its output."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ganglion.guardian import Actuators
from ganglion.guardian.actuator import build
from ganglion.guardian.raw import joined
from ganglion.sim import pca9685, pcf8574
from ganglion.sim.i2c import Device, SimulatedI2C

S = 1_000_000_000
BUS = "/dev/i2c-1"


class Wire(SimulatedI2C):
    """A bus on which it can be said what fails: each byte that goes out is asked about."""

    def __init__(self, devices: dict[int, Device]) -> None:
        super().__init__(devices)
        self.said: list[bytes] = []
        self.fails: Callable[[bytes], bool] = lambda data: False

    def writeto(self, addr: int, buf: bytes, stop: bool = True) -> int:
        if self.fails(bytes(buf)):
            raise OSError(121, "Remote I/O error")
        self.said.append(bytes(buf))
        return super().writeto(addr, buf, stop)


class House:
    """Actuators on one bus, and the time they live in."""

    def __init__(self, chip: Device, address: int, tables: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
        self.ns = 0
        self.wire = Wire({address: chip})
        shared: dict[tuple[Any, ...], Any] = {}
        made = {
            name: build(name, table, i2c=lambda bus: self.wire, shared=shared, resolve=lambda name: folder / name)
            for name, table in tables.items()
        }
        self.actuators = Actuators(made, monotonic=lambda: self.ns)

    def certain(self) -> dict[str, bool]:
        return {status.id: status.certain for status in self.actuators.status()}


def outputs(*names: str) -> dict[str, dict[str, Any]]:
    return {name: {"driver": "pca9685", "bus": BUS, "channel": channel} for channel, name in enumerate(names)}


def pins(*names: str) -> dict[str, dict[str, Any]]:
    return {name: {"driver": "pcf8574", "bus": BUS, "pin": pin} for pin, name in enumerate(names)}


HEATER = {"heater": {"driver": "file", "path": "heater", "requires": ["fan"]}}


async def test_an_output_that_fails_leaves_its_chips_others_on_and_nobody_sure_of_them(tmp_path: Path) -> None:
    chip = pca9685.ChipModel(now=lambda: 0)
    house = House(chip, 0x40, outputs("lamp", "fan") | HEATER, tmp_path)
    acts = house.actuators
    await acts.start()
    assert (await acts.actuate("fan", True, owner="anna")).accepted
    house.wire.fails = lambda data: data[0] in (0x06, 0xFE)  # the lamp's registers, and the prescale
    assert not (await acts.actuate("lamp", True, owner="anna")).accepted
    assert house.certain() == {"lamp": False, "fan": False, "heater": True}
    decision = await acts.actuate("heater", True, owner="anna")
    assert (decision.accepted, decision.reason) == (False, "heater: it may be on only while fan is on")
    assert "lamp is on the same chip" in (await acts.actuate("fan", True, owner="anna")).reason
    house.ns = 2 * S
    await acts.tick()  # it cannot be set up
    assert chip.counts(1)[0] == 0x1000, "the fan is on"
    house.ns = 5 * S
    house.wire.said.clear()
    house.wire.fails = lambda data: False
    await acts.tick()
    assert house.certain() == {"lamp": True, "fan": True, "heater": True}
    assert not any(data[0] == 0xFD and data[1:] for data in house.wire.said), "never were all outputs switched off"
    await acts.stop()


async def test_what_requires_a_chips_output_goes_off_before_it_when_the_chip_fails(tmp_path: Path) -> None:
    chip = pca9685.ChipModel(now=lambda: 0)
    house = House(chip, 0x40, outputs("lamp", "fan") | HEATER, tmp_path)
    acts = house.actuators
    await acts.start()
    for name in ("fan", "heater"):
        assert (await acts.actuate(name, True, owner="anna")).accepted
    house.wire.fails = lambda data: True
    assert not (await acts.actuate("lamp", True, owner="anna")).accepted
    house.wire.fails = lambda data: False
    await acts.tick()
    assert ((tmp_path / "heater").read_text(), chip.counts(1)[0]) == ("0\n", 0x1000)
    house.ns = 2 * S
    await acts.tick()
    assert chip.counts(1) == (0, 0x1000)
    await acts.stop()


async def test_a_chip_that_lost_its_power_is_begun_anew_and_all_of_it_made_safe(tmp_path: Path) -> None:
    chip = pca9685.ChipModel(now=lambda: 0)
    house = House(chip, 0x40, outputs("lamp", "fan"), tmp_path)
    acts = house.actuators
    await acts.start()
    assert (await acts.actuate("fan", True, owner="anna")).accepted
    chip.power_cycle()
    assert not (await acts.actuate("lamp", True, owner="anna")).accepted
    assert house.certain() == {"lamp": False, "fan": False}
    house.ns = 2 * S
    await acts.tick()
    assert house.certain() == {"lamp": True, "fan": True}
    assert (await acts.actuate("fan", True, owner="anna")).accepted
    assert chip.counts(1)[0] == 0x1000
    await acts.stop()


async def test_a_pin_that_fails_leaves_nobody_sure_of_its_ports_others(tmp_path: Path) -> None:
    chip = pcf8574.ChipModel(now=lambda: 0)
    house = House(chip, 0x20, pins("lamp", "fan") | HEATER, tmp_path)
    acts = house.actuators
    await acts.start()
    assert (await acts.actuate("fan", True, owner="anna")).accepted
    house.wire.fails = lambda data: True
    assert not (await acts.actuate("lamp", True, owner="anna")).accepted
    assert house.certain() == {"lamp": False, "fan": False, "heater": True}
    assert not (await acts.actuate("heater", True, owner="anna")).accepted
    assert chip.latch == 0xFD
    house.wire.fails = lambda data: False
    house.ns = 2 * S
    await acts.tick()
    assert (house.certain(), chip.latch) == ({"lamp": True, "fan": True, "heater": True}, 0xFF)
    await acts.stop()


def test_who_forgets_a_chip_does_not_wait_for_a_bus_that_hangs() -> None:
    """In a thread, so that a test that fails ends all the same."""
    hangs, goes_on = threading.Event(), threading.Event()
    chip = pcf8574.ChipModel(now=lambda: 0)
    wire = Wire({0x20: chip})
    shared: dict[tuple[Any, ...], Any] = {}
    lamp, fan = (
        build(name, table, i2c=lambda bus: wire, shared=shared).driver for name, table in pins("lamp", "fan").items()
    )

    def hang(data: bytes) -> bool:
        hangs.set()
        return not goes_on.wait(60)

    lamp.write(True)
    wire.fails = hang
    late = threading.Thread(target=fan.write, args=(True,), daemon=True)
    late.start()
    assert hangs.wait(60)
    forgets = threading.Thread(target=lamp.forget, daemon=True)
    forgets.start()
    forgets.join(10)
    assert not forgets.is_alive()
    goes_on.set()
    late.join(60)
    fan.write(True)
    assert chip.latch == 0xFD, "the lamp is safe: what it was told before does not count"


def test_a_bus_under_two_paths_is_one_bus() -> None:
    chip = pcf8574.ChipModel(now=lambda: 0)
    wire = Wire({0x20: chip})
    shared: dict[tuple[Any, ...], Any] = {}
    tables = pins("lamp", "fan")
    tables["fan"]["bus"] = "/dev/./i2c-1"
    lamp, fan = (build(name, table, i2c=lambda bus: wire, shared=shared).driver for name, table in tables.items())
    lamp.write(True)
    fan.write(True)
    assert chip.latch == 0xFC
    assert len(joined([*lamp.raw(False), *fan.raw(False)])) == 1
