# SPDX-License-Identifier: GPL-3.0-or-later
"""Chips on an I2C bus that several actuators share: each is set up once, and again when it did not answer well.

The bus is the caller's to open, or simulated: then a model of the chip is on it.
"""

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ganglion.errors import InvalidError
from ganglion.guardian.driver import Place

if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

SIMULATED = "sim"
C = TypeVar("C")
ChipT = TypeVar("ChipT", bound="Chip")


def check(bus: str, address: int, first: int, last: int, place: Place) -> str:
    """What tells the bus from all others, however its path is spelt.

    Raises:
        InvalidError: they do not.
    """
    if bus != SIMULATED and not bus.startswith("/dev/"):
        raise InvalidError(f'must be "/dev/i2c-N" or "sim", not {bus!r}', where=f"{place.where}.bus")
    if not first <= address <= last:
        raise InvalidError(f"must be 0x{first:02x} to 0x{last:02x}", where=f"{place.where}.address")
    return bus if bus == SIMULATED else os.path.realpath(bus)


def shared(place: Place, key: tuple[Any, ...], make: Callable[[], C]) -> C:
    """What all actuators with this key share; made for the first of them."""
    if key not in place.shared:
        place.shared[key] = make()
    found: C = place.shared[key]
    return found


class Chip:
    """A chip with several outputs, one call at a time; a subclass sets it up in `set_up`.

    Args:
        bus: Its path, or `sim`.
        address: Its address.
        opened: Opens the bus.
    """

    def __init__(self, bus: str, address: int, opened: "Callable[[], I2C]") -> None:
        self.bus = bus
        self.address = address
        self._opened = opened
        self._open: Any = None
        self._forgotten = False
        self._lock = threading.Lock()

    def call(self, work: "Callable[[Any], C]") -> C:
        """What `work` makes of the chip's driver.

        Raises:
            OSError: it does not answer, or not as it should; it is set up again at the next call.
        """
        with self._lock:
            if self._forgotten:
                self._forgotten, self._open = False, None
                self.lose()
            try:
                if self._open is None:
                    self._open = self.set_up(self._opened())
                return work(self._open)
            except OSError:
                self._open = None
                raise

    def forget(self) -> None:
        """It is set up again at the next call, without what was known of it. Does not wait for a call that hangs."""
        self._forgotten = True

    def lose(self) -> None:
        """Nothing counts any more of what its outputs were told."""
        raise NotImplementedError

    def set_up(self, i2c: "I2C") -> Any:
        """The driver of the chip, whose outputs have then what they were told last."""
        raise NotImplementedError


class Part(Generic[ChipT]):
    """An actuator's part of a chip: what fails to reach one part leaves nobody sure of the others.

    Args:
        chip: Whose part it is.
    """

    def __init__(self, chip: ChipT) -> None:
        self.chip = chip

    def forget(self) -> None:
        """All of the chip is set up again."""
        self.chip.forget()
