# SPDX-License-Identifier: GPL-3.0-or-later
"""What simulated chips that measure have in common: surroundings, and measurements that take their time."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from ganglion.sim.device import Fault, Peripheral
from ganglion.sim.surroundings import Quantity, Surroundings
from ganglion.sim.trace import Trace


class SimulatedChip(Peripheral):
    """One chip.

    Args:
        now: Nanoseconds of any clock that does not go back; measurements take their time in it.
        trace: The surroundings over time, in columns of the names of `quantities`; it begins now.

    Attributes:
        name: Of the chip, for complaints.
        quantities: What it measures, by name.

    Raises:
        ValueError: the trace has another column or a value that the chip cannot measure.
    """

    name: ClassVar[str]
    quantities: ClassVar[Mapping[str, Quantity]]

    def __init__(self, *, now: Callable[[], int], trace: Trace | None = None) -> None:
        super().__init__()
        self._now = now
        self._surroundings = Surroundings(f"a {self.name}", self.quantities, now=now, trace=trace)

    def set(self, **quantities: float | None) -> None:
        """Holds quantities at a value whatever the trace says; None follows it again.

        Raises:
            ValueError: no such quantity, or the chip cannot measure the value.
        """
        self._surroundings.set(**quantities)

    @property
    def surroundings(self) -> dict[str, float]:
        """What the chip is in now."""
        return self._surroundings.read()

    def _busy(self, done: int) -> bool:
        """Whether a measurement that is done at that time goes on."""
        return self.fault is Fault.BUSY or self._now() < done
