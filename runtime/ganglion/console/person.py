# SPDX-License-Identifier: GPL-3.0-or-later
"""A person at a console: keys from the terminal, and what the menu of Ctrl-T does."""

import os
import select
import time
from pathlib import Path

from ganglion.console.console import Console
from ganglion.console.keys import HELP, LEAVE, Command, Do, Keys, Send, Show
from ganglion.console.recorder import Recorder
from ganglion.console.screens import PlainScreen
from ganglion.console.sending import content, send
from ganglion.device.files import Written
from ganglion.errors import GanglionError, UnreachableError

_READ = 1024
#: Keys that stop a file on its way: Ctrl-C and Ctrl-].
_STOP = (3, LEAVE)


class Person:
    """One, who works a console.

    Args:
        console: It.
        screen: Of it.
        terminal: The descriptor of the terminal, which gives keys as they are pressed.
    """

    def __init__(self, console: Console, screen: PlainScreen, terminal: int) -> None:
        self._console = console
        self._screen = screen
        self._terminal = terminal
        self._keys = Keys()
        console.watch(terminal, self._pressed)

    def _pressed(self) -> None:
        data = self._read()
        if not data:
            self._console.stop()  # the terminal is gone
            return
        for meant in self._keys.receive(data):
            match meant:
                case Send(keys):
                    if self._console.paced and 3 in keys:
                        self._console.stop_sending()
                    self._console.type(keys)
                case Show(text):
                    self._screen.show(text)
                case Do(command, path):
                    self._do(command, path)

    def _do(self, command: Command, path: str) -> None:
        console, view = self._console, self._screen.view
        try:
            match command:
                case Command.LEAVE:
                    console.stop()
                case Command.HELP:
                    self._screen.show(f"\r\n{HELP}")
                case Command.RESET:
                    if console.may_send():
                        console.link.reset()
                        console.tell("reset")
                case Command.BREAK:
                    if console.may_send():
                        console.link.send_break()
                        console.tell("break sent")
                case Command.HEX:
                    self._screen.switch_hexadecimal()
                    console.tell(f"bytes are shown {'in hexadecimal' if view.hexadecimal else 'as text'}")
                case Command.TIMES:
                    view.times = not view.times
                    console.tell(f"the time is {'shown before each line' if view.times else 'not shown'}")
                case Command.RECORD:
                    self._record()
                case Command.FILE:
                    self._send(path)
                case Command.PASTE:
                    if console.may_send():
                        console.paced.put(content(path))
                        console.tell(f"{len(console.paced)} bytes of {path} are being sent; Ctrl-C stops that")
        except GanglionError as error:
            console.tell(str(error))

    def _record(self) -> None:
        console = self._console
        if console.recorder is not None:
            recorder, console.recorder = console.recorder, None
            recorder.close()
            console.tell(f"recorded to {recorder.path}")
            return
        name = console.link.name.rpartition("/")[2].replace(":", "-") or "console"
        console.record(Path(f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.cast"))
        assert isinstance(console.recorder, Recorder)
        console.tell(f"recording to {console.recorder.path}")

    def _send(self, path: str) -> None:
        console = self._console
        port = console.link.port
        if not console.may_send() or port is None:
            return
        console.pen.take(console)
        console.tell(f"sending {path}; Ctrl-C stops that")
        try:
            written = send(port, path, self._progress, self._is_stopped)
        except UnreachableError as error:
            console.hear()
            if console.link.port is None:
                return  # that has been said
            raise GanglionError(f"{error}; Ctrl-T p sends the bytes of the file as they are") from None
        finally:
            console.pen.put_down(console)
        console.tell(_line(written))

    def _progress(self, done: int, total: int) -> None:
        self._screen.show(f"\r{done * 100 // max(total, 1)} %" + "\r\n" * (done == total))

    def _is_stopped(self) -> bool:
        """Whether a key was pressed that stops; others meanwhile are lost."""
        while select.select([self._terminal], [], [], 0)[0]:
            data = self._read()
            if not data or any(key in data for key in _STOP):
                return True
        return False

    def _read(self) -> bytes:
        try:
            return os.read(self._terminal, _READ)
        except OSError:
            return b""


def _line(written: Written) -> str:
    how = "its content" if written.checked == "content" else f"its {written.checked.upper().replace('SHA', 'SHA-')}"
    if not written.sent and written.size:
        return f"{written.path} is there already, by {how}"
    return f"{written.path} is there, {written.size} bytes, read back by {how}; Ctrl-D starts main.py"
