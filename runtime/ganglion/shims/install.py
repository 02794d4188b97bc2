# SPDX-License-Identifier: GPL-3.0-or-later
"""`import ganglion.shims.install` puts MicroPython's names in place for the process, and changes nobody's modules.

Names that CPython does not have (`machine`, `utime`, `umqtt.simple`, `uasyncio`, `ubinascii`, `framebuf` …) can from
then on be imported by every module, the next and the last. Names that both have (`time`, `os`, `json`, `socket` …) are
MicroPython's in each module that says `import ganglion.shims.install` itself, and in what it imports from its own
folder; in all others, and so in CPython's and other libraries, they stay CPython's.
"""

import builtins
import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, cast

from ganglion.shims import names
from ganglion.shims.interrupts import INTERRUPTS
from ganglion.shims.world import World

_original = builtins.__import__


def _importer() -> dict[str, Any]:
    """The namespace of the module that imports this one."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name != __name__ and not name.startswith(("importlib", "_frozen_importlib")):
            return frame.f_globals
        frame = frame.f_back
    raise ImportError("ganglion.shims.install is imported by a module")


def _import(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    if _world.owns(globals) and not name.startswith("ganglion."):
        return _world.import_(name, globals, locals, fromlist, level)
    if _asks(name, fromlist) and globals is not None:
        _adopt(cast("dict[str, Any]", globals))
    return _original(name, globals, locals, fromlist or (), level)


def _asks(name: str, fromlist: Sequence[str] | None) -> bool:
    """Whether this is `import ganglion.shims.install`, or `from ganglion.shims import install`."""
    return name == __name__ or (name == __package__ and "install" in (fromlist or ()))


def _adopt(namespace: dict[str, Any]) -> None:
    """Makes a module's namespace MicroPython's, and its folder one of those that modules are looked for in."""
    if "__file__" in namespace and (folder := str(Path(namespace["__file__"]).parent)) not in _world.path:
        _world.path.append(folder)
    _world.adopt(namespace)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what nobody else has."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if names.module(fullname) is None or fullname.partition(".")[0] in sys.stdlib_module_names:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=bool(_below(fullname)))

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return ModuleType(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        # The import system has put its own attributes into a module of its own; what is said here is one of ours
        for name in (module.__name__, *_below(module.__name__)):
            sys.modules[name] = importlib.import_module(names.module(name) or name)


def _below(name: str) -> list[str]:
    """The modules inside a package of ours: else the import system would make them a second time, from their files."""
    return [each for each in (*names.OWN, *names.ALIASES) if each.startswith(f"{name}.")]


_world = World([], list(sys.argv))
_adopt(_importer())
INTERRUPTS.attach()
builtins.__import__ = _import
sys.meta_path.append(_Finder())
