# SPDX-License-Identifier: GPL-3.0-or-later
"""`sys` as MicroPython has it: its own modules, path and arguments, and an implementation that says `micropython`."""

import atexit as _atexit
import sys as _sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from ganglion.shims import traces as _traces

if TYPE_CHECKING:
    from ganglion.shims.world import World


class _Implementation(tuple[Any, ...]):
    """(name, version, machine)."""

    name = property(lambda self: self[0])
    version = property(lambda self: self[1])
    _machine = property(lambda self: self[2])

    def __repr__(self) -> str:
        return f"(name={self[0]!r}, version={self[1]!r}, _machine={self[2]!r})"


#: The version whose behaviour the tests compare with.
implementation = _Implementation(("micropython", (1, 25, 0, ""), f"CPython {_sys.version.split()[0]} with Ganglion"))
version = f"3.4.0; {implementation._machine}"
version_info = (3, 4, 0)
modules: dict[str, ModuleType] = {}
path: list[str] = []
argv: list[str] = []
_last: Callable[[], object] | None = None


def __getattr__(name: str) -> Any:
    return getattr(_sys, name)


def belong(world: "World") -> None:
    """Shows the modules, path and arguments of a script that begins."""
    global modules, path, argv, _last
    modules, path, argv, _last = world.modules, world.path, world.argv, None


def exit(*value: object) -> NoReturn:
    raise SystemExit(*value)


def print_exception(error: BaseException, file: Any = None) -> None:
    """Prints an error with where it was raised, without the lines of source.

    Raises:
        OSError: what it is to be printed to is no stream.
    """
    if file is not None and not hasattr(file, "write"):
        raise OSError("stream operation not supported")
    (file or _sys.stdout).write(_traces.text(error))


def atexit(function: Callable[[], object] | None) -> Callable[[], object] | None:
    """Has a function called when the script ends; returns the one that was to be, which is not called any more."""
    global _last
    before, _last = _last, function
    _atexit.unregister(_end)
    _atexit.register(_end)
    return before


def _end() -> None:
    if _last is not None:
        _last()
