# SPDX-License-Identifier: GPL-3.0-or-later
"""A serial port as a UART, by pyserial."""

import sys
import threading
from collections.abc import Callable
from typing import Any

_PARITY = {None: "N", 0: "E", 1: "O"}


class PortSerial:
    """A port such as `/dev/ttyS1`, or a URL that pyserial knows.

    Raises:
        ImportError: pyserial is not installed.
        OSError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        import serial

        self._path = path
        self._port: Any = serial.serial_for_url(path, timeout=0)
        self._received: Callable[[], None] | None = None
        self._thread: threading.Thread | None = None

    def configure(self, *, baudrate: int, bits: int, parity: int | None, stop: int) -> None:
        if not self._port.is_open:
            self._port.open()
        self._port.baudrate, self._port.bytesize, self._port.stopbits = baudrate, bits, stop
        self._port.parity = _PARITY[parity]

    def any(self) -> int:
        return int(self._port.in_waiting)

    def read(self, count: int) -> bytes:
        return bytes(self._port.read(count))

    def write(self, data: bytes) -> int:
        return int(self._port.write(data))

    def drain(self) -> None:
        self._port.flush()

    def send_break(self) -> None:
        self._port.send_break()

    def close(self) -> None:
        self._received = None
        self._port.close()

    def listen(self, received: Callable[[], None] | None) -> None:
        self._received = received
        if received is not None and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._wait, name=self._path, daemon=True)
            self._thread.start()

    def _wait(self) -> None:
        import select
        import time

        while self._port.is_open:
            ready, _, _ = select.select([self._port.fileno()], [], [], 1)
            if ready and (received := self._received) is not None:
                try:
                    received()
                except Exception:  # of a script's own function: it is told, and the port is listened to all the same
                    sys.excepthook(*sys.exc_info())
                time.sleep(0.001)  # until it is read, there is always something
