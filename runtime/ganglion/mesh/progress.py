# SPDX-License-Identifier: GPL-3.0-or-later
"""How far along a request is: what its handler says of it while it works, and what who asked hears of that.

A handler calls `report` as often as it likes, on the event loop and however deep. Who asked gets the newest, five times
a second at most.
"""

import math
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

#: Seconds between two messages of one request.
EVERY = 0.2
#: Letters of a text.
MAX_TEXT = 200


class Progress(NamedTuple):
    """How far along it is.

    Attributes:
        done: So much is done, in the handler's own unit; None where that has no number.
        total: Of so much; None where that is not known.
        text: What it is doing, for people.
    """

    done: float | None = None
    total: float | None = None
    text: str = ""

    def document(self) -> dict[str, Any]:
        """What people and programs are shown: only what is there."""
        return {name: value for name, value in self._asdict().items() if value not in (None, "")}

    @classmethod
    def read(cls, fields: object) -> "Progress | None":
        """What came over the wire, a list of the three; None where it is no progress."""
        if not isinstance(fields, list) or len(fields) != 3:
            return None
        done, total, text = fields
        if not (_is_number(done) and _is_number(total) and isinstance(text, str)):
            return None
        return cls(done, total, text[:MAX_TEXT])


def _is_number(value: object) -> bool:
    """Whether it is one that JSON can say, or None."""
    return (
        value is None
        or (type(value) is int and abs(value) < 1 << 63)
        or (type(value) is float and math.isfinite(value))
    )


Tell = Callable[[Progress], None]

#: Who hears of the request that this task serves; tasks that it starts inherit it.
listener: ContextVar[Tell | None] = ContextVar("progress", default=None)


def report(done: float | None = None, *, total: float | None = None, text: str = "") -> None:
    """Says how far along the request is that is being served; where none is, or nobody listens, nothing happens.

    Args:
        done: So much is done.
        total: Of so much.
        text: What is being done, for people; at most 200 letters are sent.
    """
    tell = listener.get()
    if tell is not None and _is_number(done) and _is_number(total):
        tell(Progress(done, total, text[:MAX_TEXT]))
