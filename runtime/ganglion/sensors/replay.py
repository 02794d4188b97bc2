# SPDX-License-Identifier: GPL-3.0-or-later
"""A recording as a sensor, row by row at the times it was recorded: kind `replay`, and the key `replay` of any kind."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ganglion.errors import InvalidError
from ganglion.sensors.source import Place, Section, Source, Value
from ganglion.settings import nearest
from ganglion.sim.recording import Cell, Recording, read

#: Seconds that the only row of a recording lasts.
_ALONE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySection(Section):
    """`[sensor.<name>]` with `kind = "replay"`.

    Attributes:
        trace: A recording, as `ganglion sensors record` makes it: CSV, or CBOR where its name ends in `.cbor`.
        units: Channel to UCUM unit, before what the recording says; "1" for one that nobody names.
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
        if self.replay is not None:
            raise ValueError("the kind replay has a trace: replay is for all others")


SECTION = ReplaySection


def source(section: ReplaySection, place: Place) -> Source:
    """The recording.

    Raises:
        NotFoundError, InvalidError: the trace is missing or wrong, or a unit is for a column that it has not.
    """
    track = load(place.resolve(section.trace), place.where.rpartition(".")[2], loop=section.loop)
    for channel, unit in section.units.items():
        where = f"{place.where}.units.{channel}"
        if channel not in track.columns:
            raise InvalidError(f"the trace has no such column{nearest(channel, track.columns)}", where=where)
        if not isinstance(unit, str):
            raise InvalidError(f"must be text, not {unit!r}", where=where)
    channels = {name: section.units.get(name, track.units.get(name, "1")) for name in track.columns}
    return _Replay(channels, Rows(track, section.speed), place)


def replayed(source: Source, section: Section, place: Place) -> Source:
    """A recording in place of a source, with its channels and types.

    Raises:
        NotFoundError, InvalidError: the recording is missing or wrong, or has a column that is no channel of it.
    """
    assert section.replay is not None
    where = f"{place.where}.replay"
    track = load(place.resolve(section.replay), place.where.rpartition(".")[2], loop=True)
    for column in track.columns:
        if column not in source.channels:
            said = f"the recording has {column!r}, and kind {section.kind} no such channel"
            raise InvalidError(said + nearest(column, source.channels), where=where)
    replay = _Replay(source.channels, Rows(track, 1.0), place)
    replay.branch, replay.confidence, replay.ranges = source.branch, source.confidence, source.ranges
    return replay


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What a recording holds of one sensor.

    Attributes:
        seconds: Rising, the first is where it begins.
        columns: Channel to its values, one for each of `seconds`; None where it had none then.
        units: Channel to UCUM unit, where the recording says it.
        loop: Whether it begins again at its end.
    """

    seconds: tuple[float, ...]
    columns: Mapping[str, tuple[Cell, ...]]
    units: Mapping[str, str]
    loop: bool

    @property
    def length(self) -> float:
        """Seconds of one time round: no row comes after the last, which therefore lasts as long as the one before."""
        last = self.seconds[-1] - self.seconds[-2] if len(self.seconds) > 1 else _ALONE
        return self.seconds[-1] - self.seconds[0] + last


def load(path: Path, name: str, *, loop: bool) -> Track:
    """What a file holds of a sensor. Raises: see `track`."""
    return track(read(path), name, where=str(path), loop=loop)


def track(recording: Recording, name: str, *, where: str, loop: bool) -> Track:
    """What a recording holds of a sensor: the columns `<name>.<channel>`, or where no column is of that form, all.

    Raises:
        InvalidError: it has no row of this sensor, or a row is wrong.
    """
    ours = {i: column.removeprefix(f"{name}.") for i, column in enumerate(recording.columns) if "." in column}
    if not ours:
        channels = dict(enumerate(recording.columns))
    else:
        channels = {i: channel for i, channel in ours.items() if channel != recording.columns[i]}
    seconds: list[float] = []
    rows: list[list[Cell]] = []
    for at, cells in recording.rows:
        row = [cells[i] for i in channels]
        if any(cell is not None for cell in row):
            seconds.append(at)
            rows.append(row)
    if not rows:
        raise InvalidError(f"holds no rows of {name}: its columns are {', '.join(recording.columns)}", where=where)
    return Track(
        seconds=tuple(seconds),
        columns=dict(zip(channels.values(), zip(*rows, strict=True), strict=True)),
        units={channel: recording.units[recording.columns[i]] for i, channel in channels.items() if recording.units},
        loop=loop,
    )


class Rows:
    """When each row is due, in seconds since the start.

    Args:
        track: What is replayed.
        speed: Recorded seconds in one.
    """

    def __init__(self, track: Track, speed: float) -> None:
        self._track = track
        self._speed = speed
        self._row = 0
        self._round = 0

    @property
    def due(self) -> float | None:
        """When the next row is due; None after the last of a recording that does not loop."""
        if self._row == len(self._track.seconds):
            return None
        place = self._track.seconds[self._row] - self._track.seconds[0]
        return (self._round * self._track.length + place) / self._speed

    def take(self) -> dict[str, Value]:
        """The row that is due."""
        cells = ((name, values[self._row]) for name, values in self._track.columns.items())
        row: dict[str, Value] = {name: cell for name, cell in cells if cell is not None}
        self._row += 1
        if self._track.loop and self._row == len(self._track.seconds):
            self._row = 0
            self._round += 1
        return row


class _Replay(Source):
    simulated = True
    holds = True
    every = 0

    def __init__(self, channels: Mapping[str, str], rows: Rows, place: Place) -> None:
        self.channels = channels
        self._rows = rows
        self._now = place.now
        self._began: int | None = None
        self._elapsed = 0
        self._held: dict[str, Value] = {}
        self._last: dict[str, Value] = {}
        self._changed = threading.Event()
        self._ended = False

    def sample(self) -> Mapping[str, Value]:
        if self._began is None:
            self._began = self._now() - self._elapsed
        while not self._ended:
            wait = None if (due := self._rows.due) is None else due - (self._now() - self._began) / 1e9
            if wait is not None and wait <= 0:
                row = self._rows.take()
                self._last |= row
                return {name: self._held.get(name, value) for name, value in row.items()}
            if self._changed.wait(wait):
                self._changed.clear()
                break
        return self._last | self._held

    def interrupt(self) -> None:
        self._ended = True
        self._changed.set()

    def open(self) -> None:
        self._ended = False

    def close(self) -> None:
        if self._began is not None:  # it goes on from there, and not with all that is due by then
            self._elapsed, self._began = self._now() - self._began, None

    def set(self, channel: str, value: Value | None) -> None:
        if value is not None and not isinstance(value, bool | int | float | str):
            raise ValueError(f"must be a number, true or false, or text, not {type(value).__name__}")
        held = self._held | ({} if value is None else {channel: value})
        if value is None:
            held.pop(channel, None)
        self._held = held
        self._changed.set()
