# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind `replay`: a recorded CSV file as a sensor, row by row at the times it was recorded."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from ganglion.errors import InvalidError
from ganglion.sensors.source import Place, Section, Source, Value
from ganglion.settings import nearest
from ganglion.sim.trace import Trace, load


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySection(Section):
    """`[sensor.<name>]` with `kind = "replay"`.

    Attributes:
        trace: A CSV file with the columns `seconds` and one for each channel.
        units: Channel to UCUM unit; "1" for one that is not named.
        speed: How many recorded seconds go by in one.
        loop: Whether it begins again at its end; it stays at the last row otherwise.
    """

    trace: str
    units: dict[str, str] = field(default_factory=dict)
    speed: float = 1.0
    loop: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.speed <= 1e6:
            raise ValueError(f"speed must be above 0 and at most 1000000, not {self.speed}")


SECTION = ReplaySection


def source(section: ReplaySection, place: Place) -> Source:
    """The recording.

    Raises:
        NotFoundError, InvalidError: the trace is missing or wrong, or a unit is for a column that it has not.
    """
    trace = load(place.resolve(section.trace), loop=section.loop)
    for channel, unit in section.units.items():
        where = f"{place.where}.units.{channel}"
        if channel not in trace.columns:
            raise InvalidError(f"the trace has no such column{nearest(channel, trace.columns)}", where=where)
        if not isinstance(unit, str):
            raise InvalidError(f"must be text, not {unit!r}", where=where)
    return _Replay(section, trace, place)


class Rows:
    """When each row of a trace is due, in seconds since the start. In a loop the last row is the first again.

    Args:
        trace: The recording.
        speed: Recorded seconds in one.
    """

    def __init__(self, trace: Trace, speed: float) -> None:
        self._trace = trace
        self._speed = speed
        self._row = 0
        self._round = 0

    @property
    def due(self) -> float | None:
        """When the next row is due; None after the last of a trace that does not loop."""
        if self._row == len(self._trace.seconds):
            return None
        place = self._trace.seconds[self._row] - self._trace.seconds[0]
        return (self._round * self._trace.length + place) / self._speed

    def take(self) -> dict[str, float]:
        """The row that is due."""
        row = {name: values[self._row] for name, values in self._trace.columns.items()}
        self._row += 1
        if self._trace.loop and self._row >= len(self._trace.seconds) - 1 and self._trace.length:
            self._row = 0
            self._round += 1
        return row


class _Replay(Source):
    simulated = True
    every = 0

    def __init__(self, section: ReplaySection, trace: Trace, place: Place) -> None:
        self.channels = {name: section.units.get(name, "1") for name in trace.columns}
        self._rows = Rows(trace, section.speed)
        self._now = place.now
        self._began: int | None = None
        self._held: dict[str, Value] = {}
        self._last: dict[str, Value] = {}
        self._changed = threading.Event()
        self._ended = False

    def sample(self) -> Mapping[str, Value]:
        if self._began is None:
            self._began = self._now()
        while not self._ended:
            wait = None if (due := self._rows.due) is None else due - (self._now() - self._began) / 1e9
            if wait is not None and wait <= 0:
                self._last = dict(self._rows.take())
                break
            if self._changed.wait(wait):
                self._changed.clear()
                break
        return self._last | self._held

    def interrupt(self) -> None:
        self._ended = True
        self._changed.set()

    def open(self) -> None:
        self._ended = False

    def set(self, channel: str, value: Value | None) -> None:
        held = self._held | ({} if value is None else {channel: value})
        if value is None:
            held.pop(channel, None)
        self._held = held
        self._changed.set()
