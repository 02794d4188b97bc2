# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors as MicroPython prints them: the frames of the script alone, without lines of source."""

import errno
from pathlib import Path
from types import TracebackType
from typing import Any

from ganglion.shims.source import OS_ERROR

_HERE = str(Path(__file__).parent)


def text(error: BaseException) -> str:
    """A traceback that ends with the error, and with what was noted beside it: the remedy where a device is missing.

    Where no script has a part in it, the frames are the program's that uses these modules.
    """
    lines = ["Traceback (most recent call last):"]
    frames = _scripts(error.__traceback__)
    if not frames and not isinstance(error, SyntaxError):
        frames = _others(error.__traceback__)
    for trace in frames:
        code = trace.tb_frame.f_code
        lines.append(f'  File "{code.co_filename}", line {trace.tb_lineno}, in {code.co_name}')
    if isinstance(error, SyntaxError) and error.filename:
        lines.append(f'  File "{error.filename}", line {error.lineno}')
    name, words = _named(error)
    lines += [f"{name}: {words}" if words else name, *getattr(error, "__notes__", [])]
    return "\n".join(lines) + "\n"


def _named(error: BaseException) -> tuple[str, str]:
    """What it is called there, and what it says: an OSError has no kinds there, and the name of its number."""
    if isinstance(error, SyntaxError):
        return type(error).__name__, str(error.msg)
    if isinstance(error, OSError) and type(error).__module__ == "builtins" and error.errno is not None:
        place = f": {error.filename}" if error.filename is not None else ""
        return "OSError", f"[Errno {error.errno}] {errno.errorcode.get(error.errno, '')}{place}"
    if isinstance(error, KeyError) and len(error.args) == 1:
        return type(error).__name__, str(error.args[0])
    return type(error).__name__, str(error)


def _frames(trace: TracebackType | None) -> list[TracebackType]:
    found = []
    while trace is not None:
        found.append(trace)
        trace = trace.tb_next
    return found


def _scripts(trace: TracebackType | None) -> list[TracebackType]:
    """Those of a script, known by its built-ins."""
    return [each for each in _frames(trace) if OS_ERROR in _builtins(each)]


def _others(trace: TracebackType | None) -> list[TracebackType]:
    return [each for each in _frames(trace) if not each.tb_frame.f_code.co_filename.startswith((_HERE, "<frozen "))]


def _builtins(trace: TracebackType) -> dict[str, Any]:
    return trace.tb_frame.f_builtins
