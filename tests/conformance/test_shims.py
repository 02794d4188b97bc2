# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion.shims beside real MicroPythons: the scripts of tests/conformance/shims print the same on each.

One process for all scripts on each Python: here, MicroPython with 64 bits as Debian has it, and with 32 bits in
WebAssembly, which lacks some of the modules.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import micropython, micropython_wasm

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "shims"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "all")
#: WebAssembly has no machine, no sockets, and an asyncio without `run`; its file system is another one.
UNIX_ALONE = {"compiled", "scheduled", "signals", "sockets", "tasks", "writing"}
#: Ticks of 64 bits wrap later, and Debian's deflate does not write.
WASM_ALONE = {"squeezing", "ticks"}


def sections(text: str) -> dict[str, str]:
    """What each script printed."""
    parts = [part.partition("\n") for part in text.split("== ")[1:]]
    return {name: said for name, _, said in parts}


@pytest.fixture(scope="session")
def ours() -> dict[str, str]:
    command = [sys.executable, "-m", "ganglion.shims", FOLDER / "all.py", *SCRIPTS]
    path = os.pathsep.join([str(ROOT / "runtime"), str(ROOT / "firmware")])
    done = subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return sections(done.stdout)


@pytest.fixture(scope="session")
def unix() -> dict[str, str]:
    done = micropython.run(FOLDER / "all.py", *(set(SCRIPTS) - WASM_ALONE), heap="8m")
    assert done.returncode == 0, done.stderr
    return sections(done.stdout)


@pytest.fixture(scope="session")
def wasm() -> dict[str, str]:
    done = micropython_wasm.run(FOLDER / "all.py", *(set(SCRIPTS) - UNIX_ALONE))
    assert done.returncode == 0, done.stderr
    return sections(done.stdout)


@pytest.mark.parametrize("script", sorted(set(SCRIPTS) - WASM_ALONE))
def test_a_script_prints_what_it_prints_on_the_unix_port(
    script: str, ours: dict[str, str], unix: dict[str, str]
) -> None:
    assert ours[script] == unix[script]
    assert ours[script]
    assert "error:" not in ours[script]


@pytest.mark.parametrize("script", sorted(set(SCRIPTS) - UNIX_ALONE))
def test_a_script_prints_what_it_prints_in_webassembly(script: str, ours: dict[str, str], wasm: dict[str, str]) -> None:
    assert ours[script] == wasm[script]
    assert ours[script]
    assert "error:" not in ours[script]
