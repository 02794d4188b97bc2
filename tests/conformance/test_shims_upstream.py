# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion.shims beside MicroPython's own test files, unchanged: each prints here what it prints on the unix port.

The files are of the source package of the interpreter that runs them. A file counts that imports what the shims have
and nothing that they have not, and that the unix port runs to its end without skipping itself. What differs stands in
DIFFERS with the reason; a file of it that prints the same makes a test fail.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from difflib import unified_diff
from pathlib import Path
from typing import NamedTuple

import pytest

from ganglion.shims import names
from ganglion_tools import micropython
from support.netns import namespace
from support.upstream import FILES, folder

ROOT = Path(__file__).parents[2]
INTERPRETER = ROOT / ".cache" / "micropython"
SOURCE = ROOT / ".cache" / "micropython-source"
FOLDERS = ["basics", "extmod", "io", "micropython", "misc"]
#: They measure memory, run what mpy-cross compiled, or print what the interpreter is like.
INSIDE = ("builtin_help", "emg_exc", "extreme_exc", "heapalloc_", "import_mpy_", "mem")
#: Modules of MicroPython that the shims do not have, and one of its libraries.
ABSENT = {"_thread", "btree", "cryptolib", "ffi", "uctypes", "unittest", "vfs", "websocket"}
#: Scripts that run at the same time, most of which wait; and seconds after which one is ended.
TOGETHER, SECONDS = 6, 10

#: What prints something else here, and why.
DIFFERS: dict[str, tuple[str, ...]] = {
    "CPython prints exceptions without a comma behind one argument, OSError otherwise than by its number's name": (
        "basics/deque_micropython.py",
        "basics/errno1.py",
        "extmod/asyncio_gather.py",
        "micropython/viper_misc3.py",
    ),
    "the language is CPython's: what it evaluates first, what it refuses, what its types can": (
        "basics/int_bytes.py",
        "basics/int_bytes_int64.py",
        "basics/int_bytes_intbig.py",
        "basics/python34.py",
        "misc/non_compliant.py",
    ),
    "arrays and structs hold no objects": ("basics/array_micropython.py",),
    "modules can be written to": ("basics/dict_fixed.py", "basics/module2.py"),
    "files are CPython's": ("basics/sys_stdio_buffer.py", "io/file_readinto_len.py"),
    "several tasks may wait for one": ("extmod/asyncio_gather_notimpl.py",),
    "zlib checks a gzip header's checksum, and has no window below 256 bytes": ("extmod/deflate_decompress.py",),
    "TLS is OpenSSL's, its context CPython's": (
        "extmod/tls_dtls.py",
        "extmod/tls_sslcontext_ciphers.py",
        "extmod/tls_sslcontext_micropython.py",
    ),
    "a buffer by memoryview(frame) comes with Python 3.12": ("extmod/framebuf1.py",),
    "expressions have no limits of length and depth": ("extmod/re_limit.py", "extmod/re_stack_overflow.py"),
    "a const is a name like others": (
        "micropython/const.py",
        "micropython/const2.py",
        "micropython/const_alltypes.py",
        "micropython/const_error.py",
    ),
    "memory has no end": ("micropython/heap_lock.py",),
    "nothing is optimised": ("micropython/opt_level.py", "micropython/opt_level_lineno.py"),
    "a machine word has 32 bits, as on a microcontroller, where the unix port's has 64": (
        "micropython/viper_misc_intbig.py",
    ),
}
WHY = {name: reason for reason, files in DIFFERS.items() for name in files}


class Said(NamedTuple):
    """What a script printed, what it said on stderr, and how it ended."""

    out: str
    errors: str
    code: int


class Compared(NamedTuple):
    """A script on the unix port and here."""

    there: Said
    here: Said

    @property
    def same(self) -> bool:
        return (self.there.out, self.there.code) == (self.here.out, self.here.code)


def chosen(tests: Path) -> list[Path]:
    """The files that count."""
    found = []
    for path in sorted(path for name in FOLDERS for path in (tests / name).glob("*.py")):
        text = path.read_text(errors="replace")
        words = " ".join(re.findall(r"^\s*(?:import|from)\s+(\w+(?:\s*,\s*\w+)*)", text, re.MULTILINE))
        imported = set(re.split(r"[\s,]+", words))
        ours = path.parent.name == "io" or imported & {*names.OWN, *names.ALIASES}
        if ours and not imported & ABSENT and not path.name.startswith(INSIDE):
            found.append(path)
    return found


def on_the_unix_port(scripts: Sequence[Path], enter: list[str], together: int) -> list[Said]:
    command = [*enter, "prlimit", f"--nofile={FILES}", *micropython.interpreter(INTERPRETER)]

    def one(script: Path) -> Said:
        with tempfile.TemporaryDirectory() as name:
            done = subprocess.run(
                [*command, script],
                cwd=folder(Path(name), script),
                env={"MICROPYPATH": ".frozen"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
            )
        out, errors = (each.decode(errors="backslashreplace") for each in (done.stdout, done.stderr))
        return Said(out, errors, done.returncode)

    with ThreadPoolExecutor(together) as pool:
        return list(pool.map(one, scripts))


def here(scripts: Sequence[Path], enter: list[str], together: int) -> list[Said]:
    path = os.pathsep.join(str(ROOT / each) for each in ("runtime", "firmware", "tests"))
    command = [*enter, sys.executable, "-m", "support.upstream", str(together), str(SECONDS), *map(str, scripts)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    return [Said(*said[str(script)]) for script in scripts]


def compared(scripts: Sequence[Path], together: int) -> dict[Path, Compared]:
    """Both, of those that the unix port runs to the end. Many take the same port: each has a network of its own."""
    with namespace() as enter:
        there = dict(zip(scripts, on_the_unix_port(scripts, enter, together), strict=True))
    run = [script for script, said in there.items() if said.code == 0 and said.out.strip() != "SKIP"]
    with namespace() as enter:
        said = here(run, enter, together)
    return {script: Compared(there[script], each) for script, each in zip(run, said, strict=True)}


@pytest.fixture(scope="module")
def results() -> dict[str, Compared]:
    tests = micropython.source(SOURCE) / "tests"
    scripts = chosen(tests)
    sockets = [script for script in scripts if "socket" in script.read_text(errors="replace")]
    found = compared(sockets, 1) | compared([each for each in scripts if each not in sockets], TOGETHER)
    # Some measure time, and a busy machine is slow: what differs is run again by itself
    for _ in range(3):
        slow = [script for script, each in found.items() if not each.same and named(script) not in WHY]
        found |= compared(slow, 1) if slow else {}
    return {named(script): each for script, each in found.items()}


def named(script: Path) -> str:
    return f"{script.parent.name}/{script.name}"


def test_the_files_are_of_the_interpreter_that_runs_them() -> None:
    words = [*micropython.interpreter(INTERPRETER), "-c", "import sys; print(sys.implementation.version[:3])"]
    version = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip("()\n").replace(", ", ".")
    assert (micropython.source(SOURCE) / "version").read_text().startswith(version)


def test_each_file_prints_what_it_prints_on_the_unix_port(results: dict[str, Compared]) -> None:
    wrong = []
    for name, (there, ours) in results.items():
        if name not in WHY and (there.out, there.code) != (ours.out, ours.code):
            lines = unified_diff(there.out.splitlines(), ours.out.splitlines(), "there", "here", lineterm="", n=1)
            wrong += [f"== {name} ended with {ours.code}", *list(lines)[:12], ours.errors[-300:]]
    assert not wrong, "\n".join(wrong)
    assert len(results) > 180


def test_what_is_said_to_differ_differs(results: dict[str, Compared]) -> None:
    assert WHY.keys() <= results.keys()
    assert not [name for name in WHY if results[name].same]
