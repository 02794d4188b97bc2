# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind `gpio`: an input line of a gpiochip, or a simulated one: its state, its edges as they happen, and their rate."""

import os
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from ganglion import extras
from ganglion.errors import UsageError
from ganglion.sensors.edges import Edge, Edges, Reading
from ganglion.sensors.source import Place, Section, Source, Value
from ganglion.settings import duration_field


@dataclass(frozen=True, slots=True, kw_only=True)
class GpioSection(Section):
    """`[sensor.<name>]` with `kind = "gpio"`.

    Attributes:
        chip: `/dev/gpiochipN`, or `sim` for a simulated line, which is what it is set to.
        line: The line's offset on the chip or its name, as `gpioinfo` shows them.
        bias: `up`, `down` (the controller's own resistors), `off`, or `as-is`.
        active_low: Whether the state is true while the line is low.
        edges: Which are told and counted: `rising` (the line becomes active), `falling` or `both`.
        debounce: How long the line must be still before an edge counts, up to 1s: by the controller where it can, by
            the kernel elsewhere.
        every: From one `rate` to the next, 100ms to 4s; the state is given then too. An edge is given at once.
    """

    chip: str
    line: int | str
    bias: str = "as-is"
    active_low: bool = False
    edges: str = "both"
    debounce: int = duration_field("0s")
    every: int = duration_field("1s")

    def __post_init__(self) -> None:
        if self.chip != "sim" and not os.path.normpath(self.chip).startswith("/dev/"):
            raise ValueError(f'chip must be "/dev/gpiochipN" or "sim", not {self.chip!r}')
        if self.line == "" or (isinstance(self.line, int) and self.line < 0):
            raise ValueError(f"line must be an offset from 0 or a name, not {self.line!r}")
        if self.bias not in ("up", "down", "off", "as-is"):
            raise ValueError(f"bias must be up, down, off or as-is, not {self.bias!r}")
        if self.edges not in ("rising", "falling", "both"):
            raise ValueError(f"edges must be rising, falling or both, not {self.edges!r}")
        if not 0 <= self.debounce <= 1_000_000_000:
            raise ValueError("debounce must be 0s to 1s")
        if not 100_000_000 <= self.every <= 4_000_000_000:
            raise ValueError("every must be 100ms to 4s")


SECTION = GpioSection


def source(section: GpioSection, place: Place) -> Source:
    """The line.

    Raises:
        RefusedError: a section from afar names another device.
        UsageError: gpiod is not installed.
    """
    if section.chip == "sim":
        return _Simulated(section, place)
    section = replace(section, chip=place.device("chip", section.chip, r"/dev/gpiochip\d+"))
    if not place.replayed and not extras.is_there("gpiod"):
        raise UsageError(f"{place.where}: {section.chip} needs gpiod 2: {extras.remedy('i2c', 'gpiod')}")
    return _Gpio(section, place)


class Line(Protocol):
    """One input line; `ganglion.sensors.gpiod_line` says what each does."""

    def value(self) -> bool: ...
    def wait(self, timeout: int) -> list[Edge]: ...
    def interrupt(self) -> None: ...
    def close(self) -> None: ...


class _Gpio(Source):
    channels: Mapping[str, str] = {"state": "", "edges": "1", "rate": "Hz"}
    every = 0  # edges come when they do

    def __init__(self, section: GpioSection, place: Place) -> None:
        self._section = section
        self._consumer = f"ganglion {place.where.rpartition('.')[2]}"
        self._now = time.monotonic_ns  # the clock that the kernel stamps edges with
        self._edges = Edges(every=section.every)
        self._readings: deque[Reading] = deque()
        self._line: Line | None = None

    def open(self) -> None:
        self._line = self._request()
        # Its state after its edges are watched: none can be lost in between
        self._readings.append(self._edges.begin(self._line.value(), self._now()))

    def sample(self) -> Mapping[str, Value]:
        assert self._line is not None
        while not self._readings:
            edges = self._line.wait(self._edges.due - self._now())
            for edge in edges:
                self._readings.extend(self._edges.edge(*edge))
            if not edges and (reading := self._edges.quiet(self._line.value(), self._now())):
                self._readings.append(reading)
        timestamp, values = self._readings.popleft()
        self.age = max(self._now() - timestamp, 0)
        return values

    def interrupt(self) -> None:
        if (line := self._line) is not None:
            line.interrupt()

    def close(self) -> None:
        self._readings.clear()
        if self._line is not None:
            self._line.close()
            self._line = None

    def _request(self) -> Line:
        from ganglion.sensors.gpiod_line import GpiodLine

        return GpiodLine(
            self._section.chip,
            self._section.line,
            bias=self._section.bias,
            active_low=self._section.active_low,
            edges=self._section.edges,
            debounce=self._section.debounce,
            consumer=self._consumer,
        )


class _Simulated(_Gpio):
    simulated = True

    def __init__(self, section: GpioSection, place: Place) -> None:
        from ganglion.sim.line import SimulatedLine

        super().__init__(section, place)
        self._now = place.now
        self.line = SimulatedLine(edges=section.edges, now=place.now)

    def set(self, channel: str, value: Value | None) -> None:
        if channel != "state":
            raise ValueError("follows from the state: set that one")
        if value not in (True, False, None):
            raise ValueError("must be true or false")
        self.line.set(bool(value))

    def _request(self) -> Line:
        self.line.request()
        return self.line
