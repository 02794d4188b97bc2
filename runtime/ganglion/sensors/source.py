# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kind of sensor has to bring: its section of the configuration and a source of samples."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganglion.errors import RefusedError
from ganglion.sensors.addresses import At

#: A reading: a number, a bool, or a text, as a code that was read.
Value = float | int | bool | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What every `[sensor.<name>]` may have.

    Attributes:
        kind: What it reads: one of `ganglion.sensors.sensor.KINDS`.
        calibration: A table for each channel that is corrected: with `calibration.temperature = {scale = 1.0,
            offset = -0.3}` a reading becomes `reading * scale + offset`.
        range: For a channel the lowest and the highest value it can have, as in `range.temperature = [-40, 85]`, in its
            unit and after calibration. A value outside is refused and counted.
        max_rate_hz: Events of each channel a second at the most; without it each reading is one.
        min_confidence: 0 to 1: a reading that its source is less sure of is no event.
        replay: A recording that is read in place of what the section names, beside the configuration file unless
            absolute; the values in it are corrected already.
    """

    kind: str
    calibration: dict[str, Any] = field(default_factory=dict)
    range: dict[str, Any] = field(default_factory=dict)
    max_rate_hz: float | None = None
    min_confidence: float = 0.0
    replay: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a section stands.

    Attributes:
        where: `sensor.fridge`, with the file before it; begins every complaint.
        resolve: A path of the section, made absolute.
        now: Nanoseconds that do not go back; simulated hardware lives in this time.
        state: A path in the node's state folder, made absolute: for what a sensor keeps.
        replayed: Whether only channels and types are asked for, since a recording is read: what the source itself
            needs may be missing.
        remote: Whether the section came from afar, and not from the configuration file: then it names devices that
            are what it takes them for, and no other file than `resolve` lets pass.
        actuators: The chips on I2C buses that are actuators, by name: no sensor speaks to those.
    """

    where: str
    resolve: Callable[[str], Path]
    now: Callable[[], int]
    state: Callable[[str], Path] = Path
    replayed: bool = False
    remote: bool = False
    actuators: Mapping[str, At] = field(default_factory=dict)

    def device(self, key: str, path: str, form: str) -> str:
        """The path of a device as the section names it; from afar the device itself, wherever links lead.

        Args:
            key: Where the path stands in the section.
            form: Regular expression of what it may be from afar.

        Raises:
            RefusedError: it is another file, which would be opened, or written to, by whoever may add a sensor.
        """
        if not self.remote:
            return path
        found = str(self.resolve(path))
        self.agree(key, found, form)
        return found

    def folder(self, key: str, path: str) -> str:
        """A folder as the section names it; from afar `/`, or one that `resolve` lets pass.

        Raises:
            RefusedError: it is elsewhere.
        """
        return path if not self.remote or path == "/" else str(self.resolve(path))

    def agree(self, key: str, name: str, form: str) -> None:
        """Refuses what a section from afar may not name.

        Raises:
            RefusedError: it is not of this form.
        """
        if self.remote and not re.fullmatch(form, name):
            raise RefusedError(f"{self.where}.{key}: {name} is refused from afar: name it in the configuration file")


class Source:
    """Where samples come from. All but `set` and `interrupt` are called on one thread and may block.

    Attributes:
        channels: Name of each quantity to its UCUM unit, "" for a bool or a text.
        branch: Of the taxonomy of events (`ganglion.bus.taxonomy`); a channel's type is below it. "" has no types.
        every: Nanoseconds from one sample to the next; 0 for a source whose `sample` itself waits for the next one.
        simulated: Whether `set` can tell it what to read.
        ranges: For a channel the lowest and the highest value it can have, in its unit.
        confidence: For a channel the one that says how sure it is, 0 to 1.
        holds: Whether a sample holds until the next one, however long that takes.
        in_rows: Whether samples come so fast, at its own pace, that they are taken many at a time.
        age: Nanoseconds that what `sample` returned last is old, where the source knows it, as of an edge that the
            kernel stamped.
        chip: The chip on an I2C bus that it speaks to, if it is one.
        lacks: What keeps a `sample` that does not come from coming, as far as the source can know: the end of a
            sentence; "" where it cannot.
    """

    channels: Mapping[str, str]
    branch: str = ""
    every: int
    simulated: bool = False
    ranges: Mapping[str, tuple[float, float]] = {}
    confidence: Mapping[str, str] = {}
    holds: bool = False
    in_rows: bool = False
    age: int = 0
    chip: At | None = None
    lacks: str = ""

    @property
    def missed(self) -> int:
        """What it lost so far because nobody fetched it in time, in its own steps."""
        return 0

    def open(self) -> None:
        """Makes it ready; called before the first sample, and again after a failure and `close`. May raise."""

    def sample(self) -> Mapping[str, Value]:
        """One value for each channel that has one now.

        Raises:
            Exception: whatever the driver raises; the sensor counts it, closes the source and tries again later.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Gives back what `open` took. Called after a failed `open` too."""

    def interrupt(self) -> None:
        """From any thread: a `sample` that waits returns or raises soon. The source is closed next."""

    def set(self, channel: str, value: Value | None) -> None:
        """From any thread, where `simulated`: reads `value` from now on, None for what it read before.

        Raises:
            ValueError: it could never read that.
        """
        raise NotImplementedError(f"{type(self).__name__} is not simulated")
