# SPDX-License-Identifier: GPL-3.0-or-later
"""Files to a board and back, by our command and by mpremote, each as people run it, over the same emulated pty."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from ganglion.device.port import open_port
from ganglion.device.session import Session
from ganglion.errors import GanglionError
from ganglion.firmware.interpreter import cached
from ganglion_tools.emulated_board import DISK, board

#: Where the board's firmware is, or is brought to.
CACHE = cached().parent
OURS, MPREMOTE = "ganglion", "mpremote"


def rates(size: int, repeats: int) -> dict[str, dict[str, float]]:
    """Bytes a second in the middle, from the start of the command to its end, by `put` and `get`, by command.

    Args:
        size: Of the file, in bytes that no compression makes smaller.

    Raises:
        GanglionError: a file did not arrive as it was, so that there is no figure.
    """
    taken: dict[str, dict[str, list[float]]] = {"put": {}, "get": {}}
    with board("cortex-m3", CACHE) as port, tempfile.TemporaryDirectory(prefix="ganglion-bench-") as name:
        with Session(open_port(port)) as session:
            session.execute(DISK)
        folder = Path(name)
        for _ in range(repeats):
            for who in (OURS, MPREMOTE) if find_spec("mpremote") else (OURS,):
                data = os.urandom(size)
                (folder / "it.bin").write_bytes(data)
                put, get = _commands(who, port)
                taken["put"].setdefault(who, []).append(size / _seconds(put, folder))
                (folder / "it.bin").unlink()
                taken["get"].setdefault(who, []).append(size / _seconds(get, folder))
                if (folder / "it.bin").read_bytes() != data:
                    raise GanglionError(f"bench: what {who} has put and got is not what it was, so it has no figure")
    return {what: {who: statistics.median(each) for who, each in found.items()} for what, found in taken.items()}


def _commands(who: str, port: str) -> tuple[list[str], list[str]]:
    if who == OURS:
        words = [sys.executable, "-m", "ganglion", "files", port]
        return [*words, "put", "it.bin"], [*words, "get", "it.bin"]
    words = [sys.executable, "-m", "mpremote", "connect", port, "resume", "fs", "cp"]
    return [*words, "it.bin", ":it.bin"], [*words, ":it.bin", "it.bin"]


def _seconds(command: list[str], folder: Path) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        raise GanglionError(f"bench: {' '.join(command[2:4])}: {(done.stdout + done.stderr).strip()[-300:]}")
    return time.perf_counter() - began
