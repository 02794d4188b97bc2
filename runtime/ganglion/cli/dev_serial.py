# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of Python that runs on a device on a serial port each time it is saved."""

import argparse
import sys
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from ganglion.cli import lent
from ganglion.cli.saves import LOOK, Saves
from ganglion.cli.show import plain
from ganglion.console.harmless import Harmless
from ganglion.device.link import Opener
from ganglion.device.port import Port
from ganglion.device.restoring import Restoring
from ganglion.device.session import Session
from ganglion.device.trying import Ended, Said, Trying, source
from ganglion.errors import GanglionError, RemoteProtocolError, UnreachableError, UsageError

if TYPE_CHECKING:
    from ganglion.cli.live import Say

#: Seconds between two attempts to have a port back that is gone.
_AGAIN = 0.5


def follow(args: argparse.Namespace, tell: "Say") -> None:
    """Until Ctrl-C; at the end, however it comes, the device runs its own program again.

    Raises:
        GanglionError: the port, the device or the file is not there at the start.
    """
    if args.baud is not None and args.baud < 1:
        raise UsageError(f"--baud {args.baud}: at least 1")
    edited = _Edited(args, tell)
    with ExitStack() as stack:
        opened, baud = lent.way(args, args.device, stack)
        port = opened(args.device, baud=baud)
        stack.enter_context(_restoring(args, baud))
        while True:
            try:
                with Session(port, restart=True) as session:
                    edited.run_on(session)
            except (UnreachableError, RemoteProtocolError) as error:
                if not edited.has_run:
                    raise
                tell({"running": False, **error.data()}, f"--- {plain(str(error))}: it is tried again")
            port = _again(args.device, baud, opened)


def _restoring(args: argparse.Namespace, baud: int) -> Restoring:
    if lent.is_lent(args.device):
        return Restoring(args.device, baud, *lent.flags(args), module="ganglion.cli.lent")
    return Restoring(args.device, baud)


def _again(name: str, baud: int, opened: Opener) -> Port:
    """The port, once it is there again."""
    while True:
        time.sleep(_AGAIN)
        with suppress(GanglionError):  # not there yet, not ours yet, or another program has a look first
            return opened(name, baud=baud)


class _Edited:
    """The file, and the last of it that a device could read."""

    def __init__(self, args: argparse.Namespace, tell: "Say") -> None:
        self._file = str(args.file)
        self._as_json = args.json
        self._tell = tell
        self._saves = Saves(args.file)
        self._fresh: bytes | None = self._saves.first()
        self._good = ""
        self._tried = ""
        self._has_ended = False  # the good one, by itself
        self._is_in_line = False
        self._harmless = Harmless()

    @property
    def has_run(self) -> bool:
        """Whether a device has had anything of it."""
        return bool(self._good or self._tried)

    def run_on(self, session: Session) -> None:
        """Goes on as long as the device does.

        Raises:
            GanglionError: it is gone.
        """
        trying = Trying(session, self._file)
        self._accept()
        if self._fresh is None and self._good:
            self._has_ended = False
            self._begin(trying, self._good)
        while True:
            if self._fresh is not None:
                self._take(trying, self._fresh)
                self._fresh = None
            for each in trying.hear(LOOK):
                if isinstance(each, Said):
                    self._output(each)
                else:
                    self._ended(trying, each)
            self._fresh = self._saves.look()

    def _accept(self) -> None:
        """The device could read what it was given last."""
        if self._tried:
            self._good, self._tried, self._has_ended = self._tried, "", False

    def _take(self, trying: Trying, data: bytes) -> None:
        self._accept()
        try:
            text = source(data, self._file)
        except GanglionError as error:
            self._wrong(error.data(), str(error))
        else:
            self._tried = text
            self._begin(trying, text)

    def _begin(self, trying: Trying, text: str) -> None:
        began = time.perf_counter()
        trying.run(text)
        took = time.perf_counter() - began
        self._note({"running": True, "file": self._file, "took_s": round(took, 3)}, f"runs after {took:.2f} s")

    def _output(self, said: Said) -> None:
        if not said.is_error:
            self._accept()
        if self._as_json:
            self._tell({"traceback" if said.is_error else "out": said.text}, "")
            return
        self._shown(self._harmless.text(said.text.encode()))

    def _shown(self, text: str) -> None:
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()
            self._is_in_line = not text.endswith("\n")

    def _ended(self, trying: Trying, ended: Ended) -> None:
        was_new = bool(self._tried)
        if not ended.is_syntax:
            self._accept()
            self._has_ended = True
            how = "by an exception" if ended.traceback else "well"
            self._note({"ended": not ended.traceback}, f"has ended {how}")
            return
        self._tried = ""
        self._has_ended = self._has_ended or not was_new
        self._wrong({"error": ended.traceback.strip().splitlines()[-1]}, f"{self._file}: not for this MicroPython")
        if self._good and not self._has_ended:
            self._begin(trying, self._good)

    def _wrong(self, data: dict[str, Any], text: str) -> None:
        before = ("; the one before has ended" if self._has_ended else "; the one before goes on") if self._good else ""
        self._note({"running": False, **data}, f"does not run: {plain(text)}{before}")

    def _note(self, data: dict[str, Any], text: str) -> None:
        """A line that is not the device's."""
        self._shown(self._harmless.rest())
        newline, self._is_in_line = "\n" if self._is_in_line else "", False
        self._tell(data, f"{newline}--- {self._file} {text}")
