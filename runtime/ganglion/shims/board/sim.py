# SPDX-License-Identifier: GPL-3.0-or-later
"""A board in memory: as many pins and buses as a script names, with what tests and configurations attach to them."""

import threading
from collections.abc import Callable
from typing import Any

from ganglion.shims.bluetooth.sim import Ether, SimPeripheral, SimRadio
from ganglion.shims.board.onewire import SimOneWire
from ganglion.shims.board.sim_serial import SimSerial
from ganglion.shims.board.sim_spi import SimSpi, SpiDevice
from ganglion.shims.board.wires import SimLine
from ganglion.sim.i2c import Device, SimulatedI2C


class SimPulses:
    """A PWM output that remembers what it was told. Zero as period is off."""

    def __init__(self) -> None:
        self.period_ns = 0
        self.high_ns = 0

    def configure(self, *, period_ns: int, high_ns: int) -> None:
        self.period_ns, self.high_ns = period_ns, high_ns

    def stop(self) -> None:
        self.period_ns = self.high_ns = 0


class SimBoard:
    """Everything that can be attached, by the name that the script uses.

    Attributes:
        volts: Analog input to what lies at it; 3.3 V is full scale.
        air: Pin of a DHT to (degrees Celsius, percent of humidity); a pin that is not named has no sensor.
        strips: Pin to the bytes that were last sent to its pixels.
        networks: Name of a wireless network to its password.
        ether: Where its radio of Bluetooth is.
        peripherals: Name of a device there to what it is: `value(uuid)` is what it serves, `send` notifies.
    """

    name = "sim"
    full_scale = 3_300_000

    def __init__(self) -> None:
        self.volts: dict[Any, float] = {}
        self.air: dict[Any, tuple[float, float]] = {}
        self.strips: dict[Any, bytes] = {}
        self.networks: dict[str, str] = {}
        self.ether = Ether()
        self.peripherals: dict[str, SimPeripheral] = {}
        self._lines: dict[Any, SimLine] = {}
        self._devices: dict[Any, dict[int, Device]] = {}
        self._spi: dict[Any, SimSpi] = {}
        self._serial: dict[Any, SimSerial] = {}
        self._pulses: dict[Any, SimPulses] = {}
        self._onewire: dict[Any, SimOneWire] = {}
        self._radio = SimRadio(self.ether, (0, b"\x02" + self.unique_id()[1:6]))

    def connect(self, first: Any, second: Any) -> None:
        """Puts a wire between two pins."""
        self.line(first).net.join(self.line(second).net)

    def attach(self, device: Device, address: int, bus: Any = 0) -> None:
        """Puts a chip model onto an I2C bus.

        Raises:
            ValueError: the address is reserved.
        """
        SimulatedI2C({address: device})
        self._devices.setdefault(bus, {})[address] = device

    def attach_spi(self, device: SpiDevice, select: Any, bus: Any = 0) -> None:
        """Puts a chip model onto an SPI bus; it hears what passes while the pin `select` is low."""
        self.spi(bus).devices.append((self.line(select), device))

    def line(self, name: Any) -> SimLine:
        return self._lines.setdefault(name, SimLine(name))

    def i2c(self, name: Any) -> SimulatedI2C:
        """A bus of this name; a bus of a script's own pins is bus 0 unless something is attached under -1."""
        if name == -1 and name not in self._devices:
            name = 0
        return _LiveI2C(self._devices.setdefault(name, {}))

    def spi(self, name: Any) -> SimSpi:
        return self._spi.setdefault(name, SimSpi())

    def uart(self, name: Any) -> SimSerial:
        return self._serial.setdefault(name, SimSerial())

    def pwm(self, name: Any) -> SimPulses:
        return self._pulses.setdefault(name, SimPulses())

    def microvolts(self, name: Any) -> tuple[int, int]:
        return min(max(int(self.volts.get(name, 0.0) * 1_000_000), 0), self.full_scale), self.full_scale

    def onewire(self, name: Any) -> SimOneWire:
        return self._onewire.setdefault(name, SimOneWire())

    def humidity(self, name: Any, kind: int) -> bytes:
        if name not in self.air:
            raise TimeoutError
        celsius, percent = self.air[name]
        if kind == 1:
            body = bytes([int(percent), 0, int(celsius), 0])
        else:
            tenths = round(abs(celsius) * 10) | (0x8000 if celsius < 0 else 0)
            body = round(percent * 10).to_bytes(2, "big") + tenths.to_bytes(2, "big")
        return body + bytes([sum(body) & 0xFF])

    def pixels(self, name: Any, data: bytes, timing: tuple[int, int, int, int]) -> None:
        self.strips[name] = data

    def radio(self) -> SimRadio:
        return self._radio

    def watchdog(self, milliseconds: int) -> Callable[[], None]:
        from ganglion.shims.restart import WATCHDOG, restart

        timer: threading.Timer | None = None

        def feed() -> None:
            nonlocal timer
            if timer is not None:
                timer.cancel()
            timer = threading.Timer(milliseconds / 1000, restart, [WATCHDOG])
            timer.daemon = True
            timer.start()

        feed()
        return feed

    def unique_id(self) -> bytes:
        return b"ganglion"

    def frequency(self) -> int:
        return 125_000_000


class _LiveI2C(SimulatedI2C):
    """A bus that sees what is attached to it later."""

    def __init__(self, devices: dict[int, Device]) -> None:
        self._devices = devices
