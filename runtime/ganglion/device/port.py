# SPDX-License-Identifier: GPL-3.0-or-later
"""A serial port that nobody else has, by pyserial, on this machine or behind `socket://` and `rfc2217://`."""

import errno
import io
import os
import select
import stat
import termios
import time
from typing import TYPE_CHECKING

from ganglion.device.ports import serial_ports
from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.linux import device
from ganglion.linux.holders import holders

if TYPE_CHECKING:
    from serial import Serial

#: Bits a second that MicroPython's boards are set to.
BAUD = 115200
#: Seconds within which bytes that are written have to leave.
_WRITE = 10.0
#: Bytes that are read at most at a time, and seconds between looks at a port that the kernel cannot wait for.
_READ, _LOOK = 4096, 0.01
_MEMORY = 1  # the kernel's number for /dev/null and the like, which everybody has open


class Port:
    """An open port. Made by `open_port`, and a context manager that closes it.

    Attributes:
        name: Its path or URL.
        serial: What is underneath, for tools that take pyserial's own.
    """

    def __init__(self, name: str, serial: "Serial") -> None:
        self.name = name
        self.serial = serial
        try:
            self._descriptor: int | None = serial.fileno()
        except io.UnsupportedOperation:  # of rfc2217, whose bytes come out of a thread
            self._descriptor = None

    def read(self, timeout: float) -> bytes:
        """What has come; b"" where nothing has within so many seconds.

        Raises:
            UnreachableError: the port is gone.
        """
        try:
            if self._descriptor is None:
                return self._looked_for(timeout)
            if not select.select([self._descriptor], [], [], timeout)[0]:
                return b""
            data = os.read(self._descriptor, _READ)
        except OSError as error:
            raise self._gone() from error
        if not data:
            raise self._gone()
        return data

    def write(self, data: bytes) -> None:
        """Sends bytes; returns when they are on their way.

        Raises:
            UnreachableError: the port is gone, or takes nothing.
        """
        from serial import SerialTimeoutException

        try:
            self.serial.write(data)
        except SerialTimeoutException:
            raise UnreachableError(f"{self.name} takes no bytes: unplug the device and plug it in again") from None
        except OSError as error:
            raise self._gone() from error

    @property
    def has_control_lines(self) -> bool:
        """Whether DTR and RTS, by which boards are reset, are there: a pty and a TCP socket have none."""
        if "://" in self.name:
            return self.name.startswith("rfc2217:")
        try:
            _ = self.serial.cts
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Lets go of the port."""
        self.serial.close()

    def _looked_for(self, timeout: float) -> bytes:
        until = time.monotonic() + timeout
        while True:
            if waiting := self.serial.in_waiting:
                return bytes(self.serial.read(min(waiting, _READ)))
            if time.monotonic() >= until:
                return b""
            time.sleep(_LOOK)

    def _gone(self) -> UnreachableError:
        return UnreachableError(f"{self.name} is gone: is the cable loose, or has the device reset itself?")

    def __enter__(self) -> "Port":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_port(name: str, *, baud: int = BAUD) -> Port:
    """The port, for us alone.

    Args:
        name: A path such as /dev/ttyUSB0, or a URL: socket://HOST:PORT, rfc2217://HOST:PORT.
        baud: Bits a second; of no meaning for socket://.

    Raises:
        InvalidError: it is no serial port, or has no such speed.
        NotFoundError: it is not there; the message lists which are.
        RefusedError: this user may not use it; the message names the group to join.
        UnreachableError: no one answers at the URL.
        GanglionError: another program has it; the message says which.
        ImportError: pyserial is not installed.
    """
    import serial

    if "://" in name:
        limit = None if name.startswith("rfc2217:") else _WRITE  # there pyserial has none
        try:
            return Port(name, serial.serial_for_url(name, baudrate=baud, timeout=0, write_timeout=limit))
        except ValueError as error:
            raise InvalidError(f"is no URL of a serial port, as in socket://HOST:PORT: {error}", where=name) from None
        except OSError as error:
            raise UnreachableError(f"{name} does not answer: {error}") from None
    if os.path.exists(name) and not _may_be_serial(os.stat(name)):
        raise _no_serial_port(name)
    if others := holders(name):
        raise _busy(name, " and ".join(map(str, others)))
    try:
        return Port(name, serial.Serial(name, baud, timeout=0, write_timeout=_WRITE, exclusive=True))
    except (OSError, ValueError, OverflowError, termios.error) as error:
        raise _refusal(name, getattr(error, "errno", None), error) from None


def _refusal(name: str, number: int | None, error: Exception) -> GanglionError:
    if number == errno.ENOENT or not os.path.exists(name):
        there = ", ".join(port.device for port in serial_ports())
        hint = f"there is {there}" if there else "there is none at all: is the cable in, and does it carry data?"
        return NotFoundError(f"there is no port {name}; {hint}")
    if number in (errno.EACCES, errno.EPERM):
        return RefusedError(device.forbidden(name, device.SERIAL))
    if number in (errno.EAGAIN, errno.EBUSY):
        return _busy(name, f"a program that this user may not see: `sudo fuser -v {name}` names it")
    if isinstance(error, termios.error) or number == errno.ENOTTY:
        return _no_serial_port(name)
    return InvalidError(str(error), where=name)


def _may_be_serial(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) and os.major(status.st_rdev) != _MEMORY


def _no_serial_port(name: str) -> InvalidError:
    return InvalidError("is no serial port: `ganglion ports` lists those that are", where=name)


def _busy(name: str, who: str) -> GanglionError:
    return GanglionError(f"{name} is in use by {who}: end that first")
