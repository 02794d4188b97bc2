# SPDX-License-Identifier: GPL-3.0-or-later
"""shims: onewire and ds18x20 on the simulated board."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.shims import board
from ganglion.shims.board.sim import SimBoard
from ganglion.shims.modules.ds18x20 import DS18X20
from ganglion.shims.modules.machine import Pin
from ganglion.shims.modules.onewire import OneWire, OneWireError
from ganglion.sim.ds18b20 import ChipModel
from ganglion.sim.one_wire import crc8


@pytest.fixture
def sim() -> Iterator[SimBoard]:
    """A board of this test's own."""
    before, mine = board.current(), SimBoard()
    board.use(mine)
    yield mine
    board.use(before)


@given(st.sets(st.integers(0, (1 << 48) - 1), max_size=12))
def test_the_search_finds_every_device(serials: set[int]) -> None:
    sim = SimBoard()
    board.use(sim)
    sim.onewire(7).devices.extend(ChipModel(now=lambda: 0, serial=serial) for serial in sorted(serials))
    found = OneWire(Pin(7)).scan()
    assert len(found) == len(serials)
    assert {int.from_bytes(rom[1:7], "little") for rom in found} == serials
    assert all(crc8(rom) == 0 for rom in map(bytes, found))


def test_each_thermometer_is_asked_by_its_code(sim: SimBoard) -> None:
    now = 0
    warm, cold = (ChipModel(now=lambda: now, serial=serial) for serial in (1, 2))
    warm.set(125.0)
    cold.set(-10.125)
    sim.onewire(7).devices += [warm, cold]
    bus = DS18X20(OneWire(Pin(7)))
    assert bus.read_temp(warm.rom) == 85.0
    bus.convert_temp()
    assert bus.read_temp(warm.rom) == 85.0  # it is at it
    now += 750_000_000
    assert [bus.read_temp(each.rom) for each in (warm, cold)] == [125.0, -10.125]
    assert sorted(map(bytes, bus.scan())) == sorted([warm.rom, cold.rom])
    bus.write_scratch(warm.rom, b"\x01\x02\x1f")
    assert bus.read_scratch(warm.rom)[2:5] == b"\x01\x02\x1f"
    assert bus.read_scratch(cold.rom)[2:5] == b"\x4b\x46\x7f"
    sim.onewire(7).devices.remove(cold)
    bus.ow.reset()
    bus.ow.writebyte(0x33)  # read ROM, of the only one
    assert bytes(bus.ow.readbyte() for _ in range(8)) == warm.rom
    sim.onewire(7).devices.clear()
    with pytest.raises(OneWireError):
        bus.convert_temp()


def test_the_crc_is_maxims_example() -> None:
    """Application note 27: the ROM 02 1C B8 01 00 00 00 has the CRC A2."""
    assert crc8(bytes.fromhex("021cb801000000")) == 0xA2
