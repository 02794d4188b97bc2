# SPDX-License-Identifier: GPL-3.0-or-later
"""pcf8574: the driver against a model of the chip with switches and loads on its pins."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.sim.device import Fault
from ganglion.sim.i2c import SimulatedI2C
from ganglion.sim.pcf8574 import ChipModel
from ganglion_micro.drivers.pcf8574 import PCF8574


class Bench:
    """A chip on a bus."""

    def __init__(self, address=0x20):
        self.chip = ChipModel(now=lambda: 0)
        self.i2c = SimulatedI2C({address: self.chip})


@pytest.fixture
def bench():
    return Bench()


class OneByte:
    """A bus whose every read is one byte that is told."""

    def __init__(self, byte):
        self._byte = byte

    def readfrom(self, addr, nbytes, stop=True):
        return bytes([self._byte])

    def writeto(self, addr, buf, stop=True):
        return len(buf)


def test_a_chip_begins_with_its_pins_high_as_after_power_on(bench):
    port = PCF8574(bench.i2c)
    assert bench.chip.latch == 0xFF
    assert port.read() == 0xFF


def test_a_chip_begins_with_the_latch_that_it_is_told(bench):
    PCF8574(bench.i2c, latch=0x0F)
    assert bench.chip.levels == (True,) * 4 + (False,) * 4


@given(latch=st.integers(0, 255), pulled=st.integers(0, 255))
def test_a_pin_is_low_where_it_is_driven_or_pulled_low(latch, pulled):
    bench = Bench()
    bench.chip.set(**{f"p{pin}": False for pin in range(8) if pulled >> pin & 1})
    port = PCF8574(bench.i2c)
    port.write(latch)
    assert bench.chip.latch == latch
    assert port.read() == latch & ~pulled


def test_a_pin_is_set_and_the_others_stay(bench):
    port = PCF8574(bench.i2c, latch=0b1010_1010)
    port.set(0, True)
    port.set(7, False)
    assert bench.chip.latch == 0b0010_1011
    assert [port.get(pin) for pin in range(8)] == [True, True, False, True, False, True, False, False]


def test_an_input_follows_its_switch_while_another_pin_is_set(bench):
    port = PCF8574(bench.i2c)
    bench.chip.set(p3=False)
    port.set(0, False)
    assert not port.get(3)
    bench.chip.set(p3=None)
    port.set(0, True)  # a switch that was closed is not latched as an output
    assert port.get(3)


def test_a_chip_that_lost_its_power_is_found_out_and_written_again(bench):
    port = PCF8574(bench.i2c, latch=0xF0)
    bench.chip.power_cycle()
    with pytest.raises(OSError, match="pins 0x0f of 0x20 are driven low and read high") as caught:
        port.read()
    assert caught.value.errno == errno.EIO
    port.write(port.latch)
    assert port.read() == 0xF0


def test_a_load_that_is_shorted_to_the_supply_is_found_out(bench):
    port = PCF8574(bench.i2c)
    bench.chip.set(p5=True)
    with pytest.raises(OSError, match="pins 0x20"):
        port.set(5, False)


def test_a_silent_address_is_an_error_of_the_bus(bench):
    with pytest.raises(OSError, match="nothing acknowledges address 0x38") as caught:
        PCF8574(bench.i2c, 0x38)
    assert caught.value.errno == errno.ENODEV


@pytest.mark.parametrize(
    ("fault", "says"),
    [(Fault.NACK, "does not acknowledge"), (Fault.STUCK, "driven low and read high"), (Fault.SHORT, "0 bytes of 1")],
)
def test_a_fault_is_an_error_of_the_bus_and_passes(bench, fault, says):
    port = PCF8574(bench.i2c, latch=0x00)
    bench.chip.fault = fault
    for use in (port.read, lambda: port.write(0x01), lambda: port.set(7, True), lambda: port.get(2)):
        with pytest.raises(OSError, match=says):
            use()
    bench.chip.fault = None
    port.write(0x55)
    assert port.read() == 0x55


@given(latch=st.integers(0, 255), byte=st.integers(0, 255))
def test_no_byte_does_worse_than_an_error_of_the_bus(latch, byte):
    port = PCF8574(OneByte(0), latch=latch)
    port._i2c = OneByte(byte)
    try:
        levels = port.read()
    except OSError:
        assert byte & ~latch
        return
    assert levels == byte
    assert not levels & ~latch


@pytest.mark.parametrize("latch", [-1, 256])
def test_a_latch_that_is_no_byte_is_refused(bench, latch):
    with pytest.raises(ValueError, match=f"must be 0 to 255, not {latch}"):
        PCF8574(bench.i2c, latch=latch)


def test_a_pin_that_is_not_there_is_refused_and_nothing_is_written(bench):
    port = PCF8574(bench.i2c)
    with pytest.raises(ValueError, match="must be 0 to 7, not 8"):
        port.set(8, False)
    with pytest.raises(ValueError, match="must be 0 to 7, not -1"):
        port.get(-1)
    assert bench.chip.latch == 0xFF


def test_the_model_has_eight_pins_and_no_more(bench):
    with pytest.raises(ValueError, match="a PCF8574 has no p8"):
        bench.chip.set(p8=True)
