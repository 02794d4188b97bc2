# SPDX-License-Identifier: GPL-3.0-or-later
"""sim: recordings, the bus in memory, and the registers of the simulated BME280."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ganglion_tools.up
from ganglion.errors import InvalidError, NotFoundError
from ganglion.sim import trace
from ganglion.sim.bme280 import BMP280Model, ChipModel
from ganglion.sim.i2c import SimulatedI2C

MILLISECOND = 1_000_000
WARMING = "seconds,celsius\n0,4\n10,8\n20,6\n"


ROOM = {"celsius": 20, "percent": 45, "hectopascal": 1013.25}


class Time:
    def __init__(self):
        self.ns = 0

    def __call__(self):
        return self.ns


@pytest.fixture
def now():
    return Time()


def test_between_two_rows_lies_a_straight_line():
    recording = trace.parse(WARMING)
    assert [recording.at(t)["celsius"] for t in (0, 2.5, 10, 15)] == [4, 5, 8, 7]


def test_a_loop_begins_again_and_the_end_is_held_otherwise():
    assert trace.parse(WARMING).at(25)["celsius"] == 6
    assert trace.parse(WARMING, loop=False).at(25)["celsius"] == 6
    assert trace.parse(WARMING).at(30)["celsius"] == 8
    assert trace.parse(WARMING, loop=False).at(1e9)["celsius"] == 6


def test_time_may_begin_anywhere():
    recording = trace.parse("seconds,celsius\n100,1\n101,3\n")
    assert recording.at(0.5) == {"celsius": 2}


def test_a_single_row_is_a_constant():
    assert trace.parse("seconds,celsius\n5,21\n").at(1234) == {"celsius": 21}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the first line must be"),
        ("celsius\n1\n", "the first line must be"),
        ("seconds\n1\n", "the first line must be"),
        ("seconds,a,a\n1,2,3\n", "the first line must be"),
        ("seconds,a\n", "holds no rows"),
        ("seconds,a\n0,1,2\n", "t.csv: row 2: has 3 cells, the header 2"),
        ("seconds,a\n0,1\n1,warm\n", "t.csv: row 3: 'warm' is not a number"),
        ("seconds,a\n0,nan\n", "'nan' is not a number"),
        ("seconds,a\n1,1\n1,2\n", "t.csv: row 3: `seconds` must rise"),
    ],
)
def test_a_recording_that_is_wrong_is_named_with_its_row(text, says):
    with pytest.raises(InvalidError) as caught:
        trace.parse(text, where="t.csv")
    assert says in str(caught.value)


def test_a_recording_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="does not exist"):
        trace.load(tmp_path / "none.csv")


@given(st.text())
def test_no_text_does_worse_than_an_invalid_recording(text):
    for document in (text, f"seconds,a\n{text}"):
        try:
            recording = trace.parse(document)
        except InvalidError:
            continue
        recording.at(3.3)


def test_the_bus_acknowledges_the_devices_it_has(now):
    bus = SimulatedI2C({0x77: ChipModel(now=now), 0x76: ChipModel(now=now)})
    assert bus.scan() == [0x76, 0x77]
    with pytest.raises(OSError, match="nothing acknowledges address 0x50"):
        bus.readfrom(0x50, 1)


def test_reserved_addresses_are_refused(now):
    with pytest.raises(ValueError, match="0x78 is outside"):
        SimulatedI2C({0x78: ChipModel(now=now)})


@pytest.fixture
def bus(now):
    return SimulatedI2C({0x76: ChipModel(now=now)})


def test_after_a_reset_all_channels_read_skipped(bus):
    """5.3, table 18: id 0x60, the controls 0, press and temp 0x80000, hum 0x8000."""
    assert bus.readfrom_mem(0x76, 0xD0, 1) == b"\x60"
    assert bus.readfrom_mem(0x76, 0xF2, 4) == bytes(4)
    assert bus.readfrom_mem(0x76, 0xF7, 8) == bytes.fromhex("80 00 00 80 00 00 80 00")


def test_a_read_goes_on_where_the_pointer_is_and_a_write_is_in_pairs(bus):
    """6.2.1: register and value alternate; 6.2.2: reads count up by themselves."""
    bus.writeto(0x76, bytes([0xF2, 0x01, 0xF5, 0xA0]))
    bus.writeto(0x76, b"\xf2", False)
    assert bus.readfrom(0x76, 1) == b"\x01"
    assert bus.readfrom(0x76, 3) == bytes([0x00, 0x00, 0xA0])


def test_a_forced_measurement_takes_its_time_and_then_sleeps(bus, now):
    bus.writeto(0x76, bytes([0xF2, 0x01, 0xF4, 0x25]))
    now.ns += 7 * MILLISECOND
    assert bus.readfrom_mem(0x76, 0xF3, 2) == bytes([0x08, 0x25])
    now.ns += MILLISECOND
    assert bus.readfrom_mem(0x76, 0xF3, 2) == bytes([0x00, 0x24])
    assert bus.readfrom_mem(0x76, 0xF7, 8) != bytes.fromhex("80 00 00 80 00 00 80 00")


def test_normal_mode_measures_on_and_on(now):
    chip = ChipModel(now=now)
    bus = SimulatedI2C({0x76: chip})
    bus.writeto(0x76, bytes([0xF2, 0x01, 0xF4, 0x27]))
    now.ns += 10 * MILLISECOND
    first = bus.readfrom_mem(0x76, 0xF7, 8)
    chip.set(celsius=50)
    now.ns += 10 * MILLISECOND
    assert bus.readfrom_mem(0x76, 0xF7, 8) != first
    assert bus.readfrom_mem(0x76, 0xF4, 1) == b"\x27"


def test_humidity_is_measured_only_once_ctrl_meas_was_written_too(bus, now):
    """5.4.3."""
    bus.writeto(0x76, bytes([0xF4, 0x25]))
    bus.writeto(0x76, bytes([0xF2, 0x01]))
    now.ns += 20 * MILLISECOND
    assert bus.readfrom_mem(0x76, 0xFD, 2) == b"\x80\x00"
    bus.writeto(0x76, bytes([0xF4, 0x25]))
    now.ns += 20 * MILLISECOND
    assert bus.readfrom_mem(0x76, 0xFD, 2) != b"\x80\x00"


def test_one_reading_has_sixteen_bits_and_sixteen_have_twenty(bus, now):
    """5.4.7: without a filter, the resolution is 16 bits at 1x and 20 at 16x."""
    low_bits = set()
    for control in (0x25, 0xB5):
        bus.writeto(0x76, bytes([0xF4, control]))
        now.ns += 100 * MILLISECOND
        low_bits.add(bus.readfrom_mem(0x76, 0xFC, 1)[0] & 0xF0 == 0)
    assert low_bits == {True, False}


def test_a_reset_chip_does_not_answer_for_two_milliseconds(bus, now):
    bus.writeto_mem(0x76, 0xF2, b"\x01")
    bus.writeto_mem(0x76, 0xE0, b"\xb6")
    with pytest.raises(OSError, match="does not acknowledge"):
        bus.readfrom_mem(0x76, 0xD0, 1)
    now.ns += 2 * MILLISECOND
    assert bus.readfrom_mem(0x76, 0xF2, 1) == b"\x00"


def test_registers_that_cannot_be_written_are_not(bus):
    bus.writeto(0x76, bytes([0xD0, 0x00, 0xF7, 0x00, 0x88, 0x00, 0xE0, 0x01]))
    assert bus.readfrom_mem(0x76, 0xD0, 1) == b"\x60"
    assert bus.readfrom_mem(0x76, 0x88, 1) != b"\x00"


def test_a_bmp280_has_another_id_and_no_humidity(now):
    """BST-BMP280-DS001 4.3.1: 0xD0 reads 0x58."""
    bus = SimulatedI2C({0x76: BMP280Model(now=now)})
    assert bus.readfrom_mem(0x76, 0xD0, 1) == b"\x58"
    bus.writeto_mem(0x76, 0xF2, b"\x01")
    assert bus.readfrom_mem(0x76, 0xF2, 1) == b"\x00"
    assert bus.readfrom_mem(0x76, 0xE1, 7) == bytes(7)


def test_the_air_follows_the_trace_and_what_is_set_stays(now):
    chip = ChipModel(now=now, trace=trace.parse(WARMING))
    now.ns = 5_000_000_000
    assert chip.surroundings == {**ROOM, "celsius": 6}
    chip.set(celsius=30, percent=80)
    now.ns = 15_000_000_000
    assert chip.surroundings == {**ROOM, "celsius": 30, "percent": 80}
    chip.set(celsius=None)
    assert chip.surroundings == {**ROOM, "celsius": 7, "percent": 80}


@pytest.mark.parametrize("wrong", [{"celsius": 100}, {"celsius": -41}, {"percent": 101}, {"hectopascal": 0}])
def test_air_that_the_chip_cannot_measure_is_refused_and_changes_nothing(now, wrong):
    chip = ChipModel(now=now)
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        chip.set(**wrong)
    assert chip.surroundings == ROOM
    with pytest.raises(ValueError, match="a BME280 has no lux"):
        chip.set(lux=3)


@pytest.mark.parametrize("text", ["seconds,lux\n0,3\n", "seconds,celsius\n0,3\n1,99\n"])
def test_a_trace_of_something_else_is_refused(now, text):
    with pytest.raises(ValueError, match=r"column 'lux'|celsius must be -40 to 85"):
        ChipModel(now=now, trace=trace.parse(text))


def test_the_demos_fridge_is_warm_soon_for_a_while_and_again_within_three_minutes():
    recording = trace.load(Path(ganglion_tools.up.__file__).parent / "fridge.csv")
    warm = [second for second in range(int(recording.length)) if recording.at(second)["celsius"] > 8]
    assert 4 <= recording.at(0)["celsius"] <= 5
    assert 6 <= warm[0] <= 10
    assert warm == list(range(warm[0], warm[-1] + 1))
    assert 12 <= len(warm) <= 18
    assert 120 <= recording.length <= 180
    assert abs(recording.at(0)["celsius"] - recording.at(recording.length - 0.01)["celsius"]) < 0.3
