# SPDX-License-Identifier: GPL-3.0-or-later
"""The console of a node, or of a leaf of it, across the mesh: its log as it comes, and lines that it carries out."""

import argparse
import codecs
import json
import os
import select
import shutil
import sys
import termios
import threading
import time
from contextlib import ExitStack, nullcontext, suppress
from typing import Any

from ganglion.cli import gateway_client
from ganglion.cli.call import methods
from ganglion.cli.console_link import Link
from ganglion.cli.show import clock, instant, plain
from ganglion.console.harmless import Harmless
from ganglion.console.kept import Kept
from ganglion.console.recorder import Recorder
from ganglion.console.session import Came
from ganglion.console.terminal import ended_by_signals, half_line, keys_as_pressed, lines_ended_by
from ganglion.errors import GanglionError, UnreachableError, UsageError
from ganglion.node.console.lines import shown
from ganglion.redacted import redacted

_LEAVE = "\x1d"
_LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical", 100: "--"}
#: Seconds between two looks at the keyboard, and between two attempts to reach a node that went away.
_LOOK, _AGAIN = 0.1, 2.0
#: Seconds between two ends of input: a terminal forgets one that comes while it changes hands.
_END = 0.5
#: Seconds that the last look has to end.
_PATIENCE = 5.0


def run(args: argparse.Namespace) -> int:
    """Until Ctrl-], or the end of what comes in on stdin.

    Exit codes: 0 ok, 3 no such node or leaf, or the session is over, 4 refused, 5 no answer; else that of the last line
    that failed.
    """
    if args.watch and args.take:
        raise UsageError("--watch enters nothing, and --take is for who writes")
    columns, rows = shutil.get_terminal_size()
    link = Link(gateway_client.find(args), args.target, columns=columns, rows=rows)
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        recorder = None
        if args.record is not None:
            recorder = Recorder(args.record, args.target)
            stack.callback(recorder.close)
        link.open(take=args.take, watch=args.watch)
        return _Console(link, args, recorder).run()


class _Console:
    """What is shown, and what is typed; a thread of its own asks for what comes."""

    def __init__(self, link: Link, args: argparse.Namespace, recorder: Recorder | None) -> None:
        self._link = link
        self._args = args
        self._recorder = recorder
        self._is_terminal = sys.stdin is not None and sys.stdin.isatty() and not args.json
        self._shown = threading.Lock()
        self._over = threading.Event()
        self._shell = threading.Event()
        self._away = threading.Event()  # the node does not answer
        self._error: Exception | None = None
        self._writer: str | None = link.session.who if link.session.writes else ""  # of whom it was said
        self._opened = 0.0  # when a shell was; what was asked for before does not say that there is none
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._harmless = Harmless()
        self._kept = Kept()
        self._wants_shell = False  # whoever is here has asked for one
        self._is_lost = False  # a shell was, with the node that ran it
        self.code = 0

    def run(self) -> int:
        """See `run`."""
        # Before it says that there is a Ctrl-]
        with lines_ended_by(sys.stdin.fileno(), _LEAVE.encode()) if self._is_terminal else nullcontext():
            self._work()
        if self._error is not None:
            raise self._error
        return self.code

    def _work(self) -> None:
        follower = threading.Thread(target=self._follow, daemon=True)
        if self._is_terminal:
            self._say(f"console of {self._args.target}; `help` says what can be entered, Ctrl-] ends")
        self._show(self._link.read(0.0))
        follower.start()
        try:
            self._enter()
        except KeyboardInterrupt:
            self.code = 130
        finally:
            self._over.set()
            with suppress(GanglionError):
                if self._error is None:
                    self._link.close()
            follower.join(_PATIENCE)
            if self._recorder is not None:
                with self._shown:
                    self._recorder.said(self._kept.end())

    def _enter(self) -> None:
        typed = b""
        while not self._over.is_set() and (sys.stdin is not None or self._args.watch):
            if self._shell.is_set() and self._is_terminal:
                self._in_shell()
                continue
            if self._args.watch and not self._is_terminal:
                self._over.wait(_LOOK)
                continue
            try:
                if not select.select([sys.stdin], [], [], _LOOK)[0]:
                    continue
                data = os.read(sys.stdin.fileno(), 4096)
            except KeyboardInterrupt:
                if not self._is_terminal or not (typed + half_line(sys.stdin.fileno())):
                    raise
                typed = b""
                self._new_line()
                continue
            typed += data
            *lines, typed = typed.split(b"\n")
            if not data and typed:
                lines, typed = [*lines, typed], b""
            for line in lines:
                self._entered(line.decode("utf-8", "replace"))
            if not data and self._shell.is_set():
                self._end_shell()
            if not data or _LEAVE.encode() in typed:
                return

    def _entered(self, line: str) -> None:
        try:
            if self._args.watch:
                self._say("this console only watches")
            elif self._shell.is_set():
                self._link.type(line + "\n")
            elif line.strip():
                self._line(line)
        except GanglionError as error:
            self.code = error.exit_code
            if isinstance(error, UnreachableError) and not self._is_terminal:
                raise
            self._out(error.data() if self._args.json else str(error), line=shown(line), is_error=True)
        except KeyboardInterrupt:
            if not self._is_terminal:
                raise
            self._say("ended")

    def _line(self, line: str) -> None:
        self._wants_shell |= line.split()[0] == "shell"  # it may speak before the answer is here
        kept, result = self._link.line(line)
        if result == {"shell": True}:
            self._opened = time.monotonic()
            self._shell.set()
            self._say("a shell on the node; Ctrl-] ends it with the console")
        else:
            self._out({"line": kept, "result": result} if self._args.json else methods(result), line=kept)

    def _end_shell(self) -> None:
        """All that was to be typed was: what reads in the shell is told so, and then the shell itself."""
        while self._shell.is_set() and not self._over.wait(_END):
            with suppress(GanglionError):
                self._link.type("\x04")

    def _in_shell(self) -> None:
        """Keys go to the shell as they come."""
        size = shutil.get_terminal_size()
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        with keys_as_pressed(sys.stdin.fileno()):
            while self._shell.is_set() and not self._over.is_set():
                if (now := shutil.get_terminal_size()) != size:
                    size = now
                    with suppress(GanglionError):
                        self._link.resize(*size)
                if not select.select([sys.stdin], [], [], _LOOK)[0]:
                    continue
                data = os.read(sys.stdin.fileno(), 1000)
                if not data or _LEAVE.encode() in data:
                    self._over.set()
                    return
                text = decoder.decode(data)
                if not self._away.is_set():
                    with suppress(GanglionError):  # it has ended meanwhile, or does not read
                        self._link.type(text)
            if self._is_lost:  # what was typed was for the shell, and no line of this console
                termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
        if self._is_lost:
            self._is_lost = False
            self._say("the shell is over, and what was typed meanwhile is dropped; `shell` opens another")

    def _follow(self) -> None:
        while not self._over.is_set():
            try:
                began = time.monotonic()
                self._show(self._link.read(), began)
            except UnreachableError as error:
                if not self._is_terminal or not self._return(error):
                    self._end(error)
            except (GanglionError, OSError) as error:  # or nobody reads what is shown
                self._end(error)

    def _return(self, error: GanglionError) -> bool:
        """Whether a node that went away is there again. A shell stays one until then: what is typed is no line."""
        self._away.set()
        self._say(f"{error}; trying again, Ctrl-] ends")
        while not self._over.wait(_AGAIN):
            try:
                self._link.open(watch=self._args.watch)
            except UnreachableError:
                continue
            except GanglionError as refusal:
                self._end(refusal)
                return True
            self._say(f"{self._args.target} is there again")
            self._away.clear()
            if self._link.session.is_new and self._shell.is_set():
                self._is_lost = True
                self._shell.clear()
            return True
        return False

    def _end(self, error: Exception) -> None:
        if not self._over.is_set():
            self._error = error
            self._over.set()

    def _show(self, came: Came, asked: float = 0.0) -> None:
        if came.data:
            self._raw(came.data)
        if not came.shell and asked > self._opened:
            self._shell.clear()
        elif came.shell and self._wants_shell:
            self._shell.set()  # also where nobody has waited for the answer
        if came.lost:
            self._out({"lost": came.lost} if self._args.json else f"-- {came.lost} lines are lost")
        for at, level, text in came.lines:
            name = _LEVELS.get(level, str(level))
            if self._args.json:
                self._out({"time": instant(at), "level": name if level < 100 else "note", "text": text})
            else:
                when = f"{clock(at)} " if self._args.timestamps else ""
                self._out(f"{when}{name if level == 100 else name.ljust(7)} {text}")
        self._tell_writer(came.writer)

    def _raw(self, data: bytes) -> None:
        """What the shell says, for the terminal itself; where nobody has asked for one, nothing that does it harm."""
        text = self._decoder.decode(data) if self._wants_shell else self._harmless.text(data)
        with self._shown:
            if self._recorder is not None:
                self._recorder.said(self._kept.take(data))
            if self._args.json:
                print(json.dumps({"shell": text}, ensure_ascii=False), flush=True)
            else:
                sys.stdout.write(text)
                sys.stdout.flush()

    def _tell_writer(self, writer: str | None) -> None:
        if writer != self._writer:
            self._writer = writer
            if self._args.json:
                self._out({"writer": writer})
            elif not self._link.session.writes:
                self._say(
                    f"{writer or 'nobody'} writes here" + ("; you may only read: --take takes over" if writer else "")
                )

    def _new_line(self) -> None:
        with self._shown:
            print(flush=True)

    def _say(self, text: str) -> None:
        if not self._args.json:
            self._out(f"-- {text}")

    def _out(self, said: Any, line: str = "", *, is_error: bool = False) -> None:
        """A line of text, or a document; text of what has failed goes to stderr, but where a person reads both."""
        if self._args.json:
            text = json.dumps(said, ensure_ascii=False)
        else:
            text = "\n".join(plain(each) for each in str(said).splitlines())
        with self._shown:
            if self._recorder is not None:
                self._recorder.said(self._kept.end())
                if line:
                    self._recorder.written(f"{line}\r\n".encode("utf-8", "replace"))
                self._recorder.said(redacted(text).replace("\n", "\r\n").encode("utf-8", "replace") + b"\r\n")
            print(
                text, file=sys.stderr if is_error and not (self._is_terminal or self._args.json) else None, flush=True
            )
