# SPDX-License-Identifier: GPL-3.0-or-later
"""What a simulated chip is in: quantities that stay, follow a trace, or are set. Knows nothing of registers."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ganglion.sim.trace import Trace


class Quantity(NamedTuple):
    """One quantity: where it rests, and the least and the most of it that the chip can measure."""

    value: float
    low: float
    high: float


class Surroundings:
    """The quantities of one chip.

    Args:
        chip: Its name, for complaints.
        quantities: By name.
        now: Nanoseconds of any clock that does not go back.
        trace: Some of the quantities over time; it begins now.

    Raises:
        ValueError: the trace has another column, or a value that the chip cannot measure.
    """

    def __init__(
        self, chip: str, quantities: Mapping[str, Quantity], *, now: Callable[[], int], trace: Trace | None = None
    ) -> None:
        self._chip = chip
        self._quantities = quantities
        self._now = now
        self._began = now()
        self._trace = trace
        self._held: dict[str, float] = {}
        for name, values in (trace.columns if trace else {}).items():
            if name not in quantities:
                raise ValueError(f"column {name!r} of the trace is none of {', '.join(quantities)}")
            self._check(name, min(values))
            self._check(name, max(values))

    def set(self, **quantities: float | None) -> None:
        """Holds quantities at a value whatever the trace says; None follows it again. All are taken, or none.

        Raises:
            ValueError: no such quantity, or the chip cannot measure the value.
        """
        for name, value in quantities.items():
            if name not in self._quantities:
                raise ValueError(f"{self._chip} has no {name}")
            if value is not None:
                self._check(name, value)
        held = self._held | quantities
        self._held = {name: value for name, value in held.items() if value is not None}

    def read(self) -> dict[str, float]:
        """Every quantity as it is now."""
        followed = self._trace.at((self._now() - self._began) / 1e9) if self._trace else {}
        return {name: quantity.value for name, quantity in self._quantities.items()} | followed | self._held

    def _check(self, name: str, value: float) -> None:
        if not isinstance(value, int | float):
            raise ValueError(f"{name} must be a number, not {value!r}")
        _, low, high = self._quantities[name]
        if not low <= value <= high:
            raise ValueError(f"{name} must be {low} to {high}, not {value}")
