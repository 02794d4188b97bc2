# SPDX-License-Identifier: GPL-3.0-or-later
"""A raw REPL over a port that is open: programs run there, with patience that ends."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator

from ganglion.device.port import Port
from ganglion.device.raw_repl import Entered, Event, Executed, Left, Output, RawRepl, State
from ganglion.errors import GanglionError, UnreachableError

#: Seconds within which a device has to be in raw mode: one that opening the port has reset boots first.
ENTER = 10.0
#: Seconds without a byte after which who runs a program gives up.
QUIET = 10.0
#: Bytes of output that are kept of one program.
MOST = 1 << 20
_TRACEBACK = 4096  # bytes of it, the last, as the last line says what is wrong
_TRY = 1.0  # seconds for one attempt to enter
_SETTLE = 0.1  # seconds of silence after which all is said
_TICK = 0.1


class DeviceError(GanglionError):
    """A program ended on the device with an exception.

    Attributes:
        kind: The exception's class, as in `OSError`; empty where the device said no more than that it failed.
        said: What the exception says; the number alone on old versions.
        number: Its `errno`, if it has one.
    """

    def __init__(self, traceback: str) -> None:
        lines = traceback.strip().splitlines() or [""]
        kind, _, said = lines[-1].partition(":")
        super().__init__(f"on the device: {lines[-1]}")
        self.kind = kind
        self.said = said.strip()
        found = re.match(r"(?:\[Errno )?(\d+)", self.said) if kind == "OSError" else None
        self.number = int(found[1]) if found else None


class Session:
    """A device in raw mode. A context manager: enters, and at its end leaves and closes the port.

    Args:
        port: It.
        within: Seconds in which it has to be in raw mode.
        restart: When it leaves, it has the interpreter start anew and run boot.py and main.py.
    """

    def __init__(self, port: Port, *, within: float = ENTER, restart: bool = False) -> None:
        self.port = port
        self._within = within
        self._restart = restart
        self._repl = RawRepl()

    @property
    def has_raw_paste(self) -> bool | None:
        """Whether the device has raw-paste mode; None before the first execution."""
        return self._repl.has_raw_paste

    def enter(self) -> None:
        """Ends what runs, and has the device in raw mode.

        Raises:
            UnreachableError: it is not, within the time.
        """
        until = time.monotonic() + self._within
        heard = b""
        while time.monotonic() < until:
            self._repl.interrupt()
            self._send()
            heard = (heard + self._silence())[-80:]
            self._repl.enter()
            # What answers an attempt that was given up comes before the next is made.
            if self._wait(Entered, quiet=_TRY, until=min(until, time.monotonic() + 2 * _TRY)):
                self._silence()
                return
        said = f", and says {heard!r}" if heard else ""
        raise UnreachableError(
            f"no raw REPL on {self.port.name}{said}: press the board's reset button and try once more; "
            "is MicroPython on it, and is this its speed?"
        )

    def execute(self, source: str, *, quiet: float = QUIET, each: Callable[[bytes], None] | None = None) -> bytes:
        """Runs a program and returns what it prints.

        Args:
            source: It; characters from U+0001 to U+0005 only as escapes.
            quiet: Seconds without a byte after which it is ended.
            each: Is given each part of what it prints as it comes; nothing is returned then.

        Raises:
            DeviceError: it ended with an exception.
            UnreachableError: the device is silent, or gone.
            RemoteProtocolError: the device says what the protocol does not have.
            GanglionError: it prints more than may be kept.
        """
        printed = bytearray()
        traceback = b""
        self._repl.execute(source.encode())
        for event in self._events(quiet=quiet):
            match event:
                case Output(data, "error"):
                    traceback = (traceback + data)[-_TRACEBACK:]
                case Output(data) if each is not None:
                    each(data)
                case Output(data):
                    printed += data
                    if len(printed) > MOST:
                        raise GanglionError(f"a program on {self.port.name} prints more than {MOST} bytes")
                case Executed():
                    if traceback:
                        raise DeviceError(traceback.decode(errors="replace"))
                    return bytes(printed)
        raise UnreachableError(f"{self.port.name} is silent for {quiet:g} s: press the board's reset button")

    def soft_reset(self) -> None:
        """Has the interpreter start anew, in raw mode: what programs left behind is gone, and boot.py has run.

        Raises:
            UnreachableError: it does not come back.
        """
        self._repl.soft_reset()
        if not self._wait(Entered, quiet=self._within, until=time.monotonic() + self._within):
            raise UnreachableError(f"{self.port.name} does not come back from a soft reset: press the reset button")

    def leave(self) -> None:
        """Gives the device back to who sits before its REPL."""
        self._repl.leave()
        if self._wait(Left, quiet=_TRY, until=time.monotonic() + _TRY) and self._restart:
            self.port.write(b"\x04")

    def hand_back(self) -> None:
        """Leaves raw mode as far as that goes, whatever went wrong before; the port stays open."""
        with contextlib.suppress(GanglionError):
            if self._repl.state is not State.READY:
                self._within = 2 * _TRY  # it has had its time
                self.enter()
            self.leave()

    def _events(self, *, quiet: float, until: float = float("inf")) -> Iterator[Event]:
        """What happens, until nothing has come for so many seconds or the time is over."""
        heard = time.monotonic()
        while True:
            self._send()
            data = self.port.read(_TICK)
            now = time.monotonic()
            if data:
                heard = now
                yield from self._repl.receive(data)
            if now - heard > quiet or now > until:
                return

    def _wait(self, kind: type[Event], *, quiet: float, until: float) -> bool:
        return any(isinstance(event, kind) for event in self._events(quiet=quiet, until=until))

    def _send(self) -> None:
        while data := self._repl.data_to_send():
            self.port.write(data)
            if self._repl.pause:
                time.sleep(self._repl.pause)

    def _silence(self) -> bytes:
        """Reads what comes until nothing does, or as much as is enough; returns the last of it."""
        heard = b""
        until = time.monotonic() + _TRY
        while (data := self.port.read(_SETTLE)) and time.monotonic() < until:
            heard = (heard + data)[-80:]
        return heard

    def __enter__(self) -> "Session":
        try:
            self.enter()
        except BaseException:
            self.port.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.hand_back()
        finally:
            self.port.close()
