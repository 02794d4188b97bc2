# SPDX-License-Identifier: GPL-3.0-or-later
"""modbus: which requests, what words mean, and pymodbus at a pty with a device that answers, refuses and fails."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError, UnreachableError, UsageError
from ganglion.sensors import build
from ganglion.sensors import modbus as modbus_
from ganglion.sensors.modbus import ModbusExceptionError
from ganglion.sensors.modbus_register import Register, Request, requests, values
from ganglion.sensors.schedule import Health
from support.cable import Cable
from support.modbus_slave import Slave, crc16
from support.sensing import running
from support.waiting import until

REGISTERS = st.builds(
    Register,
    address=st.integers(0, 300),
    function=st.sampled_from(["holding", "input"]),
    type=st.sampled_from(["int16", "uint32", "float32"]),
) | st.builds(Register, address=st.integers(0, 5000), function=st.sampled_from(["coil", "discrete"]))


def test_neighbours_are_read_together_and_what_lies_between_is_not():
    registers = [
        Register(address=0, type="float32"),
        Register(address=2),
        Register(address=3, type="uint32"),
        Register(address=6),
        Register(address=0, function="input"),
        Register(address=7, function="coil"),
        Register(address=8, function="coil"),
    ]
    assert requests(registers) == [
        Request("coil", 7, 2),
        Request("holding", 0, 5),
        Request("holding", 6, 1),
        Request("input", 0, 1),
    ]


def test_a_request_is_no_longer_than_the_specification_has_it_and_cuts_no_value():
    assert requests([Register(address=2 * i, type="uint32") for i in range(100)]) == [
        Request("holding", 0, 124),
        Request("holding", 124, 76),
    ]
    assert [r.quantity for r in requests([Register(address=i, function="coil") for i in range(2001)])] == [2000, 1]


@given(st.lists(REGISTERS, max_size=40))
def test_every_register_is_read_once_and_nothing_that_nobody_asked_for(registers):
    found = requests(registers)
    wanted = {(r.function, r.address + i) for r in registers for i in range(r.count)}
    read = [(r.function, r.address + i) for r in found for i in range(r.quantity)]
    assert set(read) == wanted
    assert all(r.quantity <= (125 if r.function in ("holding", "input") else 2000) for r in found)
    named = {f"c{i}": register for i, register in enumerate(registers)}
    answers = {request: [0] * request.quantity for request in found}
    assert values(named, answers).keys() == named.keys()


@pytest.mark.parametrize(
    ("table", "words", "value"),
    [
        ({}, [65535], 65535),
        ({"type": "int16"}, [0xFFFE], -2),
        ({"type": "uint32"}, [0x0001, 0x0002], 65538),
        ({"type": "uint32", "word_order": "little"}, [0x0001, 0x0002], 131073),
        ({"type": "int32"}, [0xFFFF, 0xFFFF], -1),
        ({"type": "float32"}, [0x4366, 0x3333], pytest.approx(230.2)),
        ({"type": "float32", "word_order": "little"}, [0x3333, 0x4366], pytest.approx(230.2)),
        ({"type": "int16", "scale": 0.1}, [235], pytest.approx(23.5)),
        ({"function": "coil"}, [True], True),
        ({"function": "discrete"}, [False], False),
        ({"type": "float32"}, [0x7FC0, 0], None),
    ],
)
def test_words_become_a_value(table, words, value):
    found = Register(address=0, **table).decode(words)
    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)


@given(st.floats(width=32), st.sampled_from(["big", "little"]))
def test_every_float_is_read_or_none(value, order):
    words = struct.unpack(">HH", struct.pack(">f", value))
    found = Register(address=0, type="float32", word_order=order).decode(words if order == "big" else words[::-1])
    assert found == (value if math.isfinite(value) else None)


# -- a device at a line


@pytest.fixture
def cable(tmp_path):
    cable = Cable(tmp_path)
    yield cable
    cable.close()


@pytest.fixture
def slave(cable):
    slave = Slave(cable)
    slave.registers = {
        (1, 3): {107: 555, 108: 0, 109: 100},
        (1, 4): {0: 0x4366, 1: 0x3333, 2: 65533, 10: 7},
        (1, 1): {19: 1, 20: 0, 21: 1},
        (1, 2): {5: 1},
        (7, 3): {0: 4321},
    }
    yield slave
    slave.close()


def meter(port, **table):
    table = {"registers": {"volts": {"address": 0, "function": "input", "type": "float32", "unit": "V"}}, **table}
    return build("meter", {"kind": "modbus", "port": str(port), "timeout": "100ms", **table})


def read(sensor):
    sensor.source.open()
    try:
        return sensor.sample()
    finally:
        sensor.source.close()


def test_the_slaves_crc_is_the_specifications():
    """The serial line's guide has 02 07 with 41 12; the check value is of catalogues."""
    assert crc16(b"\x02\x07") == b"\x41\x12"
    assert crc16(b"123456789") == b"\x37\x4b"


def test_registers_of_all_kinds_are_read_in_four_requests(cable, slave):
    """`holding` 107 to 109 are the example of the specification's section 6.3."""
    sensor = meter(
        cable.port,
        registers={
            "a": {"address": 107},
            "b": {"address": 108},
            "c": {"address": 109, "scale": 0.5, "unit": "V"},
            "volts": {"address": 0, "function": "input", "type": "float32", "unit": "V"},
            "outside": {"address": 2, "function": "input", "type": "int16", "unit": "Cel"},
            "pump": {"address": 19, "function": "coil"},
            "valve": {"address": 20, "function": "coil"},
            "door": {"address": 5, "function": "discrete"},
        },
    )
    assert sensor.channels == {
        "a": "1",
        "b": "1",
        "c": "V",
        "volts": "V",
        "outside": "Cel",
        "pump": "",
        "valve": "",
        "door": "",
    }
    assert read(sensor) == {
        "a": 555,
        "b": 0,
        "c": 50,
        "volts": pytest.approx(230.2),
        "outside": -3,
        "pump": True,
        "valve": False,
        "door": True,
    }
    assert sorted(slave.asked) == [(1, 1, 19, 2), (1, 2, 5, 1), (1, 3, 107, 3), (1, 4, 0, 3)]


@pytest.mark.parametrize("mood", ["slow", "noisy"])
def test_an_answer_in_pieces_is_read_and_one_that_noise_spoiled_costs_no_reading(cable, slave, mood):
    slave.mood = mood
    assert read(meter(cable.port)) == {"volts": pytest.approx(230.2)}


@pytest.mark.parametrize(
    ("mood", "error", "says"),
    [
        ("silent", UnreachableError, r"device 1 at \S+ttyUSB0 does not answer for input 0 to 1: look at its address"),
        ("damaged", UnreachableError, r"answers input 0 to 1 with damaged bytes: look at baud, parity"),
        ("short", UnreachableError, r"answers input 0 to 1 with what was not asked for"),
        ("busy", ModbusExceptionError, r"refuses input 0 to 1: it is busy \(exception 6\)"),
    ],
)
def test_what_goes_wrong_is_named_and_the_next_reading_is_good(cable, slave, mood, error, says):
    sensor = meter(cable.port)
    sensor.source.open()
    slave.mood = mood
    with pytest.raises(error, match=says):
        sensor.sample()
    slave.mood = "well"
    assert sensor.sample() == {"volts": pytest.approx(230.2)}
    sensor.source.close()


def test_an_address_that_the_device_has_not_is_its_refusal(cable, slave):
    sensor = meter(cable.port, registers={"x": {"address": 900}})
    with pytest.raises(ModbusExceptionError, match=r"refuses holding 900: it has no such address \(exception 2\)"):
        read(sensor)
    assert len(slave.asked) == 1  # a refusal is an answer: nobody asks again


def test_devices_of_one_line_take_turns(cable, slave):
    first, second = meter(cable.port), meter(cable.port, device=7, registers={"power": {"address": 0}})
    first.source.open()
    second.source.open()
    assert (first.sample(), second.sample()) == ({"volts": pytest.approx(230.2)}, {"power": 4321})
    first.source.close()
    assert second.sample() == {"power": 4321}
    with pytest.raises(OSError, match="has another baud, parity, stop_bits or timeout"):
        meter(cable.port, baud=19200).source.open()
    second.source.close()
    assert read(meter(cable.port, baud=19200)) == {"volts": pytest.approx(230.2)}


async def test_many_sensors_of_one_line_read_at_once(cable, slave):
    def sensor(name, **table):
        return build(name, {"kind": "modbus", "port": str(cable.port), "every": "10ms", **table})

    one = sensor("one", registers={"x": {"address": 107}})
    two = sensor("two", device=7, registers={"x": {"address": 0}})
    async with running(one, two) as (sensors, bus):
        await until(lambda: min(len(bus.values(f"sensor/{name}/x")) for name in ("one", "two")) > 5)
        assert [status.errors for status in sensors.status()] == [0, 0]
    assert set(bus.values("sensor/one/x")) == {555}
    assert set(bus.values("sensor/two/x")) == {4321}


async def test_a_cable_that_is_pulled_and_put_back_is_read_again(cable, slave):
    async with running(meter(cable.port, every="20ms")) as (sensors, _):
        await until(lambda: sensors.last("meter.volts"))
        cable.pull()
        await until(lambda: "ttyUSB0 is gone: was its cable pulled?" in sensors.status()[0].error)
        await until(lambda: f"there is no {cable.port}" in sensors.status()[0].error)
        cable.plug()
        await until(lambda: sensors.status()[0].health is Health.OK)


def test_a_port_that_is_none_says_so(tmp_path):
    with pytest.raises(OSError, match=r"there is no .*/nothing: is the cable in\?"):
        meter(tmp_path / "nothing").source.open()


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"port": "ttyUSB0"}, "port must be a path"),
        ({"baud": 0}, "baud must be a rate"),
        ({"parity": "E"}, "parity must be none, even or odd"),
        ({"stop_bits": 3}, "stop_bits must be 1 or 2"),
        ({"device": 0}, "device must be 1 to 247"),
        ({"timeout": "3s"}, "timeout must be 50ms to 1s"),
        ({"registers": {}}, "registers must name at least one"),
        ({"registers": {"x": 3}}, r"registers\.x: must be a table"),
        ({"registers": {"a/b": {"address": 3}}}, r"registers\.a/b: a channel's name is of a-z"),
        ({"registers": {"x": {"adress": 3}}}, r'registers\.x\.adress: unknown key; did you mean "address"'),
        ({"registers": {"x": {"address": 65536}}}, r"registers\.x: address must be 0 to 65535, not 65536"),
        ({"registers": {"x": {"address": 65535, "type": "int32"}}}, "address must be 0 to 65534"),
        ({"registers": {"x": {"address": 1, "function": "read"}}}, "function must be one of coil"),
        ({"registers": {"x": {"address": 1, "type": "int64"}}}, "type must be one of int16"),
        ({"registers": {"x": {"address": 1, "type": "int16", "function": "coil"}}}, "a coil is a bit and has no type"),
        ({"registers": {"x": {"address": 1, "word_order": "middle"}}}, "word_order must be big or little"),
        ({"registers": {"x": {"address": 1, "scale": 0}}}, "scale must be a finite number"),
    ],
)
def test_a_wrong_section_is_named(table, says):
    with pytest.raises(InvalidError, match=says):
        build("meter", {"kind": "modbus", "port": "/dev/ttyUSB0", "registers": {"x": {"address": 1}}, **table})


def test_without_pymodbus_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(modbus_, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs pymodbus: pip install 'ganglion\[serial\]'"):
        meter("/dev/ttyUSB0")
