# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver `pca9685`: an output of a PCA9685, which has sixteen of one frequency: servos, lamps, motors."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganglion.errors import InvalidError
from ganglion.guardian import duty
from ganglion.guardian.driver import Driver, Place, Section, claim
from ganglion.guardian.duty import Duty
from ganglion.guardian.i2c import SIMULATED, Chip, Part, check, shared
from ganglion.guardian.raw import I2cWrite, Raw
from ganglion_micro.drivers.pca9685 import ADDRESS, CHANNELS, COUNTS, PCA9685, prescale

if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

#: The first of the four registers of output 0: on low, on high, off low, off high; they count up by themselves.
_LED0 = 0x06
_FULL = 0x10


@dataclass(frozen=True, slots=True, kw_only=True)
class Pca9685Section(Section):
    """`[actuator.<name>]` with `driver = "pca9685"`.

    Attributes:
        bus: `/dev/i2c-N`, or `sim` for a simulated chip.
        address: 0x40 to 0x77.
        channel: 0 to 15.
        frequency: In Hz, 24 to 1526, the same for all of one chip; 50 is what servos want.
        duty: The shares of the period at `low` and at `high`, or for false and true: `[0.05, 0.1]` for a servo.
    """

    bus: str
    address: int = ADDRESS
    channel: int
    frequency: float = 200.0
    duty: tuple[float, ...] = (0.0, 1.0)


SECTION = Pca9685Section


def driver(section: Pca9685Section, place: Place) -> Driver:
    """The output.

    Raises:
        InvalidError: a key makes no sense, or another actuator of the chip wants another frequency.
    """
    device = check(section.bus, section.address, 0x40, 0x77, place)
    if not 0 <= section.channel < CHANNELS:
        raise InvalidError("must be 0 to 15", where=f"{place.where}.channel")
    try:
        prescale(section.frequency)
    except ValueError as error:
        raise InvalidError(str(error), where=place.where) from error

    def opened() -> "I2C":
        if section.bus != SIMULATED:
            return place.i2c(section.bus)
        from ganglion.sim.i2c import SimulatedI2C
        from ganglion.sim.pca9685 import ChipModel

        return SimulatedI2C({section.address: ChipModel(now=time.monotonic_ns)})

    chip = shared(
        place,
        ("pca9685", device, section.address),
        lambda: Outputs(section.bus, section.address, opened, section.frequency),
    )
    if chip.frequency != section.frequency:
        raise InvalidError(f"another output of this chip has {chip.frequency:g} Hz", where=f"{place.where}.frequency")
    claim(place, (device, section.address, section.channel), f"channel {section.channel}", "channel")
    return Output(chip, section.channel, duty.read(section, section.duty, place))


class Outputs(Chip):
    """One chip.

    Args:
        bus, address, opened: As of all chips.
        frequency: Hz.
    """

    def __init__(self, bus: str, address: int, opened: "Callable[[], I2C]", frequency: float) -> None:
        super().__init__(bus, address, opened)
        self.frequency = frequency
        self.counts: dict[int, int] = {}
        self._ours = False  # whether it was ever set up: from then on what its outputs have is the guardian's to say

    def lose(self) -> None:
        self.counts.clear()

    def set_up(self, i2c: "I2C") -> PCA9685:
        chip = PCA9685(i2c, self.address, self.frequency, keep=self._ours)
        time.sleep(chip.start() / 1000)
        for channel, counts in self.counts.items():
            chip.set(channel, counts)
        self._ours = True
        return chip


class Output(Part[Outputs]):
    """One output of it."""

    def __init__(self, chip: Outputs, channel: int, line: Duty) -> None:
        super().__init__(chip)
        self._channel = channel
        self._line = line
        self._value: Any = None

    def __str__(self) -> str:
        return f"channel {self._channel} of 0x{self.chip.address:02x} on {self.chip.bus}"

    def write(self, value: Any) -> None:
        counts = self._counts(value)

        def write(chip: PCA9685) -> None:
            self.chip.counts.pop(self._channel, None)  # where it fails: no other's write gives it a value
            chip.set(self._channel, counts)
            self.chip.counts[self._channel] = counts

        self.chip.call(write)
        self._value = value

    def read(self) -> Any | None:
        counts = self.chip.call(lambda chip: chip.get(self._channel))
        return self._value if counts == self._counts(self._value) else self._line.value(counts / COUNTS)

    def raw(self, value: Any) -> Sequence[Raw]:
        if self.chip.bus == SIMULATED:
            return []
        counts = self._counts(value)
        whole = {0: bytes([0, 0, 0, _FULL]), COUNTS: bytes([0, _FULL, 0, 0])}
        data = whole.get(counts, bytes([0, 0, counts & 0xFF, counts >> 8]))
        register = bytes([_LED0 + 4 * self._channel])
        return [I2cWrite(device=self.chip.bus, address=self.chip.address, data=register + data)]

    def _counts(self, value: Any) -> int:
        return round(self._line.share(value) * COUNTS)
