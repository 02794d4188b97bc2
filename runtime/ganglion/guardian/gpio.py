# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver `gpio`: an output line of a Linux GPIO chip, by gpiod 2."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ganglion import extras
from ganglion.errors import InvalidError, UsageError
from ganglion.guardian.driver import Driver, Place, Section, claim
from ganglion.guardian.raw import LineWrite, Raw
from ganglion.linux import gpiochip


@dataclass(frozen=True, slots=True, kw_only=True)
class GpioSection(Section):
    """`[actuator.<name>]` with `driver = "gpio"`.

    Attributes:
        chip: `/dev/gpiochipN`.
        line: Number of the line, or the name that the kernel knows it by.
        active_low: Whether the line is low when it is on.
    """

    chip: str = "/dev/gpiochip0"
    line: int | str
    active_low: bool = False


SECTION = GpioSection


def driver(section: GpioSection, place: Place) -> Driver:
    """The line.

    Raises:
        UsageError: gpiod is not installed.
        InvalidError: it is to take anything but true and false.
    """
    if section.low is not None or section.values:
        raise InvalidError("a line takes true and false: low, high and values are for others", where=place.where)
    if isinstance(section.line, str) and section.line.isdecimal():
        raise InvalidError("a line's number is written without quotes", where=f"{place.where}.line")
    claim(place, (os.path.realpath(section.chip), section.line), f"line {section.line} of {section.chip}", "line")
    if not extras.is_there("gpiod"):
        raise UsageError(f"{place.where}: {section.chip} needs gpiod 2: {extras.remedy('i2c', 'gpiod')}")
    return Gpio(section.chip, section.line, active_low=section.active_low)


class Gpio:
    """One output line. It is requested by the first write, with its value, so that it never shows another.

    Args:
        chip: `/dev/gpiochipN`.
        line: Its number or name.
        active_low: Whether it is low when it is on.
    """

    def __init__(self, chip: str, line: int | str, *, active_low: bool) -> None:
        self._chip = chip
        self._line = line
        self._active_low = active_low
        self._request: Any = None

    def __str__(self) -> str:
        return f"line {self._line} of {self._chip}"

    def write(self, value: Any) -> None:
        from gpiod import LineSettings, request_lines
        from gpiod.line import Direction, Value

        said = Value.ACTIVE if value else Value.INACTIVE
        if self._request is None:
            settings = LineSettings(direction=Direction.OUTPUT, active_low=self._active_low, output_value=said)
            try:
                self._request = request_lines(self._chip, consumer="ganglion", config={self._line: settings})
            except (OSError, ValueError) as error:
                raise OSError(gpiochip.refusal(self._chip, self._line, error)) from error
            return
        try:
            self._request.set_value(self._line, said)
        except OSError:  # the chip is gone; it may come back as another
            request, self._request = self._request, None
            with suppress(OSError):
                request.release()
            raise

    def read(self) -> Any | None:
        from gpiod.line import Value

        return None if self._request is None else self._request.get_value(self._line) is Value.ACTIVE

    def forget(self) -> None:
        """The kernel knows what the line has."""

    def raw(self, value: Any) -> Sequence[Raw]:
        request = self._request  # a write that came too late may let go of it on its thread, now
        try:
            if request is not None:
                return [LineWrite(fd=request.fd, active=bool(value))]
        except Exception as error:
            raise OSError(f"line {self._line} of {self._chip} is not requested any more") from error
        raise OSError(f"line {self._line} of {self._chip} was not requested yet")
