# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may import whom: the picture of the architecture, read from the source."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STDLIB = set(sys.stdlib_module_names)

#: Package -> its folder, and the roots of what it may import besides itself.
PACKAGES = {
    "ganglion_micro": (
        "firmware",
        {"struct", "binascii", "hashlib", "json", "math", "array", "collections", "errno", "typing", "re"},
    ),
    "ganglion": (
        "runtime",
        STDLIB | {"ganglion_micro", "aiomqtt", "cbor2", "cffi", "nacl", "paho", "yaml", "smbus2", "PIL", "pymicro_vad"},
    ),
    "ganglion_gateway": (
        "gateway",
        STDLIB
        | {
            "ganglion",
            "ganglion_micro",
            "aiomqtt",
            "paho",
            "alembic",
            "fastapi",
            "httpcore",
            "httpx",
            "nicegui",
            "pydantic",
        }
        | {"prometheus_client", "sqlalchemy", "starlette", "structlog", "uvicorn", "anyio"},
    ),
    "ganglion_tools": (
        "tools",
        STDLIB | {"ganglion", "ganglion_micro", "ganglion_gateway", "aiomqtt", "psutil"} | {"blinker", "paho", "pyee"},
    ),
}
#: The parts of `ganglion`, lowest first: a part imports from rows above its own, and of its own row only itself.
ROWS = [
    {"errors", "__init__"},
    {"units", "event", "clock", "worker", "pattern", "_native"},
    {"settings"},
    {"bus", "mqtt"},
    {"config", "mesh", "sim", "reader", "inbox"},
    {"mova", "sensors", "guardian"},
    {"node"},
    {"cli"},
]
#: Bytes, events and time come in as arguments here.
PURE = [
    "firmware/ganglion_micro/**/*.py",
    "runtime/ganglion/bus/*.py",
    "runtime/ganglion/mqtt/connection.py",
    "runtime/ganglion/mqtt/packet.py",
    "runtime/ganglion/mqtt/outbox.py",
    "runtime/ganglion/mesh/member.py",
    "runtime/ganglion/mesh/frames.py",
    "runtime/ganglion/mesh/credential.py",
    "runtime/ganglion/mova/check.py",
    "runtime/ganglion/mova/compile.py",
    "runtime/ganglion/guardian/guardian.py",
]
WORLD = {"asyncio", "datetime", "socket", "ssl", "subprocess", "threading", "time"}


def imports(path: Path) -> set[str]:
    """The full names of what a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: import absolutely"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_is_below_it(package):
    folder, allowed = PACKAGES[package]
    for path in (ROOT / folder / package).rglob("*.py"):
        roots = {name.partition(".")[0] for name in imports(path)}
        assert roots <= allowed | {package}, f"{path.relative_to(ROOT)} imports {roots - allowed - {package}}"


def test_the_parts_of_the_runtime_import_only_downwards():
    row = {name: i for i, names in enumerate(ROWS) for name in names}
    base = ROOT / "runtime" / "ganglion"
    for path in base.rglob("*.py"):
        here = path.relative_to(base).parts[0].removesuffix(".py")
        if here == "__main__":
            continue
        for name in imports(path):
            part = name.removeprefix("ganglion.").partition(".")[0]
            if name.startswith("ganglion.") and part in row and part != here:
                assert row[part] < row[here], f"{path.relative_to(ROOT)} imports {name}"


def test_every_part_of_the_runtime_has_its_row():
    parts = {path.name.removesuffix(".py") for path in (ROOT / "runtime" / "ganglion").glob("*.py")}
    parts |= {path.parent.name for path in (ROOT / "runtime" / "ganglion").glob("*/__init__.py")}
    assert parts - {"__main__"} <= set().union(*ROWS)


@pytest.mark.parametrize("path", [path for glob in PURE for path in ROOT.glob(glob)], ids=lambda path: path.stem)
def test_what_is_pure_does_no_io_and_reads_no_clock(path):
    assert not imports(path) & WORLD, f"{path.relative_to(ROOT)} imports {imports(path) & WORLD}"


@pytest.mark.parametrize("glob", PURE)
def test_what_is_said_to_be_pure_is_there(glob):
    assert list(ROOT.glob(glob))
