# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a version of Ganglion on a node's disk of the pieces of its wheel: verified, compiled, synced, then named."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ganglion.errors import InvalidError
from ganglion.mesh import files
from ganglion.release.agent import Agent
from ganglion.release.trees import NEW, Trees, found_in
from ganglion.release.wheel import Wheel

#: Compiled beside the node, which goes on meanwhile; it runs nothing of what it compiles. Nobody writes bytecode later,
#: so it is valid whatever time a file has.
_COMPILE = """
import compileall, contextlib, os, py_compile, sys
with contextlib.suppress(OSError):
    os.nice(10)
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
sys.exit(not compileall.compile_dir(sys.argv[1], maxlevels=20, quiet=1, invalidation_mode=mode, stripdir=sys.argv[1]))
"""
#: Seconds, on a slow router.
_LONGEST = 1800


def unpack(trees: Trees, agent: Agent, pieces: Sequence[Path]) -> None:
    """Has this version whole on the disk; another one of the same id that is damaged gives way.

    Raises:
        InvalidError: the wheel is not what the release says, or no Python for this one.
        OSError: the disk does not take it.
    """
    draft = trees.path / f"{agent.id}{NEW}"
    shutil.rmtree(draft, ignore_errors=True)
    library = draft / "lib"
    library.mkdir(parents=True, mode=0o700)
    for folder in (trees.path, draft, library):
        folder.chmod(0o700)
    whole = draft / "wheel"
    with open(whole, "wb", opener=_private) as joined:
        for piece in pieces:
            joined.write(piece.read_bytes())
    with whole.open("rb") as joined:
        if hashlib.file_digest(joined, "sha256").digest() != agent.sha256:
            raise InvalidError("is not what the release says it is", where=agent.name)
        wheel = Wheel(joined, agent.name)
        if (wheel.unpacked, wheel.needs) != (agent.unpacked, agent.needs):
            raise InvalidError("has other things in it than the release says", where=agent.name)
        for entry, data in wheel.content():
            if entry.is_used:
                _write(library / entry.path, data, 0o700 if entry.executable else 0o600)
    whole.unlink()
    _compile(library, agent)
    _sync(library)
    trees.seal(draft)
    final = trees.path / agent.id
    shutil.rmtree(final, ignore_errors=True)
    files.rename(draft, final)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write(path: Path, data: bytes, mode: int) -> None:
    for folder in reversed(path.parents):
        if not folder.exists():
            folder.mkdir(mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _compile(library: Path, agent: Agent) -> None:
    command = [sys.executable, "-I", "-S", "-c", _COMPILE, str(library)]
    try:
        done = subprocess.run(  # noqa: S603 - this very Python
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=_LONGEST
        )
    except subprocess.TimeoutExpired:
        raise InvalidError(f"was not compiled within {_LONGEST} s", where=agent.name) from None
    if done.returncode:
        lines = (done.stdout.strip() or done.stderr.strip() or "it ended without a word").splitlines()
        raise InvalidError(f"is no Python for this node's: {' '.join(lines)[:300]}", where=agent.name)


def _sync(library: Path) -> None:
    for path in found_in(library):
        file = library / path
        file.chmod(0o700 if file.stat().st_mode & 0o100 else 0o600)
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    for folder, _, _ in os.walk(library):
        os.chmod(folder, 0o700)
        files.sync(Path(folder))
