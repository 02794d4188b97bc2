# SPDX-License-Identifier: GPL-3.0-or-later
"""An Aosong DHT22 as its line shows it: how long it is low and high, from the data sheet; no line is the driver's."""

import errno
from collections.abc import Callable
from enum import Enum
from typing import Any

_PERIOD = 2_000_000_000  # ns between two readings


class Fault(Enum):
    """What can be wrong with the chip or its line.

    SILENT: it does not answer. NOISE: a bit is longer than it was sent. CUT: the last pulses do not arrive.
    """

    SILENT = "silent"
    NOISE = "noise"
    CUT = "cut"


class ChipModel:
    """One chip. It answers with what it measured when it was asked before, and not twice within two seconds.

    Args:
        now: Nanoseconds of any clock that does not go back.
    """

    def __init__(self, *, now: Callable[[], int]) -> None:
        self.fault: Fault | None = None
        self._now = now
        self._asked = now() - _PERIOD
        self._air = {"celsius": 20.0, "percent": 45.0}
        self._measured = dict(self._air)

    def set(self, **quantities: float | None) -> None:
        """`celsius` and `percent` from now on; None for 20 degrees and 45 %.

        Raises:
            ValueError: no such quantity, or the chip cannot measure the value.
        """
        for name, value in quantities.items():
            low, high, usual = {"celsius": (-40, 80, 20.0), "percent": (0, 100, 45.0)}[name]
            if value is not None and not low <= value <= high:
                raise ValueError(f"{name} must be {low} to {high}, not {value}")
            self._air[name] = usual if value is None else value

    def line(self) -> list[tuple[int, int]]:
        """Levels with their microseconds, from the host's release of the line on; nothing if it does not answer."""
        early = self._now() - self._asked < _PERIOD
        self._asked = self._now()
        if early or self.fault is Fault.SILENT:
            return []
        said, self._measured = self._measured, dict(self._air)
        levels = [(1, 30), (0, 80), (1, 80)]
        for bit in _bits(said["celsius"], said["percent"]):
            levels += [(0, 50), (1, 70 if bit else 26)]
        if self.fault is Fault.NOISE:
            levels[12] = (1, 96 - levels[12][1])
        if self.fault is Fault.CUT:
            del levels[-6:]
        return [*levels, (0, 50)]

    def readinto(self, pin: Any, buf: bytearray) -> None:
        """What `machine.dht_readinto` does with a chip at `pin`.

        Raises:
            OSError: ETIMEDOUT, pulses do not come.
        """
        highs = [time for level, time in self.line() if level][2:]
        if len(highs) < 40:
            raise OSError(errno.ETIMEDOUT, "the chip does not answer")
        number = int("".join("1" if high > 48 else "0" for high in highs), 2)
        buf[:] = number.to_bytes(5, "big")


def _bits(celsius: float, percent: float) -> list[bool]:
    humidity, temperature = round(percent * 10), round(abs(celsius) * 10)
    if celsius < 0:
        temperature |= 0x8000
    total = sum(divmod(humidity, 256) + divmod(temperature, 256)) & 0xFF
    return [bit == "1" for bit in f"{humidity:016b}{temperature:016b}{total:08b}"]
