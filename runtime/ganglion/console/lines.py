# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes of a device as lines for programs, each a JSON object."""

import base64
import json
from dataclasses import dataclass
from typing import Any, Literal

#: Bytes of a line, after which it is given as it is.
LONGEST = 8192
Direction = Literal["received", "sent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line.

    Attributes:
        data: Without what ends it.
        is_whole: It has ended, by LF or CR LF; else more of it may come: a prompt, or a line that is too long.
    """

    data: bytes
    is_whole: bool


class Lines:
    """One direction's."""

    def __init__(self) -> None:
        self._begun = bytearray()

    @property
    def has_begun(self) -> bool:
        """Whether a part of a line waits for its end."""
        return bool(self._begun)

    def receive(self, data: bytes) -> list[Line]:
        """The lines that have ended now, and parts of one that is longer than `LONGEST`."""
        found = []
        *whole, rest = data.split(b"\n")
        for part in whole:
            self._begun += part
            found += self._cut()
            if self._begun.endswith(b"\r"):
                self._begun.pop()
            found.append(Line(data=bytes(self._begun), is_whole=True))
            self._begun.clear()
        self._begun += rest
        return found + self._cut()

    def rest(self) -> list[Line]:
        """What waits for its end, if anything does."""
        found = [Line(data=bytes(self._begun), is_whole=False)] if self._begun else []
        self._begun.clear()
        return found

    def _cut(self) -> list[Line]:
        found = []
        while len(self._begun) > LONGEST:
            found.append(Line(data=bytes(self._begun[:LONGEST]), is_whole=False))
            del self._begun[:LONGEST]
        return found


def document(line: Line, direction: Direction, time: str) -> str:
    """A line as JSON: `time`, `direction`, `text` (or `base64` where it is no UTF-8), and `whole` where it is not."""
    said: dict[str, Any] = {"time": time, "direction": direction}
    try:
        said["text"] = line.data.decode()
    except UnicodeDecodeError:
        said["base64"] = base64.b64encode(line.data).decode()
    if not line.is_whole:
        said["whole"] = False
    return json.dumps(said, ensure_ascii=False)


def event(text: str, time: str) -> str:
    """What happens to the port itself, as JSON: `time` and `event`."""
    return json.dumps({"time": time, "event": text}, ensure_ascii=False)
