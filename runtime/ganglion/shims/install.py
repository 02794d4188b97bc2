# SPDX-License-Identifier: GPL-3.0-or-later
"""`import ganglion.shims.install` at the top of a module puts MicroPython's names in place for that module.

What it imports from its own folder belongs to it. Every other module in the process imports what it did, except that
names which CPython does not have (`machine`, `utime`, `framebuf` …) can be imported by all.
"""

import builtins
import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

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
    return _original(name, globals, locals, fromlist or (), level)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what nobody else has."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if names.module(fullname) is None or fullname.partition(".")[0] in sys.stdlib_module_names:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=fullname == "umqtt")

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return ModuleType(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        # The import system has put its own attributes into a module of its own; what is said here is one of ours
        for name in (module.__name__, *(each for each in names.OWN if each.startswith(f"{module.__name__}."))):
            sys.modules[name] = importlib.import_module(names.module(name) or name)


_namespace = _importer()
_world = World([str(Path(_namespace["__file__"]).parent)] if "__file__" in _namespace else [], list(sys.argv))
_world.adopt(_namespace)
INTERRUPTS.attach()
builtins.__import__ = _import
sys.meta_path.append(_Finder())
