# SPDX-License-Identifier: GPL-3.0-or-later
"""An NXP PCF8574 with what hangs on its eight pins, written from the data sheet."""

from collections.abc import Callable

from ganglion.sim.device import Peripheral


class ChipModel(Peripheral):
    """One chip: a device for `SimulatedI2C`.

    Args:
        now: Nanoseconds; the chip has no use for them, all models take them.
    """

    def __init__(self, *, now: Callable[[], int]) -> None:
        super().__init__()
        self._outside: dict[str, bool | None] = dict.fromkeys(f"p{pin}" for pin in range(8))
        self.power_cycle()

    def power_cycle(self) -> None:
        """All pins are inputs after power-on: the latch holds ones."""
        self.latch = 0xFF

    def set(self, **pins: bool | None) -> None:
        """Pulls pins `p0` to `p7` low or high from outside, strongly; None leaves one open.

        Raises:
            ValueError: no such pin.
        """
        for name in pins:
            if name not in self._outside:
                raise ValueError(f"a PCF8574 has no {name}")
        self._outside |= pins

    @property
    def levels(self) -> tuple[bool, ...]:
        """At P0 to P7. The transistor to ground wins over a pull-up, not over a short to the supply."""
        levels = []
        for pin, outside in enumerate(self._outside.values()):
            latched = bool(self.latch >> pin & 1)
            levels.append(latched if outside is None else outside)
        return tuple(levels)

    def _take(self, data: bytes) -> None:
        # Each byte is on the pins when it is acknowledged: the last one stays
        for byte in data:
            self.latch = byte

    def _give(self, count: int) -> bytes:
        return bytes([sum(level << pin for pin, level in enumerate(self.levels))]) * count
