# SPDX-License-Identifier: GPL-3.0-or-later
"""A console's recording: asciicast version 2, which `asciinema play` shows; a JSON document a line.

https://docs.asciinema.org/manual/asciicast/v2/. What the device said is kept as text that does a terminal no harm, so
that a recording may be played; what was written to it is kept too, as input.
"""

import json

from ganglion.console.harmless import Harmless


class Cast:
    """One recording.

    Args:
        begun: Seconds since the Unix epoch.
        title: What is recorded.
        width: Of the terminal, in columns.
        height: In rows.
    """

    def __init__(self, *, begun: float, title: str, width: int, height: int) -> None:
        self._header = {
            "version": 2,
            "width": width,
            "height": height,
            "timestamp": int(begun),
            "title": title,
        }
        self._said, self._written = Harmless(), Harmless()

    def header(self) -> str:
        """Its first line."""
        return json.dumps(self._header, ensure_ascii=False) + "\n"

    def said(self, data: bytes, at: float) -> str:
        """What the device said, so many seconds after the beginning; "" where a letter is not whole."""
        return self._event("o", self._said.text(data), at)

    def written(self, data: bytes, at: float) -> str:
        """What was written to the device."""
        return self._event("i", self._written.text(data), at)

    def mark(self, text: str, at: float) -> str:
        """What happened to the port."""
        return self._event("m", text, at)

    @staticmethod
    def _event(kind: str, text: str, at: float) -> str:
        return json.dumps([round(at, 6), kind, text], ensure_ascii=False) + "\n" if text else ""
