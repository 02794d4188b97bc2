# SPDX-License-Identifier: GPL-3.0-or-later
"""What `import` means in a MicroPython script: its own files, then the modules of this package, then CPython's.

A script's modules have built-ins of their own, in which `__import__` is `World.import_`, and a table of modules of
their own. CPython's modules keep CPython's, so `time` in a script and `time` in `logging` are two modules.
"""

import builtins
import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ganglion.shims import formats, names, viper
from ganglion.shims.oserror import oserror
from ganglion.shims.source import FORMAT, OS_ERROR, PERCENT, compiled


class World:
    """One script with everything that it imports.

    Args:
        path: Folders that its modules are looked for in; the script may change the list, as `sys.path`.
        argv: Its arguments, itself first.
    """

    def __init__(self, path: list[str], argv: list[str]) -> None:
        self.path = path
        self.argv = argv
        self.modules: dict[str, ModuleType] = {}
        self.builtins: dict[str, Any] = {
            **vars(builtins),
            **viper.BUILTINS,
            OS_ERROR: oserror,
            PERCENT: formats.percent,
            FORMAT: formats.format_,
            # Decorators are the compiler's there, and need no import
            "micropython": importlib.import_module("ganglion.shims.modules.micropython"),
            "__import__": self.import_,
            "print": _print,
        }
        sys = importlib.import_module("ganglion.shims.modules.sys")
        sys.belong(self)

    def adopt(self, namespace: dict[str, Any]) -> None:
        """Makes a module's namespace one of the script's."""
        namespace["__builtins__"] = self.builtins

    def owns(self, namespace: Mapping[str, Any] | None) -> bool:
        return namespace is not None and namespace.get("__builtins__") is self.builtins

    def run(self, script: Path, source: bytes) -> None:
        """Runs what was read from a file as `__main__`."""
        module = ModuleType("__main__")
        module.__file__ = str(script)
        self.builtins["__build_class__"] = _class
        self.modules["__main__"] = module
        self._execute(module, script, source)

    def import_(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """`__import__` of a script."""
        if level:
            name = _absolute(name, globals or {}, level)
        module = self._load(name)
        if not fromlist:
            return self._load(name.partition(".")[0]) if not level else module
        for each in fromlist:
            if each != "*" and not hasattr(module, each):
                try:
                    setattr(module, each, self._load(f"{name}.{each}"))
                except ModuleNotFoundError as error:
                    if error.name != f"{name}.{each}":
                        raise
        return module

    def _load(self, name: str) -> ModuleType:
        if (known := self.modules.get(name)) is not None:
            return known
        head, _, tail = name.rpartition(".")
        parent = self._load(head) if head else None
        module = self._find(name, tail, parent)
        self.modules.setdefault(name, module)
        if parent is not None:
            setattr(parent, tail, module)
        return module

    def _find(self, name: str, tail: str, parent: ModuleType | None) -> ModuleType:
        for folder in [] if name in names.FIXED else self._folders(parent):
            if (found := self._file(name, Path(folder or ".") / tail)) is not None:
                return found
        return names.load(name)

    def _folders(self, parent: ModuleType | None) -> list[str]:
        """Where files of the script's may be; a package of CPython's or of ours has none."""
        if parent is None:
            return self.path
        return list(getattr(parent, "__path__", [])) if self.owns(parent.__dict__) else []

    def _file(self, name: str, path: Path) -> ModuleType | None:
        module = ModuleType(name)
        if path.is_dir():
            module.__path__ = [str(path)]
            module.__package__ = name
            source = path / "__init__.py"
            if not source.is_file():
                if not any(path.rglob("*.py")):
                    return None
                self.adopt(module.__dict__)  # a folder is a package, as MicroPython has it
                return module
        else:
            source = path.with_name(f"{path.name}.py")
            module.__package__ = name.rpartition(".")[0]
            if not source.is_file():
                if path.with_name(f"{path.name}.mpy").is_file():
                    raise ImportError(
                        f"{path}.mpy is compiled for MicroPython: put {path.name}.py beside it", name=name
                    )
                return None
        module.__file__ = str(source)
        self.modules[name] = module
        try:
            self._execute(module, source, source.read_bytes())
        except BaseException:
            del self.modules[name]
            raise
        return module

    def _execute(self, module: ModuleType, file: Path, source: bytes) -> None:
        self.adopt(module.__dict__)
        exec(compiled(source, str(file)), module.__dict__)  # noqa: S102 - that is what a script is for


def _print(
    *values: object, sep: str | None = " ", end: str | None = "\n", file: Any = None, flush: bool = False
) -> None:
    """`print`, which is seen at once, and gives a stream of the script's own bytes, as MicroPython's."""
    from ganglion.shims.modules.io import IOBase

    if not isinstance(file, IOBase):
        print(*values, sep=sep, end=end, file=file, flush=flush or file is None)
        return
    between = " " if sep is None else sep
    for i, each in enumerate(values):
        for text in (between, str(each)) if i else (str(each),):
            file.write(text.encode())  # type: ignore[attr-defined] # as the script wrote it
    file.write(("\n" if end is None else end).encode())  # type: ignore[attr-defined]


def _class(body: Any, name: str, *bases: Any, **options: Any) -> Any:
    """What `class` makes: a class that prints its own name alone."""
    made = builtins.__build_class__(body, name, *bases, **options)
    names.alone(made)
    return made


def _absolute(name: str, namespace: Mapping[str, Any], level: int) -> str:
    package = namespace.get("__package__") or (
        namespace["__name__"] if "__path__" in namespace else namespace["__name__"].rpartition(".")[0]
    )
    parts = package.split(".")
    if not package or level > len(parts):
        raise ImportError("can't perform relative import")
    base = ".".join(parts[: len(parts) - level + 1])
    return f"{base}.{name}" if name else base
