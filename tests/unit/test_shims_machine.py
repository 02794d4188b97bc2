# SPDX-License-Identifier: GPL-3.0-or-later
"""shims: machine on the simulated board, with what MicroPython's documentation says of it."""

import errno
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ganglion.shims import board
from ganglion.shims.board.registers import Registers
from ganglion.shims.board.sim import SimBoard
from ganglion.shims.interrupts import DEPTH, INTERRUPTS
from ganglion.shims.modules import dht, machine, micropython, neopixel
from ganglion.shims.modules.machine import ADC, I2C, PWM, SPI, UART, Pin, Signal, SoftI2C, Timer
from ganglion.sim.bme280 import ChipModel
from ganglion.sim.device import Fault
from ganglion_micro.drivers.bme280 import BME280


@pytest.fixture
def sim() -> Iterator[SimBoard]:
    """A board of this test's own."""
    before, mine = board.current(), SimBoard()
    board.use(mine)
    INTERRUPTS.clear()
    yield mine
    INTERRUPTS.clear()
    board.use(before)


def wait(condition: Any) -> None:
    """Returns when something is so; the test's own time limit ends a wait in vain."""
    while not condition():
        machine.idle()


def test_a_pin_is_one_object_and_keeps_what_is_not_given(sim: SimBoard) -> None:
    pin = Pin(4, Pin.OUT, value=1)
    assert Pin(4) is pin
    assert Pin(pin) is pin
    assert (pin.value(), pin(), Pin(4).mode()) == (1, 1, Pin.OUT)
    pin.toggle()
    assert pin() == 0
    pin.init(Pin.IN, Pin.PULL_UP)
    assert (pin(), pin.pull(), repr(pin)) == (1, Pin.PULL_UP, "Pin(4)")
    with pytest.raises(ValueError, match="pin 4: mode 9 is none of IN, OUT, OPEN_DRAIN"):
        pin.init(9)


def test_wires_carry_levels_and_open_drain_only_pulls_down(sim: SimBoard) -> None:
    sim.connect(1, 2)
    sim.connect(2, 3)
    first, second, third = Pin(1, Pin.OPEN_DRAIN, value=1), Pin(2, Pin.OPEN_DRAIN, value=1), Pin(3, Pin.IN, Pin.PULL_UP)
    assert third() == 1
    first(0)
    assert (second(), third()) == (0, 0)
    second(0)
    first(1)
    assert third() == 0
    second(1)
    assert third() == 1
    sim.line(3).drive(0)
    assert first() == 0
    sim.line(3).drive(None)
    assert first() == 1


def test_an_interrupt_comes_with_the_pin_at_the_edges_that_were_asked_for(sim: SimBoard) -> None:
    sim.connect(1, 2)
    out, pin = Pin(1, Pin.OUT, value=0), Pin(2, Pin.IN)
    seen: list[tuple[Pin, int | None]] = []
    irq = pin.irq(lambda each: seen.append((each, each.value())), Pin.IRQ_RISING)
    out(1)
    out(0)
    out(1)
    assert seen == [(pin, 1), (pin, 1)]
    assert irq.flags() == Pin.IRQ_RISING
    assert irq.trigger(Pin.IRQ_FALLING) == Pin.IRQ_RISING
    out(0)
    assert seen[2:] == [(pin, 0)]
    pin.irq(None)
    out(1)
    assert len(seen) == 3
    with pytest.raises(ValueError, match="interrupts come from edges"):
        pin.irq(print, Pin.IRQ_LOW_LEVEL)


def test_interrupts_that_are_disabled_come_once_for_each_source(sim: SimBoard) -> None:
    pins = [Pin(1, Pin.OUT, value=0), Pin(2, Pin.OUT, value=0)]
    seen: list[Pin] = []
    for pin in pins:
        pin.irq(seen.append, Pin.IRQ_RISING)
    state = machine.disable_irq()
    again = machine.disable_irq()
    for _ in range(3):
        for pin in pins:
            pin(1)
            pin(0)
    assert seen == []
    machine.enable_irq(again)
    assert seen == []
    machine.enable_irq(state)
    assert sorted(map(repr, seen)) == ["Pin(1)", "Pin(2)"]


def test_a_handler_is_never_called_inside_another(sim: SimBoard) -> None:
    pin = Pin(1, Pin.OUT, value=0)
    told: list[str] = []

    def handler(each: Pin) -> None:
        told.append("begins")
        if len(told) < 5:
            each(not each())
        told.append("ends")

    pin.irq(handler, Pin.IRQ_RISING | Pin.IRQ_FALLING)
    pin(1)
    assert told == ["begins", "ends"] * 3


def test_a_handler_that_fails_is_printed_and_the_next_comes(sim: SimBoard, capsys: pytest.CaptureFixture[str]) -> None:
    pin = Pin(1, Pin.OUT, value=0)
    pin.irq(lambda each: 1 // int(not each()), Pin.IRQ_RISING | Pin.IRQ_FALLING)
    pin(1)
    pin(0)
    assert capsys.readouterr().err.count("ZeroDivisionError") == 1


def test_a_hard_interrupt_is_at_once_where_the_edge_is(sim: SimBoard) -> None:
    pin = Pin(1, Pin.IN)
    where: list[threading.Thread] = []
    pin.irq(lambda each: where.append(threading.current_thread()), Pin.IRQ_RISING, hard=True)
    thread = threading.Thread(target=sim.line(1).drive, args=[1])
    thread.start()
    thread.join()
    assert where == [thread]


def test_an_edge_on_another_thread_reaches_the_main_one(sim: SimBoard) -> None:
    pin = Pin(1, Pin.IN)
    where: list[threading.Thread] = []
    pin.irq(lambda each: where.append(threading.current_thread()), Pin.IRQ_RISING)
    thread = threading.Thread(target=sim.line(1).drive, args=[1])
    thread.start()
    wait(lambda: where)
    assert where == [threading.main_thread()]
    thread.join()


def test_a_schedule_that_is_full_is_a_runtime_error(sim: SimBoard) -> None:
    seen: list[int] = []
    refused: list[str] = []

    def fill(_: None) -> None:
        for i in range(DEPTH):
            micropython.schedule(seen.append, i)
        try:
            micropython.schedule(seen.append, -1)
        except RuntimeError as error:
            refused.append(str(error))

    micropython.schedule(fill, None)
    wait(lambda: len(seen) == DEPTH)
    assert refused == ["schedule queue full"]
    assert seen == list(range(DEPTH))


def test_timers_are_called_once_or_until_they_are_ended(sim: SimBoard) -> None:
    once: list[Timer] = []
    often: list[Timer] = []
    timer = Timer(-1)
    timer.init(mode=Timer.ONE_SHOT, period=1, callback=once.append)
    other = Timer(freq=500, callback=often.append)
    wait(lambda: len(often) >= 4)
    assert once == [timer]
    assert often[0] is other
    other.deinit()
    count = len(often)
    last: list[Timer] = []
    Timer(-1, mode=Timer.ONE_SHOT, period=20, callback=last.append)
    wait(lambda: last)
    assert len(often) == count
    with pytest.raises(ValueError, match="period or freq must be positive"):
        Timer(period=0, callback=print)


def test_a_number_is_one_timer(sim: SimBoard) -> None:
    first: list[Timer] = []
    second: list[Timer] = []
    Timer(3, mode=Timer.ONE_SHOT, period=5, callback=first.append)
    Timer(3, mode=Timer.ONE_SHOT, period=30, callback=second.append)
    wait(lambda: second)
    assert first == []


def test_a_device_that_does_not_answer_is_enodev(sim: SimBoard) -> None:
    chip = ChipModel(now=lambda: 10**10)
    i2c = I2C(0, scl=Pin(5), sda=Pin(4), freq=400_000)
    for act in (
        lambda: i2c.readfrom(0x76, 1),
        lambda: i2c.writeto(0x76, b""),
        lambda: i2c.readfrom_mem(0x76, 0xD0, 1),
        lambda: i2c.writeto_mem(0x76, 0xF4, b"\0"),
        lambda: i2c.writevto(0x76, [b"a", b"b"]),
    ):
        with pytest.raises(OSError, match=r"^\[Errno 19\] ENODEV$") as caught:
            act()
        assert (caught.value.errno, caught.value.args) == (errno.ENODEV, (errno.ENODEV,))
    assert i2c.scan() == []
    sim.attach(chip, 0x76)
    assert i2c.scan() == [0x76]
    chip.fault = Fault.NACK
    assert i2c.scan() == []


def test_a_bus_reads_and_writes_registers_of_any_width(sim: SimBoard) -> None:
    sim.attach(Registers(), 0x50)
    sim.attach(Registers(1 << 12, address_bytes=2), 0x51, bus=-1)
    i2c, soft = I2C(0), SoftI2C(scl=Pin(1), sda=Pin(2))
    i2c.writeto_mem(0x50, 0x10, b"abcd")
    assert i2c.readfrom_mem(0x50, 0x11, 2) == b"bc"
    room = bytearray(3)
    i2c.readfrom_mem_into(0x50, 0x10, room)
    assert room == b"abc"
    assert i2c.writeto(0x50, b"\x12", False) == 1
    i2c.readfrom_into(0x50, memoryview(room)[1:])
    assert room == b"acd"
    assert i2c.writevto(0x50, (b"\x20", bytearray(b"xy"), "z")) == 4
    assert i2c.readfrom_mem(0x50, 0x20, 3) == b"xyz"
    soft.writeto_mem(0x51, 0x0ABC, b"far", addrsize=16)
    assert soft.readfrom_mem(0x51, 0x0ABC, 3, addrsize=16) == b"far"
    with pytest.raises(ValueError, match="invalid addrsize"):
        soft.readfrom_mem(0x51, 0, 1, addrsize=12)


def test_a_driver_of_the_project_runs_on_it(sim: SimBoard) -> None:
    now = 10**10
    chip = ChipModel(now=lambda: now)
    sim.attach(chip, 0x76)
    chip.set(celsius=4.5)
    driver = BME280(I2C(0))
    now += driver.start() * 1_000_000
    assert driver.sample()["temperature"] == pytest.approx(4.5, abs=0.02)


def test_spi_reaches_the_chip_whose_select_is_low(sim: SimBoard) -> None:
    class Inverter:
        def transfer(self, out: bytes) -> bytes:
            return bytes(byte ^ 0xFF for byte in out)

    sim.attach_spi(Inverter(), select=5, bus=1)
    select = Pin(5, Pin.OUT, value=1)
    spi = SPI(1, 10_000_000, polarity=1, phase=1, firstbit=SPI.LSB)
    assert sim.spi(1).settings == {"baudrate": 10_000_000, "polarity": 1, "phase": 1, "lsb_first": True}
    assert spi.read(2) == b"\xff\xff"
    select(0)
    assert spi.read(2, 0x0F) == b"\xf0\xf0"
    room = bytearray(3)
    spi.write_readinto(b"\x01\x02\x03", room)
    assert room == b"\xfe\xfd\xfc"
    spi.readinto(room, 1)
    assert room == b"\xfe" * 3
    spi.init(baudrate=5)
    assert sim.spi(1).settings["phase"] == 1
    with pytest.raises(ValueError, match="same length"):
        spi.write_readinto(b"1", bytearray(2))
    with pytest.raises(ValueError, match="SPI 1: bits must be 8, not 16"):
        SPI(1, bits=16)


def test_serial_lines_are_crossed_and_say_nothing_as_none(sim: SimBoard) -> None:
    sim.uart(1).join(sim.uart(2))
    first, second = UART(1, 9600), UART(2, 115200, 8, None, 1, timeout=1, timeout_char=1)
    assert sim.uart(2).settings["baudrate"] == 115200
    assert second.read() is None
    assert second.readline() is None
    assert first.write("line\nrest") == 9
    assert (second.any(), second.readline(), second.read(2), second.read()) == (9, b"line\n", b"re", b"st")
    room = bytearray(4)
    first.write(b"ab")
    assert (second.readinto(room), room) == (2, b"ab\0\0")
    seen: list[UART] = []
    second.irq(seen.append, UART.IRQ_RXIDLE)
    first.write(b"!")
    assert seen == [second]
    assert second.ioctl(3, 5) == 5
    assert first.ioctl(3, 5) == 4
    lonely = UART(3)
    lonely.write(b"into the air")
    lonely.sendbreak()
    assert (bytes(sim.uart(3).sent), sim.uart(3).breaks) == (b"into the air", 1)
    sim.uart(3).feed(b"from the air")
    assert lonely.read(4) == b"from"


def test_analog_inputs_measure_what_lies_at_them(sim: SimBoard) -> None:
    sim.volts[26] = 1.65
    assert (ADC(Pin(26)).read_u16(), ADC(26).read_uv(), ADC(26).read()) == (32767, 1_650_000, 2047)
    sim.volts[26] = 99.0
    assert ADC(26).read_u16() == 65535
    assert ADC(27).read_u16() == 0


def test_pwm_keeps_its_duty_when_the_frequency_changes(sim: SimBoard) -> None:
    pwm = PWM(Pin(3), freq=1000, duty_u16=32768)
    assert (sim.pwm(3).period_ns, sim.pwm(3).high_ns) == (1_000_000, 500_008)
    pwm.freq(50)
    assert (pwm.freq(), pwm.duty_u16(), sim.pwm(3).period_ns, sim.pwm(3).high_ns) == (50, 32768, 20_000_000, 10_000_153)
    pwm.duty_ns(1_500_000)
    assert (sim.pwm(3).high_ns, pwm.duty_u16()) == (1_500_000, 4915)
    pwm.init(duty_u16=65535, invert=True)
    assert sim.pwm(3).high_ns == 0
    pwm.deinit()
    assert sim.pwm(3).period_ns == 0
    for wrong in ({"freq": 0}, {"freq": -1}, {"freq": 1000, "duty_ns": 1_000_001}):
        with pytest.raises(ValueError, match=r"PWM\(3\)"):
            PWM(3, **wrong)


def test_a_signal_may_be_inverted(sim: SimBoard) -> None:
    pin = Pin(1, Pin.OUT)
    signal = Signal(pin, invert=True)
    signal.on()
    assert (pin(), signal()) == (0, 1)
    other = Signal(2, Pin.OUT, value=0, invert=False)
    other.value(1)
    assert Pin(2)() == 1


def test_a_pulse_is_measured_and_one_that_does_not_come_is_minus_two(sim: SimBoard) -> None:
    pin = Pin(1, Pin.IN)
    assert machine.time_pulse_us(pin, 1, 100) == -2
    sim.line(1).drive(1)
    assert machine.time_pulse_us(pin, 1, 100) == -1


def test_pixels_are_sent_in_their_order(sim: SimBoard) -> None:
    strip = neopixel.NeoPixel(Pin(4), 3)
    strip.fill((1, 2, 3))
    strip[-1] = (7, 8, 9)
    strip.write()
    assert sim.strips[4] == bytes([2, 1, 3, 2, 1, 3, 8, 7, 9])
    assert (strip[2], next(iter(strip)), len(strip)) == ((7, 8, 9), (1, 2, 3), 3)
    with pytest.raises(IndexError):
        strip[3] = (0, 0, 0)
    white = neopixel.NeoPixel(4, 1, bpp=4)
    white[0] = (1, 2, 3, 4)
    assert white.buf == bytes([2, 1, 3, 4])


@pytest.mark.parametrize("celsius", [-40.0, -0.1, 0.0, 21.5, 80.0])
def test_a_dht22_has_tenths_and_a_sign(sim: SimBoard, celsius: float) -> None:
    sensor = dht.DHT22(Pin(5))
    with pytest.raises(OSError, match="ETIMEDOUT"):
        sensor.measure()
    sim.air[5] = (celsius, 61.2)
    sensor.measure()
    assert sensor.temperature() == pytest.approx(celsius)
    assert sensor.humidity() == pytest.approx(61.2)


def test_a_dht_whose_sum_is_wrong_is_refused(sim: SimBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sim, "humidity", lambda name, kind: b"\x28\x00\x15\x00\x00")
    sensor = dht.DHT11(5)
    with pytest.raises(Exception, match="checksum error"):
        sensor.measure()
    monkeypatch.setattr(sim, "humidity", lambda name, kind: b"\x28\x00\x15\x00\x3d")
    sensor.measure()
    assert (sensor.humidity(), sensor.temperature()) == (40, 21)


def test_a_handler_runs_during_a_sleep(sim: SimBoard) -> None:
    from ganglion.shims.modules import time

    seen: list[Timer] = []
    Timer(mode=Timer.ONE_SHOT, period=1, callback=seen.append)
    before = time.ticks_ms()
    while not seen:
        time.sleep_ms(50)
    assert time.ticks_diff(time.ticks_ms(), before) >= 50
