# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kind of sensor has to bring: its section of the configuration and a source of samples."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: A reading: a number or a bool.
Value = float | int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What every `[sensor.<name>]` may have.

    Attributes:
        kind: `system`, `audio`, `vision`, `bme280`, `bmp280` or `replay`.
        calibration: A table for each channel that is corrected: with `calibration.temperature = {scale = 1.0,
            offset = -0.3}` a reading becomes `reading * scale + offset`.
    """

    kind: str
    calibration: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a section stands.

    Attributes:
        where: `sensor.fridge`, with the file before it; begins every complaint.
        resolve: A path of the section, made absolute.
        now: Nanoseconds that do not go back; simulated hardware lives in this time.
    """

    where: str
    resolve: Callable[[str], Path]
    now: Callable[[], int]


class Source:
    """Where samples come from. All but `set` and `interrupt` are called on one thread and may block.

    Attributes:
        channels: Name of each quantity to its UCUM unit, "" for a bool.
        branch: Of the taxonomy of events (`ganglion.bus.taxonomy`); a channel's type is below it. "" has no types.
        every: Nanoseconds from one sample to the next; 0 for a source whose `sample` itself waits for the next one.
        simulated: Whether `set` can tell it what to read.
    """

    channels: Mapping[str, str]
    branch: str = ""
    every: int
    simulated: bool = False

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
