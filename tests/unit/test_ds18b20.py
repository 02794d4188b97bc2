# SPDX-License-Identifier: GPL-3.0-or-later
"""ds18b20: the driver with a model of the chip and its faults, and the kernel's files in their published form."""

import contextlib
import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError, NotFoundError
from ganglion.sensors import build
from ganglion.sensors.ds18b20 import parse_w1_slave
from ganglion.sim.ds18b20 import ChipModel, Fault
from ganglion.sim.one_wire import SimulatedOneWire, crc8
from ganglion_micro.drivers.ds18b20 import DS18B20, check
from support.sensing import running
from support.waiting import until

MS = 1_000_000


class Bench:
    """One or more chips on a bus, in a time that only `pass_ms` moves."""

    def __init__(self, chips=1):
        self.now = 0
        self.chips = [ChipModel(now=lambda: self.now, serial=i + 1) for i in range(chips)]
        self.chip = self.chips[0]
        self.bus = SimulatedOneWire(self.chips)

    def measure(self, driver):
        self.now += driver.start() * MS
        return driver.sample()["temperature"]


class Scratchpad(SimulatedOneWire):
    """A bus whose chip answers with these bytes, and their CRC, whatever it is told."""

    def __init__(self, data):
        super().__init__([])
        self.data = data

    def reset(self, required=False):
        return True

    def readinto(self, buf):
        buf[:] = self.data + bytes([crc8(self.data)])


ROM = bytes([0x28, 1, 0, 0, 0, 0, 0])
ROM += bytes([crc8(ROM)])


@pytest.fixture
def bench():
    return Bench()


def test_the_crc_is_maxims():
    """Application note 27: the example's ROM; and the check value that catalogues of CRCs have."""
    assert crc8(bytes.fromhex("02 1c b8 01 00 00 00")) == 0xA2
    assert crc8(bytes.fromhex("02 1c b8 01 00 00 00 a2")) == 0
    assert crc8(b"123456789") == 0xA1


@pytest.mark.parametrize(
    ("celsius", "digits"),
    [
        (125, 0x07D0),
        (25.0625, 0x0191),
        (10.125, 0x00A2),
        (0.5, 0x0008),
        (0, 0x0000),
        (-0.5, 0xFFF8),
        (-10.125, 0xFF5E),
        (-25.0625, 0xFE6F),
        (-55, 0xFC90),
    ],
)
def test_the_data_sheets_table_of_temperatures(bench, celsius, digits):
    """Table 1, in the driver and in the model."""
    assert DS18B20(Scratchpad(digits.to_bytes(2, "little") + b"KF\x7f\xff\x0c\x10"), ROM).sample() == {
        "temperature": celsius
    }
    bench.chip.set(celsius)
    assert bench.measure(DS18B20(bench.bus, bench.chip.rom)) == celsius


@pytest.mark.parametrize(("bits", "wait", "step"), [(9, 94, 0.5), (10, 188, 0.25), (11, 375, 0.125), (12, 750, 0.0625)])
def test_a_resolution_has_its_time_and_its_steps(bench, bits, wait, step):
    driver = DS18B20(bench.bus, bench.chip.rom, resolution=bits)
    bench.chip.set(21.3)
    assert driver.start() == wait
    bench.now += wait * MS
    celsius = driver.sample()["temperature"]
    assert celsius % step == 0
    assert celsius == pytest.approx(21.3, abs=step / 2)
    bench.chip.set(-21.3)
    assert bench.measure(driver) == pytest.approx(-21.3, abs=step / 2)


def test_the_limits_of_the_alarm_are_left_as_they_are(bench):
    bench.bus.reset()
    bench.bus.write(bytes([0xCC, 0x4E, 30, 5, 0x7F]))
    DS18B20(bench.bus, bench.chip.rom, resolution=9)
    bench.bus.reset()
    bench.bus.write(bytes([0xCC, 0xBE]))
    data = bytearray(9)
    bench.bus.readinto(data)
    assert list(data[2:5]) == [30, 5, 0x1F]


def test_chips_of_one_bus_are_told_apart():
    bench = Bench(chips=3)
    for chip, celsius in zip(bench.chips, (-5, 10, 60), strict=True):
        chip.set(celsius)
    assert bench.bus.scan() == [chip.rom for chip in bench.chips]
    assert [bench.measure(DS18B20(bench.bus, rom)) for rom in bench.bus.scan()] == [-5, 10, 60]


def test_a_chip_that_is_asked_too_early_says_what_it_said_before(bench):
    driver = DS18B20(bench.bus, bench.chip.rom)
    assert bench.measure(driver) == 20
    bench.chip.set(30)
    driver.start()
    bench.now += 700 * MS
    assert driver.sample() == {"temperature": 20}


def test_85_degrees_after_power_on_is_refused(bench):
    driver = DS18B20(bench.bus, bench.chip.rom)
    with pytest.raises(OSError, match="what the chip says after power-on") as caught:
        driver.sample()
    assert caught.value.errno == errno.EIO
    bench.chip.fault = Fault.STARVED
    for _ in range(3):  # that it says so again makes it no truer
        with pytest.raises(OSError, match="too little power to convert"):
            bench.measure(driver)
    bench.chip.fault = None
    assert bench.measure(driver) == 20


def test_85_degrees_where_it_is_that_warm_are_taken(bench):
    driver = DS18B20(bench.bus, bench.chip.rom)
    bench.chip.set(81)
    assert bench.measure(driver) == 81
    bench.chip.set(85)
    assert [bench.measure(driver) for _ in range(2)] == [85, 85]
    bench.chip.set(40)
    assert bench.measure(driver) == 40
    bench.chip.fault = Fault.STARVED
    with pytest.raises(OSError, match="after power-on"):
        bench.measure(driver)


@pytest.mark.parametrize(
    ("fault", "says", "number"),
    [
        (Fault.ABSENT, "nothing answers on the 1-Wire bus", errno.ENODEV),
        (Fault.LOW, "the scratchpad came damaged", errno.EIO),
        (Fault.DAMAGED, "the scratchpad came damaged", errno.EIO),
    ],
)
def test_a_fault_is_an_error_at_the_start_and_later(bench, fault, says, number):
    bench.chip.fault = fault
    with pytest.raises(OSError, match=says) as caught:
        DS18B20(bench.bus, bench.chip.rom)
    assert caught.value.errno == number
    bench.chip.fault = None
    driver = DS18B20(bench.bus, bench.chip.rom)
    bench.chip.fault = fault
    with pytest.raises(OSError, match=says):
        bench.measure(driver)
    bench.chip.fault = None
    assert bench.measure(driver) == 20


def test_a_chip_that_is_not_on_the_bus_leaves_the_line_high(bench):
    with pytest.raises(OSError, match="the scratchpad came damaged"):
        DS18B20(bench.bus, ROM[:1] + bytes([9]) * 6 + bytes([crc8(ROM[:1] + bytes([9]) * 6)]))


@pytest.mark.parametrize("rom", [b"", ROM[:7], ROM[:7] + b"\0", bytes(8)])
def test_a_rom_that_is_none_is_refused(bench, rom):
    with pytest.raises(ValueError, match="the ROM must be 8 bytes"):
        DS18B20(bench.bus, rom)


def test_a_resolution_that_the_chip_has_not_is_refused(bench):
    with pytest.raises(ValueError, match="must be 9, 10, 11 or 12, not 8"):
        DS18B20(bench.bus, bench.chip.rom, resolution=8)


@given(st.binary(min_size=8, max_size=8))
def test_no_scratchpad_does_worse_than_an_error_of_the_bus(data):
    try:
        values = DS18B20(Scratchpad(data), ROM).sample()
    except OSError:
        return
    assert -55 <= values["temperature"] <= 125


# -- the kernel's files

# What w1_therm writes: the bytes twice, the second time with the degrees
WARM = "73 01 4b 46 7f ff 0d 10 41 : crc=41 YES\n73 01 4b 46 7f ff 0d 10 41 t=23187\n"
COLD = "5e ff 4b 46 7f ff 02 10 b6 : crc=b6 YES\n5e ff 4b 46 7f ff 02 10 b6 t=-10125\n"
# After NO come the bytes of the last good reading, but degrees of the damaged one
DAMAGED = "73 09 4b 46 7f ff 0d 10 41 : crc=2f NO\n73 01 4b 46 7f ff 0d 10 41 t=151187\n"
POWER_ON = "50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=85000\n"
HELD_LOW = "00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n"


def test_degrees_are_read_where_the_crc_is_right():
    assert parse_w1_slave(WARM) == 23.187
    assert parse_w1_slave(COLD) == -10.125


def test_the_texts_above_are_what_the_kernel_could_have_written():
    for text in (WARM, COLD, POWER_ON):
        assert crc8(bytes.fromhex(text[:27])) == 0
    assert crc8(bytes.fromhex(DAMAGED[:27])) != 0


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        (DAMAGED, OSError, "the CRC is wrong"),
        (HELD_LOW, OSError, "held low"),
        ("", OSError, "does not answer"),
        (WARM[:50], ValueError, "w1_slave reads '73 01"),
        ("hello", ValueError, "w1_slave reads 'hello'"),
    ],
)
def test_what_is_no_reading_is_an_error(text, error, says):
    with pytest.raises(error, match=says):
        parse_w1_slave(text)


@given(st.one_of(st.text(max_size=100), st.integers(0, len(WARM)).map(lambda cut: WARM[:cut] + WARM[cut + 1 :])))
def test_no_text_does_worse_than_an_error(text):
    with contextlib.suppress(OSError, ValueError):
        assert isinstance(parse_w1_slave(text), float)


@pytest.fixture
def root(tmp_path):
    """A tree as the kernel has it: chips, and the master itself."""
    devices = tmp_path / "sys/bus/w1/devices"
    (devices / "w1_bus_master1").mkdir(parents=True)
    return tmp_path


def chip(root, name="28-0316a279b3ff", text=WARM, file="w1_slave"):
    folder = root / "sys/bus/w1/devices" / name
    folder.mkdir(exist_ok=True)
    (folder / file).write_text(text)


def boiler(root, **table):
    return build("boiler", {"kind": "ds18b20", "root": str(root), **table})


def opened(root, **table):
    sensor = boiler(root, **table)
    sensor.source.open()
    return sensor


def test_the_only_chip_needs_no_name(root):
    chip(root)
    assert opened(root).sample() == {"temperature": 23.187}


def test_a_kernel_that_has_temperature_alone_serves_too(root):
    chip(root, file="temperature", text="-2062\n")
    sensor = opened(root)
    assert sensor.sample() == {"temperature": -2.062}
    chip(root, file="temperature", text="")
    with pytest.raises(OSError, match="does not answer"):
        sensor.sample()


def test_the_value_of_power_on_is_refused_unless_it_is_that_warm(root):
    chip(root, text=POWER_ON)
    sensor = opened(root)
    for _ in range(2):
        with pytest.raises(OSError, match="after power-on"):
            sensor.sample()
    chip(root, text=WARM.replace("t=23187", "t=84937"))
    assert sensor.sample() == {"temperature": 84.937}
    chip(root, text=POWER_ON)
    assert sensor.sample() == {"temperature": 85.0}


def test_a_chip_out_of_its_range_is_refused():
    with pytest.raises(OSError, match=r"130\.00 Cel is outside"):
        check(130, None)


def test_which_chip_has_to_be_said_where_it_is_not_clear(root, tmp_path):
    with pytest.raises(NotFoundError, match=r"there is no DS18B20 below"):
        opened(root)
    with pytest.raises(NotFoundError, match=r"does not exist: switch a 1-Wire bus on"):
        opened(tmp_path / "elsewhere")
    chip(root)
    chip(root, name="28-0316a279b400", text=COLD)
    with pytest.raises(InvalidError, match=r"id: which of 28-0316a279b3ff, 28-0316a279b400\?"):
        opened(root)
    assert opened(root, id="28-0316a279b400").sample() == {"temperature": -10.125}
    with pytest.raises(NotFoundError, match=r'no 28-0316a279b401 below .*; did you mean "28-0316a279b400"'):
        opened(root, id="28-0316a279b401")


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"id": "10-000802b5c2e3"}, "id must be 28- and 12 digits"),
        ({"id": "28-../../../etc"}, "id must be 28- and 12 digits"),
        ({"bus": "gpio"}, "bus must be w1 or sim"),
        ({"every": "500ms"}, "every must be 1s or more"),
    ],
)
def test_a_wrong_section_is_refused(root, table, says):
    with pytest.raises(InvalidError, match=says):
        boiler(root, **table)


async def test_a_chip_that_the_kernel_finds_later_is_read_then(root):
    async with running(boiler(root, every="1s")) as (sensors, _):
        await until(lambda: "there is no DS18B20 below" in sensors.status()[0].error)
        chip(root)
        await until(lambda: sensors.last("boiler.temperature") == 23.187)


async def test_a_simulated_chip_reads_what_is_set(root):
    async with running(boiler(root, bus="sim", every="1s")) as (sensors, _):
        await until(lambda: sensors.last("boiler.temperature") == 20)
        sensors.set_simulated("boiler.temperature", 61.5)
        assert await sensors.read("boiler.temperature") == 61.5
        with pytest.raises(InvalidError, match="celsius must be -55 to 125"):
            sensors.set_simulated("boiler.temperature", 200)
        with pytest.raises(InvalidError, match="must be a number"):
            sensors.set_simulated("boiler.temperature", True)
