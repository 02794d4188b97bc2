# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver `pcf8574`: a pin of a PCF8574, whose eight pins are written in one byte."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganglion.errors import InvalidError
from ganglion.guardian.driver import Driver, Place, Section
from ganglion.guardian.i2c import SIMULATED, Chip, Part, check, shared
from ganglion.guardian.raw import PinWrite, Raw
from ganglion_micro.drivers.pcf8574 import ADDRESS, PCF8574

if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C


@dataclass(frozen=True, slots=True, kw_only=True)
class Pcf8574Section(Section):
    """`[actuator.<name>]` with `driver = "pcf8574"`.

    Attributes:
        bus: `/dev/i2c-N`, or `sim` for a simulated chip.
        address: 0x20 to 0x27, of a PCF8574A 0x38 to 0x3F.
        pin: 0 to 7.
        active_low: Whether the pin is low when it is on, as relay boards want it. The chip drives a pin low with
            strength and high with next to none.
    """

    bus: str
    address: int = ADDRESS
    pin: int
    active_low: bool = True


SECTION = Pcf8574Section


def driver(section: Pcf8574Section, place: Place) -> Driver:
    """The pin.

    Raises:
        InvalidError: a key makes no sense, or the pin is another actuator's.
    """
    if section.low is not None or section.values:
        raise InvalidError("a pin takes true and false: low, high and values are for others", where=place.where)
    device = check(section.bus, section.address, 0x20, 0x3F, place)
    if not 0 <= section.pin <= 7:
        raise InvalidError("must be 0 to 7", where=f"{place.where}.pin")

    def opened() -> "I2C":
        if section.bus != SIMULATED:
            return place.i2c(section.bus)
        from ganglion.sim.i2c import SimulatedI2C
        from ganglion.sim.pcf8574 import ChipModel

        return SimulatedI2C({section.address: ChipModel(now=time.monotonic_ns)})

    port = shared(place, ("pcf8574", device, section.address), lambda: Port(section.bus, section.address, opened))
    if section.pin in port.levels:
        raise InvalidError(f"pin {section.pin} is another actuator's", where=f"{place.where}.pin")
    safe = next((each for each in (section.fail_safe, section.off) if each is not None), False)
    port.levels[section.pin] = port.safe[section.pin] = bool(safe) is not section.active_low
    return Pin(port, section.pin, active_low=section.active_low)


class Port(Chip):
    """One chip.

    Args:
        bus, address, opened: As of all chips.

    Attributes:
        levels: Pin to what it was told last; before, and after a write that failed, what is safe.
        safe: Pin to what is safe.
    """

    def __init__(self, bus: str, address: int, opened: "Callable[[], I2C]") -> None:
        super().__init__(bus, address, opened)
        self.levels: dict[int, bool] = {}
        self.safe: dict[int, bool] = {}

    def lose(self) -> None:
        self.levels = dict(self.safe)

    def set_up(self, i2c: "I2C") -> PCF8574:
        latch = 0xFF & ~sum(1 << pin for pin, level in self.levels.items() if not level)
        return PCF8574(i2c, self.address, latch)


class Pin(Part[Port]):
    """One pin of it."""

    def __init__(self, port: Port, pin: int, *, active_low: bool) -> None:
        super().__init__(port)
        self._pin = pin
        self._active_low = active_low

    def __str__(self) -> str:
        return f"pin {self._pin} of 0x{self.chip.address:02x} on {self.chip.bus}"

    def write(self, value: Any) -> None:
        level = bool(value) is not self._active_low

        def write(chip: PCF8574) -> None:
            self.chip.levels[self._pin] = self.chip.safe[self._pin]  # where it fails: it is set up so for the others
            chip.set(self._pin, level)
            self.chip.levels[self._pin] = level

        self.chip.call(write)

    def read(self) -> Any | None:
        return self.chip.call(lambda chip: chip.get(self._pin)) is not self._active_low

    def raw(self, value: Any) -> Sequence[Raw]:
        if self.chip.bus == SIMULATED:
            return []
        bit = 1 << self._pin
        levels = bit if bool(value) is not self._active_low else 0
        return [PinWrite(device=self.chip.bus, address=self.chip.address, pins=bit, levels=levels)]
