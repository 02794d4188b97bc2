# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a MicroPython script in this process."""

import sys
from pathlib import Path

from ganglion.errors import InvalidError, NotFoundError
from ganglion.shims.interrupts import INTERRUPTS
from ganglion.shims.world import World


def run(script: Path, arguments: list[str]) -> None:
    """Runs a script to its end, as `__main__`, with its folder and that folder's `lib` to import from.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it cannot be read, or is no text.
        BaseException: what the script does not catch, SystemExit included.
    """
    source = _source(script)
    folder = script.parent
    world = World([str(folder), str(folder / "lib")], [str(script), *arguments])
    INTERRUPTS.clear()
    INTERRUPTS.attach()
    world.run(script, source)
    INTERRUPTS.run()
    sys.stdout.flush()


def _source(script: Path) -> bytes:
    try:
        source = script.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"there is no script {script}") from None
    except IsADirectoryError:
        raise InvalidError("is a folder: name the script in it", where=str(script)) from None
    except OSError as error:
        raise InvalidError(f"cannot be read: {error.strerror}", where=str(script)) from None
    if script.suffix == ".mpy":
        raise InvalidError("is compiled for MicroPython: name the .py that it was made of", where=str(script))
    if b"\0" in source:
        raise InvalidError("is no script: it has bytes that no text has", where=str(script))
    return source
