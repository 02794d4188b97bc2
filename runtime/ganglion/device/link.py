# SPDX-License-Identifier: GPL-3.0-or-later
"""A serial port that may go and come back, also under another name."""

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from ganglion.device.port import BAUD, Line, Port, open_port
from ganglion.errors import GanglionError, InvalidError, RefusedError, UnreachableError

#: Seconds between attempts to have a port again.
AGAIN = 0.25
#: Seconds that a reset line or a break is held.
PULSE = 0.1
#: How the lines of a port are that has just been opened.
_OPENED: dict[Line, bool] = {"dtr": True, "rts": True, "break_condition": False}


class Opener(Protocol):
    """What opens a port: see `open_port`."""

    def __call__(self, name: str, *, baud: int) -> Port:
        """The port."""


class _Usb(NamedTuple):
    """What stays the same of a USB device when the kernel gives it another name."""

    vid: int
    pid: int
    serial_number: str


class Link:
    """A port, open from the start.

    Args:
        name: A path or a URL, as `open_port` has it.
        baud: Bits a second.
        returns: Whether to wait for a port that is gone; else its error is raised by whoever reads or writes.
        opener: Opens it, in place of `open_port`: one that is elsewhere.

    Raises:
        GanglionError: as `open_port`.
    """

    def __init__(self, name: str, *, baud: int = BAUD, returns: bool = True, opener: Opener | None = None) -> None:
        self.name = name
        #: Is told in a sentence when the port goes and when it is back.
        self.say: Callable[[str], None] = lambda _: None
        self._returns = returns
        self._open = opener or open_port
        self._port: Port | None = self._open(name, baud=baud)
        self._settings: dict[str, Any] = {"baudrate": self._port.settings["baudrate"]}
        self._usb = None if opener else _usb(name)
        self._next = 0.0
        self._waiting = bytearray()
        self.lines = dict(_OPENED)

    @property
    def port(self) -> Port | None:
        """The port; None while it is gone."""
        return self._port

    @property
    def refusal(self) -> str:
        """Why nothing may be written there, or set; "" where it may be."""
        return "" if self._port is None else self._port.refusal

    def take_dropped(self) -> str:
        """Why bytes that it had taken were not written, said once; "" where all were."""
        return "" if self._port is None else self._port.take_dropped()

    @property
    def baud(self) -> int:
        """Bits a second."""
        return int(self._settings["baudrate"])

    def close(self) -> None:
        """Lets go of the port."""
        self._waiting.clear()
        if self._port is not None:
            self._port.close()
            self._port = None

    def read(self, timeout: float = 0.0) -> bytes:
        """What has come; b"" where nothing has, or the port is gone."""
        if self._port is None:
            return b""
        try:
            return self._port.read(timeout)
        except UnreachableError as error:
            self.lose(error)
            return b""

    def write(self, data: bytes) -> bool:
        """Sends bytes, as soon as the port takes them; whether it is there."""
        if self._port is None:
            return False
        self._waiting += data
        self.flush()
        return self._port is not None

    def flush(self) -> None:
        """Goes on with what waits for the port to take it."""
        if self._port is None or not self._waiting:
            return
        try:
            del self._waiting[: self._port.write_some(bytes(self._waiting))]
        except UnreachableError as error:
            self.lose(error)

    @property
    def waiting(self) -> int:
        """Bytes that wait for the port to take them."""
        return len(self._waiting)

    def discard(self, *, received: bool = False, sent: bool = False) -> None:
        """Forgets what has come and is not read, or what is written and has not left."""
        if sent:
            self._waiting.clear()
        if self._port is not None:
            self._port.discard(received=received, sent=sent)

    def settings(self) -> dict[str, Any]:
        """How bytes go over the line, as `Port.settings`."""
        return dict(self._settings) if self._port is None else self._port.settings

    def set(self, **settings: Any) -> None:
        """Changes some of them; the port has them again when it is back.

        Raises:
            InvalidError: it cannot have these.
        """
        if self._port is None:
            return
        try:
            waiting = bytes(self._waiting)
            self._waiting.clear()
            self._port.write(waiting)  # as it was set when they were written
            self._port.set(**settings)
        except UnreachableError as error:
            self.lose(error)
        else:
            self._settings |= settings

    def set_line(self, line: Line, *, on: bool) -> bool:
        """Sets DTR, RTS or the break; whether the port has it."""
        self.lines[line] = on
        if self._port is None:
            return False
        try:
            self._port.set_line(line, on=on)
        except RefusedError:
            return False
        except UnreachableError as error:
            self.lose(error)
            return False
        return True

    def restore(self, settings: dict[str, Any]) -> None:
        """Has the port as it was before somebody set it otherwise, with its lines as they are when it is opened."""
        changed = {name: value for name, value in settings.items() if self.settings().get(name) != value}
        with contextlib.suppress(InvalidError):
            if changed:
                self.set(**changed)
        for line, on in _OPENED.items():  # DTR before RTS, as in `reset`
            if self.lines[line] != on:
                self.set_line(line, on=on)

    def reset(self) -> None:
        """Pulses RTS with DTR off, which the circuit of boards with an ESP turns into a reset that runs the program.

        Both are on afterwards, DTR first: RTS on without DTR is the reset, and without DTR a board that is a USB device
        itself takes nobody to be there.

        Raises:
            RefusedError: the port has no such lines.
        """
        if not self.set_line("dtr", on=False):
            self.lines["dtr"] = True
            if self._port is not None:
                raise RefusedError(
                    f"{self.name} has no DTR and RTS to reset by: Ctrl-D restarts a MicroPython, "
                    "and Ctrl-T b sends a break, which resets a micro:bit"
                )
            return
        self.set_line("rts", on=True)
        time.sleep(PULSE)
        self.set_line("rts", on=False)
        self.set_line("dtr", on=True)
        self.set_line("rts", on=True)

    def send_break(self) -> None:
        """Holds the line at zero for longer than a byte takes.

        Raises:
            RefusedError: the port has no break.
        """
        if not self.set_line("break_condition", on=True):
            self.lines["break_condition"] = False
            if self._port is not None:
                raise RefusedError(f"{self.name} has no break: it is no UART")
            return
        time.sleep(PULSE)
        self.set_line("break_condition", on=False)

    def lose(self, error: UnreachableError) -> None:
        """The port is gone.

        Raises:
            UnreachableError: and is not to be waited for.
        """
        self.close()
        if not self._returns:
            raise error
        self._next = time.monotonic() + AGAIN
        self.say(f"{error} This goes on when it is back")

    def look(self) -> None:
        """Opens a port again that is gone and has come back, by its name or as the USB device that it was."""
        if self._port is not None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + AGAIN
        for name in dict.fromkeys([self.name, *_same(self._usb)]):
            if self._usb is not None and _usb(name) not in (None, self._usb):
                continue  # another board has taken the name, and opening its port may reset it
            try:
                port = self._open(name, baud=self.baud)
            except GanglionError:
                continue  # not there yet, or udev has not given it to us yet
            self._port = port
            self.name = name
            with contextlib.suppress(InvalidError):
                self.set(**self._settings)
            for line, on in self.lines.items():
                if on != _OPENED[line]:
                    self.set_line(line, on=on)
            if self._port is not None:  # or it has gone again meanwhile
                self.say(f"{name} is back")
            return


def _usb(name: str) -> _Usb | None:
    """Which USB device a port is; None for what is none, or has no serial number of its own."""
    from serial.tools.list_ports import comports

    if "://" in name:
        return None
    path = os.path.realpath(name)
    for port in comports():
        if port.device == path and port.serial_number and port.vid is not None and port.pid is not None:
            return _Usb(port.vid, port.pid, port.serial_number)
    return None


def _same(usb: _Usb | None) -> list[str]:
    from serial.tools.list_ports import comports

    if usb is None:
        return []
    return [port.device for port in comports() if (port.vid, port.pid, port.serial_number) == usb]
