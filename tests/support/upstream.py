# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs scripts under ganglion.shims, several at a time, each in a process forked from one that has every module loaded.

`python -m support.upstream TOGETHER SECONDS SCRIPT…` prints JSON: by script what it printed, what it said on stderr,
and how its process ended, negative by the number of a signal.
"""

import atexit
import json
import os
import resource
import selectors
import signal
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from ganglion.shims import names
from ganglion.shims.run import run

#: How many files a script may have open, as on most machines; one asks for more.
FILES = 1024
#: Bytes that it may have: what fills all the memory of a microcontroller ends soon.
_MEMORY = 1 << 30


def folder(place: Path, script: Path) -> Path:
    """Where a script is run: a folder that is empty but for links to the folders beside the script."""
    for each in script.parent.iterdir():
        if each.is_dir():
            (place / each.name).symlink_to(each)
    return place


def _play(script: Path, seconds: int, out: int, errors: int) -> NoReturn:
    """Runs it in this process, as `python -m ganglion.shims` does."""
    code = 1
    try:
        signal.alarm(seconds)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(errors, 2)
        os.closerange(3, FILES)
        with tempfile.TemporaryDirectory() as name:
            os.chdir(folder(Path(name), script))
            try:
                run(script, [])
                code = 0
            except SystemExit as error:
                code = error.code if isinstance(error.code, int) else 0
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
            atexit._run_exitfuncs()
            os.chdir("/")
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


class _Played:
    """A script that runs, and what it has said."""

    def __init__(self, script: str, seconds: int) -> None:
        self.script = script
        pipes = [os.pipe(), os.pipe()]
        self._child = os.fork()
        if not self._child:
            _play(Path(script), seconds, *(theirs for _, theirs in pipes))
        self.said = {ours: bytearray() for ours, _ in pipes}
        self.open = set(self.said)
        for _, theirs in pipes:
            os.close(theirs)

    def end(self) -> tuple[str, str, int]:
        """Waits for it: (stdout, stderr, how it ended)."""
        out, errors = (data.decode(errors="backslashreplace") for data in self.said.values())
        return out, errors, os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])


def main(together: int, seconds: int, scripts: list[str]) -> None:
    """Runs them all, so many at a time."""
    for name in names.OWN:
        names.load(name)
    left = list(reversed(scripts))
    running: set[_Played] = set()
    ended: dict[str, tuple[str, str, int]] = {}
    pipes = selectors.DefaultSelector()
    while left or running:
        while left and len(running) < together:
            played = _Played(left.pop(), seconds)
            running.add(played)
            for pipe in played.open:
                pipes.register(pipe, selectors.EVENT_READ, played)
        for key, _ in pipes.select():
            played = key.data
            if data := os.read(key.fd, 65536):
                played.said[key.fd] += data
                continue
            pipes.unregister(key.fd)
            os.close(key.fd)
            played.open.discard(key.fd)
            if not played.open:
                running.discard(played)
                ended[played.script] = played.end()
    print(json.dumps(ended))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
