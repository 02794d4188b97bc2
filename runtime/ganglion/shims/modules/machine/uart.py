# SPDX-License-Identifier: GPL-3.0-or-later
"""`machine.UART`."""

import time
from collections.abc import Callable
from typing import Any

from ganglion.shims import board
from ganglion.shims.buffers import readable, writable
from ganglion.shims.interrupts import INTERRUPTS

#: Seconds between two looks.
_LOOK = 0.001
_POLL, _READ, _WRITE = 3, 1, 4


class UART:
    """A serial line of the board's, and a stream.

    Args:
        id: What the board calls it.
        baudrate: Bits per second.
        parity: None, 0 for even, 1 for odd.
        timeout: Milliseconds to wait for the first byte.
        timeout_char: Milliseconds to wait for each that follows.

    Raises:
        ValueError, OSError: the board has no such line.
    """

    IRQ_RX, IRQ_RXIDLE, IRQ_TXIDLE, IRQ_BREAK = 1, 2, 4, 8
    RTS, CTS = 1, 2
    INV_TX, INV_RX, INV_RTS, INV_CTS = 1, 2, 4, 8

    def __init__(self, id: Any, baudrate: int = 9600, *arguments: Any, **options: Any) -> None:
        self._id = id
        self._line = board.current().uart(id)
        self._handler: Callable[[UART], object] | None = None
        self._settings: dict[str, Any] = {"bits": 8, "parity": None, "stop": 1, "timeout": 0, "timeout_char": 0}
        self.init(baudrate, *arguments, **options)

    def init(self, baudrate: int | None = None, *arguments: Any, **options: Any) -> None:
        """Changes what is given; pins and lengths of buffers mean nothing here."""
        self._settings |= dict(zip(("bits", "parity", "stop"), arguments, strict=False)) | options
        if baudrate is not None:
            self._settings["baudrate"] = baudrate
        self._line.configure(**{name: self._settings[name] for name in ("baudrate", "bits", "parity", "stop")})

    def deinit(self) -> None:
        self._line.close()

    close = deinit

    def any(self) -> int:
        """How many bytes wait."""
        INTERRUPTS.run()
        return self._line.any()

    def read(self, nbytes: int = -1) -> bytes | None:
        """Up to so many bytes within the timeouts; None for none."""
        return self._gather(nbytes, b"")

    def readline(self) -> bytes | None:
        return self._gather(-1, b"\n")

    def readinto(self, buf: Any, nbytes: int = -1) -> int | None:
        view = writable(buf)
        data = self.read(len(view) if nbytes < 0 else min(nbytes, len(view)))
        if data is None:
            return None
        view[: len(data)] = data
        return len(data)

    def write(self, buf: Any) -> int:
        """How many bytes were taken."""
        count = self._line.write(readable(buf))
        INTERRUPTS.run()
        return count

    def flush(self) -> None:
        """Returns when all was sent."""
        self._line.drain()

    def txdone(self) -> bool:
        self._line.drain()
        return True

    def sendbreak(self) -> None:
        self._line.send_break()

    def irq(self, handler: Callable[["UART"], object] | None = None, trigger: int = 0, hard: bool = False) -> None:
        """Has `handler(uart)` called when something arrived; no handler ends that."""
        INTERRUPTS.attach()
        self._handler = handler
        if handler is None:
            self._line.listen(None)
        elif hard:
            self._line.listen(lambda: (handler(self), None)[1])
        else:
            self._line.listen(lambda: INTERRUPTS.fire(self, self._received, self))

    def _received(self, line: "UART") -> None:
        # Since it was said, nobody may want to know any more, or the handler before may have read it all
        if self._handler is not None and self._line.any():
            self._handler(line)

    def ioctl(self, request: int, events: int) -> int:
        """For `select.poll` and `asyncio`."""
        return events & (_WRITE | (_READ if self._line.any() else 0)) if request == _POLL else -1

    def _gather(self, count: int, end: bytes) -> bytes | None:
        out = bytearray()
        deadline = time.monotonic() + self._settings["timeout"] / 1000
        while count < 0 or len(out) < count:
            if data := self._line.read(1):
                out += data
                deadline = time.monotonic() + self._settings["timeout_char"] / 1000
                if end and data == end:
                    break
            elif time.monotonic() >= deadline:
                break
            else:
                time.sleep(_LOOK)
        return bytes(out) or None

    def __repr__(self) -> str:
        return f"UART({self._id}, baudrate={self._settings['baudrate']})"
