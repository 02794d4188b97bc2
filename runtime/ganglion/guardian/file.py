# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver `file`: the value as text in a file, as Linux's LEDs, PWMs and GPIOs in `/sys` take it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError
from ganglion.guardian.driver import Driver, Place, Section, claim
from ganglion.guardian.raw import FileWrite, Raw
from ganglion.guardian.watchdog_twin import write_file


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSection(Section):
    """`[actuator.<name>]` with `driver = "file"`.

    Attributes:
        path: The file, for example `/sys/class/leds/buzzer/brightness`. Outside of `/sys`, `/proc` and `/dev` it is
            made if it is not there.
        text: What is written for a value, where that is not 1 for true, 0 for false, or the number itself:
            `text = {true = "255", false = "0"}`.
        readback: Whether the file is read after a write to see that it took the value.
    """

    path: str
    text: dict[str, str] = field(default_factory=dict)
    readback: bool = True


SECTION = FileSection


def driver(section: FileSection, place: Place) -> Driver:
    """The file.

    Raises:
        InvalidError: two values have the same text, or one is no text.
    """
    for value, text in section.text.items():
        if not isinstance(text, str):
            raise InvalidError(f"must be text, not {text!r}", where=f"{place.where}.text.{value}")
    if len(set(section.text.values())) < len(section.text):
        raise InvalidError(
            "two values have the same text: reading back could not tell them", where=f"{place.where}.text"
        )
    path = place.resolve(section.path)
    claim(place, (os.path.realpath(path),), str(path), "path")
    return File(path, section.text, readback=section.readback)


class File:
    """One file that holds one value.

    Args:
        path: Where it is.
        text: Value as TOML writes it (`true`, `0.5`, `low`) to what stands in the file.
        readback: Whether `read` looks.
    """

    def __init__(self, path: Path, text: dict[str, str], *, readback: bool = True) -> None:
        self._path = path
        self._text = text
        self._readback = readback
        self._last: Any = None
        device = path.parts[:2] in (("/", "sys"), ("/", "proc"), ("/", "dev"))
        self._flags = 0 if device else os.O_CREAT

    def __str__(self) -> str:
        return str(self._path)

    def write(self, value: Any) -> None:
        write_file(str(self._path), self._data(value), flags=self._flags)
        self._last = value

    def read(self) -> Any | None:
        """The value written last if the file says so, else what it says; None if it may not be read."""
        if not self._readback:
            return None
        try:
            with open(self._path, opener=_without_waiting) as file:
                said = file.read().strip()
        except PermissionError:
            return None
        return self._last if said == self._said(self._last) else said

    def forget(self) -> None:
        """What is in the file is read after each write."""

    def raw(self, value: Any) -> Sequence[Raw]:
        return [FileWrite(path=os.path.abspath(self._path), data=self._data(value))]

    def _data(self, value: Any) -> bytes:
        return self._said(value).encode() + b"\n"

    def _said(self, value: Any) -> str:
        if isinstance(value, bool):
            return self._text.get(str(value).lower(), str(int(value)))
        if isinstance(value, float):
            return self._text.get(f"{value:g}", str(int(value)) if value.is_integer() else repr(value))
        return self._text.get(str(value), str(value))


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
