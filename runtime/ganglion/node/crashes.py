# SPDX-License-Identifier: GPL-3.0-or-later
"""How earlier runs of a node ended that did not end as they were told: on the disk until the gateway has it.

A run leaves the file `running` behind unless it ends as it should. The next one finds it, finds out why, and writes a
record. Most of what it goes by is there already: what faulthandler wrote, what systemd says of the service that ended,
how often the kernel had no memory left, which boot of the machine this is.
"""

import contextlib
import faulthandler
import json
import logging
import os
import secrets
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from ganglion.errors import GanglionError
from ganglion.mesh import files
from ganglion.redacted import redacted
from ganglion.units import SECOND

_log = logging.getLogger(__name__)

#: Records that wait to be told; of more, the oldest go. A loop of crashes is told by what it says last.
KEPT = 8
#: Letters of a trace: its end, which names the error. Lines of the log before it, and letters of each.
TRACE = 8000
LINES = 20
_LINE = 300
#: Seconds between two notes that this run goes on: how exactly the end of one is known that says nothing.
NOTE = 60.0

#: What systemd calls the end of a service (systemd.exec(5), SERVICE_RESULT), and what it is here.
_RESULTS = {"oom-kill": "oom", "watchdog": "watchdog", "core-dump": "native", "timeout": "killed", "signal": "killed"}
_SAYS = {
    "error": "an error that nobody caught ended the node",
    "native": "native code ended the node: {detail}",
    "oom": "the kernel killed the node, for the machine had no memory left",
    "watchdog": "the supervisor killed the node, which had not said that it lives",
    "killed": "the node was killed{detail}",
    "reset": "the machine stopped while the node ran{detail}",
}

Record = dict[str, Any]


class Crashes:
    """Those of one node.

    Args:
        state: The node's folder.
        sw: Its software.
        clock: Nanoseconds since the Unix epoch.
        root: What stands before `/proc` and `/sys`.

    Attributes:
        reset: Why this run began: `start`, or what ended the one before (`error`, `native`, `oom`, `watchdog`,
            `killed`, `reset`).
    """

    def __init__(
        self, state: Path, sw: str, *, clock: Callable[[], int] = time.time_ns, root: Path = Path("/")
    ) -> None:
        self._folder = state / "crashes"
        self._ended = state / "ended"  # what the service of the package writes when systemd has seen a run end
        self._sw = sw
        self._clock = clock
        self._root = root
        self._native: TextIO | None = None
        self._began = time.monotonic()
        self.reset = "start"

    @contextlib.contextmanager
    def guarded(self, recent: Callable[[], Sequence[str]] = tuple) -> Iterator[None]:
        """A run, from its begin to its end.

        Args:
            recent: The last lines of its log.
        """
        try:
            self._begin()
        except OSError as error:  # of a disk that is full or broken: the node is to run all the same
            _log.warning("no crash of this run will be known: %s", error)
        try:
            yield
        except (GanglionError, KeyboardInterrupt, SystemExit):
            self._end()
            raise
        except BaseException as error:
            with contextlib.suppress(OSError):
                self._add("error", text=_named(error), trace=_trace(error), log=recent(), up=self._up())
            self._end()
            raise
        else:
            self._end()

    def note(self) -> None:
        """This run goes on."""
        with contextlib.suppress(OSError):
            os.utime(self._folder / "running")

    def waiting(self) -> list[Record]:
        """The records that nobody has, the oldest first."""
        found = []
        for path in self._paths():
            try:
                record = json.loads(path.read_bytes())
                if not isinstance(record, dict) or record.get("id") != path.stem:
                    raise ValueError
            except (OSError, ValueError):
                path.unlink(missing_ok=True)  # half of it, of a disk that was full
                continue
            found.append(record)
        return sorted(found, key=lambda record: record.get("at", 0))

    def told(self, identity: str) -> None:
        """The record is kept elsewhere from now on."""
        files.remove(self._folder / f"{identity}.json")

    def _paths(self) -> list[Path]:
        return list(self._folder.glob("*.json"))

    def _up(self) -> int:
        return int(time.monotonic() - self._began)

    def _begin(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        marker, native = self._folder / "running", self._folder / "native"
        before, said = _read(marker), files.read(self._ended) or b""
        stack = (files.read(native) or b"").decode(errors="replace").strip()
        if before is not None:
            # Signals of native code are written down when they come; of any other end only the last note is known
            alive = max(path.stat().st_mtime_ns for path in (marker, native) if path.exists())
            self._find_out(before, alive, said.decode(errors="replace").split(), stack)
        self._ended.unlink(missing_ok=True)
        self._native = native.open("w")
        faulthandler.enable(self._native, all_threads=True)
        # By SIGABRT the supervisor ends what has not said that it lives: where it hangs is worth knowing
        note = {"boot": self._boot(), "oom": self._ooms(), "at": self._clock(), "sw": self._sw}
        files.write(marker, json.dumps(note).encode())

    def _end(self) -> None:
        """It ended as it should, or what ended it is written down."""
        with contextlib.suppress(OSError):
            (self._folder / "running").unlink(missing_ok=True)
            if self._native is not None:
                faulthandler.disable()
                self._native.close()
                self._native = None

    def _find_out(self, before: Record, alive: int, said: list[str], stack: str) -> None:
        result = said[0] if said else ""
        kind, detail = "killed", f" by {said[2]}" if result == "signal" and len(said) > 2 else ""
        if result in _RESULTS and _RESULTS[result] != "killed":
            kind, detail = _RESULTS[result], _first(stack)
        elif before.get("boot") != self._boot():
            kind, detail = "reset", self._why_reset()
        elif stack:
            kind, detail = "native", _first(stack)
        elif not detail and (self._ooms() or 0) > (before.get("oom") or 0):
            kind = "oom"
        text = _SAYS[kind].format(detail=detail)
        up = max(0, (alive - before["at"]) // SECOND) if isinstance(before.get("at"), int) else 0
        # What ended may have been another version: one on trial, or one before an upgrade
        self._add(kind, text=text, trace=stack, at=alive, up=up, sw=str(before.get("sw") or self._sw))

    def _add(
        self,
        kind: str,
        *,
        text: str,
        trace: str = "",
        log: Sequence[str] = (),
        at: int | None = None,
        up: int = 0,
        sw: str = "",
    ) -> None:
        self.reset = kind
        record = {
            "id": secrets.token_hex(4),
            "kind": kind,
            "at": self._clock() if at is None else at,
            "up": up,
            "sw": sw or self._sw,
            "text": redacted(text)[:500],
            "trace": redacted(trace[-TRACE:]),
            "log": [redacted(line[:_LINE]) for line in list(log)[-LINES:]],
        }
        files.write(self._folder / f"{record['id']}.json", json.dumps(record).encode())
        for path in sorted(self._paths(), key=lambda path: path.stat().st_mtime_ns)[:-KEPT]:
            path.unlink(missing_ok=True)

    def _boot(self) -> str:
        """Which boot of the machine this is."""
        return self._text("proc/sys/kernel/random/boot_id")

    def _ooms(self) -> int | None:
        """How often the kernel has killed somebody for want of memory, in this boot (vmstat, since Linux 4.13)."""
        for line in self._text("proc/vmstat").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill" and count.isdigit():
                return int(count)
        return None

    def _why_reset(self) -> str:
        """What the machine kept of why it stopped: the kernel's last words, or a flag of its watchdog."""
        with contextlib.suppress(OSError):
            if any(self._root.glob("sys/fs/pstore/dmesg-*")):
                return ", for its kernel had panicked"
        status = self._text("sys/class/watchdog/watchdog0/bootstatus")
        flags = int(status) if status.isdigit() else 0
        if flags & 0x20:  # WDIOF_CARDRESET
            return ", for its watchdog had not heard of it"
        if flags & 0x10:  # WDIOF_POWERUNDER
            return ", for its power was bad"
        return ": it lost its power, or was restarted by force"

    def _text(self, path: str) -> str:
        try:
            return (self._root / path).read_text().strip()
        except OSError:
            return ""


def _read(path: Path) -> Record | None:
    """What a run has noted; {} where it cannot be read, None where nothing is."""
    data = files.read(path)
    if data is None:
        return None
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _named(error: BaseException) -> str:
    """The kind of an error and what it says; of several, of the first."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).strip()


def _first(stack: str) -> str:
    """The signal that faulthandler names in its first line."""
    line = stack.partition("\n")[0].removeprefix("Fatal Python error: ")
    return line[:120] or signal.Signals.SIGABRT.name
