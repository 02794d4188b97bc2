# SPDX-License-Identifier: GPL-3.0-or-later
"""What a language model may have said of a script: its diagnostics and its own tests, in a process that is bounded.

A script of a model may be as wrong as it likes, and whoever knows a token may send one.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from ganglion.errors import GanglionError, InvalidError, UnreachableError
from ganglion.mova.load import load

#: Letters of a script.
MAX_SCRIPT = 200_000
#: Seconds that one has by the clock, and that it may wait for its turn; seconds of the processor; bytes of memory, and
#: of what is said of it.
_TESTS = 60.0
CPU, MEMORY, _SAID = 30, 512 << 20, 16 << 20
#: Scripts at the same time.
_AT_ONCE = 2

_turn = BoundedSemaphore(_AT_ONCE)
_BOUNDED = (
    "import resource as r, runpy\n"
    f"r.setrlimit(r.RLIMIT_AS, ({MEMORY}, {MEMORY}))\n"
    f"r.setrlimit(r.RLIMIT_CPU, ({CPU}, {CPU + 1}))\n"
    f"r.setrlimit(r.RLIMIT_FSIZE, ({_SAID}, {_SAID}))\n"
    "r.setrlimit(r.RLIMIT_CORE, (0, 0))\n"
    "runpy.run_module('ganglion', run_name='__main__', alter_sys=True)\n"
)


def checked(text: str) -> dict[str, Any]:
    """What `ganglion mova check` says of a script.

    Raises:
        InvalidError: it is too long, or takes too much.
        UnreachableError: it was not done in time, or others were not.
    """
    return _mova("check", _bytes(text))


def tested(text: str) -> dict[str, Any]:
    """What `ganglion mova test` says of a script: it runs the tests that the script brings, in virtual time.

    Raises:
        InvalidError: a test reads a recording, which would be any file of this machine; or as `checked`.
        UnreachableError: as `checked`.
    """
    data = _bytes(text)
    root = load(data, file=_name(data)).root
    for test in (root.get("tests") if root is not None else None) or ():
        feed = test.get("feed") if isinstance(test, dict) else None
        if isinstance(feed, dict) and "trace" in feed and not isinstance(feed["trace"], list):
            raise InvalidError("a recording is a file of this machine: write its readings into the test", where="trace")
    return _mova("test", data)


def _bytes(text: str) -> bytes:
    if len(text) > MAX_SCRIPT:
        raise InvalidError(f"a script has at most {MAX_SCRIPT} letters")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidError(f"the letter {error.start + 1} of the script is half of one") from None


def _name(data: bytes) -> str:
    return "script.json" if data.lstrip().startswith(b"{") else "script.yaml"


def _mova(verb: str, data: bytes) -> dict[str, Any]:
    if not _turn.acquire(timeout=_TESTS):
        raise UnreachableError("other scripts are judged here: ask again in a moment")
    try:
        with tempfile.TemporaryDirectory(prefix="ganglion-mcp-") as folder:
            return _said(verb, Path(folder), data)
    finally:
        _turn.release()


def _said(verb: str, folder: Path, data: bytes) -> dict[str, Any]:
    name = _name(data)
    (folder / name).write_bytes(data)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    for secret in ("GANGLION_TOKEN", "GANGLION_LLM_KEY"):
        environment.pop(secret, None)
    with (folder / "answer").open("w+b") as answer, (folder / "complaint").open("w+b") as complaint:
        try:
            done = subprocess.run(  # noqa: S603 - our own command, and no shell
                [sys.executable, "-P", "-c", _BOUNDED, "mova", verb, name, "--json"],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=complaint,
                timeout=_TESTS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UnreachableError(f"the script was not done with its tests within {_TESTS:g} s") from None
        answer.seek(0)
        complaint.seek(0)
        try:
            said = json.load(answer)
        except ValueError:
            why = complaint.read().decode(errors="replace").strip()
            if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL) or why.endswith("MemoryError"):
                bounds = f"{CPU} s of the processor or {MEMORY >> 20} MB"
                raise InvalidError(f"the script takes more than {bounds}, and what takes so much is ended") from None
            raise GanglionError(why[-500:] or f"mova {verb} failed") from None
    return said if isinstance(said, dict) else {"result": said}
