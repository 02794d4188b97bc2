# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device keeps of an error that nobody caught: on the flash, until its parent was told and longer.

How long it waits before it starts anew grows with every crash in a row, so that a person at the console has time.
"""

import io
import json
import sys

from ganglion_agent import flash

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

#: Letters of a traceback that are kept: its end, which names the error.
LETTERS = 600
#: Seconds of a boot after which a crash is no longer one in a row with those before.
STEADY = 60
#: The longest pause before a restart, in seconds.
MAX_PAUSE = 60


def traceback(error: BaseException) -> str:
    """The end of an error's traceback."""
    out = io.StringIO()
    if hasattr(sys, "print_exception"):
        sys.print_exception(error, out)
    else:
        import traceback as lines  # CPython's, in tests

        out.write("".join(lines.format_exception(error)))
    return out.getvalue().strip()[-LETTERS:]


def record(path: str, error: BaseException, boot: int, seconds: int, slot: str = "") -> "dict[str, Any]":
    """Writes a crash in place of the one before; what cannot be written is returned all the same.

    Args:
        boot: In which it was.
        seconds: After that.
        slot: Of the version: those in a row are one version's.
    """
    row = row_before(path, boot, slot) + 1 if seconds < STEADY else 1
    found = {"boot": boot, "slot": slot, "seconds": seconds, "row": row, "error": traceback(error), "told": False}
    _write(path, found)
    return found


def row_before(path: str, boot: int, slot: str) -> int:
    """How many boots in a row, up to the one before this, have crashed with the version in this slot."""
    before = last(path)
    return before["row"] if before is not None and before["boot"] == boot - 1 and before.get("slot") == slot else 0


def last(path: str) -> "dict[str, Any] | None":
    """The last crash: `boot`, `seconds` after it, `slot`, how many in a `row`, `error`, whether the parent was `told`.

    One that `boot` has written has a `kind`, too: `watchdog`, or `error`.
    """
    try:
        found = json.loads(flash.read(path) or b"")
        return found if type(found["row"]) is int and type(found["boot"]) is int and "told" in found else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def told(path: str) -> None:
    """The parent has the last crash: it is not told again."""
    found = last(path)
    if found is not None:
        found["told"] = True
        _write(path, found)


def pause(row: int) -> int:
    """Seconds to wait before starting anew after so many crashes in a row."""
    return int(min(MAX_PAUSE, 1 << min(row, 8)) if row > 1 else 1)


def _write(path: str, found: "dict[str, Any]") -> None:
    try:
        flash.replace(path, json.dumps(found).encode())
    except OSError:
        pass  # a full flash must not hide the error itself
