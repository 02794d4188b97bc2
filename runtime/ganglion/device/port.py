# SPDX-License-Identifier: GPL-3.0-or-later
"""A serial port that nobody else has, by pyserial, on this machine or behind `socket://` and `rfc2217://`."""

import contextlib
import errno
import io
import os
import re
import select
import stat
import termios
import time
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from ganglion.device.lending import lent_as
from ganglion.device.ports import serial_ports
from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.linux import device
from ganglion.linux.holders import Holder, holders

if TYPE_CHECKING:
    from serial import Serial

#: Bits a second that MicroPython's boards are set to.
BAUD = 115200
#: Seconds within which bytes that are written have to leave.
_WRITE = 10.0
#: Bytes that are read at most at a time, and seconds between looks at a port that the kernel cannot wait for.
_READ, _LOOK = 4096, 0.01
#: What may be changed of a port that is open, by pyserial's names.
SETTINGS = ("baudrate", "bytesize", "parity", "stopbits", "xonxoff", "rtscts")
#: What is on or off, by pyserial's names.
Line = Literal["dtr", "rts", "break_condition"]
_NUMBER = re.compile(r"^\[Errno -?\d+\] ")
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

    def write_some(self, data: bytes) -> int:
        """Sends as many bytes as there is room for now, and returns how many; all of them over rfc2217://.

        Raises:
            UnreachableError: the port is gone.
        """
        if self._descriptor is None:
            self.write(data)
            return len(data)
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._gone() from error

    @property
    def refusal(self) -> str:
        """Why nothing may be written there, or set; "" where it may be."""
        return ""

    def take_dropped(self) -> str:
        """Why bytes that it had taken were not written, said once; "" where all were."""
        return ""

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

    @property
    def descriptor(self) -> int | None:
        """What `select` waits for; None where bytes come out of a thread (rfc2217://)."""
        return self._descriptor

    @property
    def settings(self) -> dict[str, Any]:
        """How bytes go over the line, by pyserial's names: `baudrate`, `bytesize`, `parity`, `stopbits`, `xonxoff`."""
        return {name: getattr(self.serial, name) for name in SETTINGS}

    def set(self, **settings: Any) -> None:
        """Changes some of `settings`; those that it cannot have stay as they were.

        Raises:
            InvalidError: this port has no such speed or format.
            UnreachableError: the port is gone.
        """
        before = {name: getattr(self.serial, name) for name in settings}
        try:
            for name, value in settings.items():
                setattr(self.serial, name, value)
        except OSError as error:
            raise self._gone() from error
        except (ValueError, OverflowError, NotImplementedError, termios.error):
            with contextlib.suppress(ValueError, OSError, termios.error):
                for name, value in before.items():
                    setattr(self.serial, name, value)
            words = " and ".join(f"{name} {value}" for name, value in settings.items())
            raise InvalidError(f"cannot be set to {words}", where=self.name) from None

    def set_line(self, line: Line, *, on: bool) -> None:
        """Sets a line of the port: DTR and RTS, or `break_condition`, in which it sends no bits but a long zero.

        Raises:
            RefusedError: it has none, as a pty and a socket.
            UnreachableError: the port is gone.
        """
        if self.name.startswith("socket:"):
            raise self._lineless(line)
        try:
            setattr(self.serial, line, on)
        except (OSError, ValueError, termios.error) as error:
            if error.args and error.args[0] in (errno.ENOTTY, errno.EINVAL):
                raise self._lineless(line) from None
            raise self._gone() from error

    def modem(self) -> dict[str, bool]:
        """The lines that the device sets, by pyserial's names; none where there are none."""
        if self.name.startswith("socket:"):
            return {}
        try:
            return {name: bool(getattr(self.serial, name)) for name in ("cts", "dsr", "ri", "cd")}
        except (OSError, ValueError, termios.error):
            return {}

    def discard(self, *, received: bool = False, sent: bool = False) -> None:
        """Forgets what has come and is not read, or what is written and has not left."""
        with contextlib.suppress(OSError, termios.error):
            if received:
                self.serial.reset_input_buffer()
            if sent:
                self.serial.reset_output_buffer()

    def _lineless(self, line: Line) -> RefusedError:
        return RefusedError(f"{self.name} has no {'break' if line == 'break_condition' else line.upper()}")

    def _looked_for(self, timeout: float) -> bytes:
        until = time.monotonic() + timeout
        while True:
            if waiting := self.serial.in_waiting:
                data = bytes(self.serial.read(min(waiting, _READ)))
                if not data:  # the end of the connection waited
                    raise self._gone()
                return data
            if time.monotonic() >= until:
                return b""
            if data := bytes(self.serial.read(1)):  # at once when it comes: a device waits for each answer
                return data + bytes(self.serial.read(min(self.serial.in_waiting, _READ)))

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
        RefusedError: this user may not use it, and the message names the group to join; or another program has it,
            and the message says which.
        UnreachableError: no one answers at the URL.
        ImportError: pyserial is not installed.
    """
    import serial

    if "://" in name:
        _check_address(name)
        limit = None if name.startswith("rfc2217:") else _WRITE  # there pyserial has none
        try:
            wait = _LOOK if name.startswith("rfc2217:") else 0  # there nothing else wakes up who reads
            return Port(name, serial.serial_for_url(name, baudrate=baud, timeout=wait, write_timeout=limit))
        except ValueError as error:
            if "remote rejected" in str(error):
                raise RefusedError(
                    f"{name} is not to be had at {baud} baud: it has another speed while somebody writes"
                ) from None
            raise InvalidError(f"is no URL of a serial port, as in socket://HOST:PORT: {error}", where=name) from None
        except OSError as error:
            said = str(error).removeprefix(f"Could not open port {name}: ")
            raise UnreachableError(f"{name} does not answer: {_NUMBER.sub('', said)}") from None
    if os.path.exists(name) and not _may_be_serial(os.stat(name)):
        raise _no_serial_port(name)
    if others := holders(name):
        raise _busy(name, " and ".join(map(str, others)), *others)
    try:
        return Port(name, serial.Serial(name, baud, timeout=0, write_timeout=_WRITE, exclusive=True))
    except (OSError, ValueError, OverflowError, termios.error) as error:
        raise _refusal(name, getattr(error, "errno", None), error) from None


def _check_address(url: str) -> None:
    """pyserial says of a URL without a host or a port what its own code stumbled over."""
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname and parts.port)
    except ValueError:
        whole = False
    if not whole and url.startswith(("socket://", "rfc2217://")):
        raise InvalidError("is no URL of a serial port, as in socket://HOST:PORT: host or port is missing", where=url)


def _refusal(name: str, number: int | None, error: Exception) -> GanglionError:
    if number == errno.ENOENT or not os.path.exists(name):
        there = ", ".join(port.device for port in serial_ports())
        hint = f"there is {there}" if there else "there is none at all: is the cable in, and does it carry data?"
        if ":" in name and "/" not in name:  # as a node lends it, to a command that needs more of a port than bytes
            listen = f"`ganglion console {name} --listen 4000` has it on this machine"
            hint = f"where a node lends it, {listen}, with the lines that reset a board: name rfc2217://127.0.0.1:4000"
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


def _busy(name: str, who: str, *others: Holder) -> RefusedError:
    remedy = "end that first"
    if node := next((each for each in others if each.node), None):  # to a node its line is a leaf's, as long as it runs
        if lent := lent_as(node, name):
            where = f"`ganglion ports --node {lent.partition(':')[0]}` says whose, and Ctrl-] there ends it"
            beside = f"`ganglion console {lent} --share PATH` is for programs beside it"
            return RefusedError(
                f"{name} is in use by {who}, which lends it to a console across the mesh: {where}; {beside}"
            )
        how = "`sudo systemctl stop ganglion`" if node.is_service else f"`kill {node.pid}`, or Ctrl-C where it runs"
        remedy = f"stop it ({how}) and start it again when you are done"
    elif shared := [each for other in others for each in other.shared_as]:
        remedy = f"it is shared as {' and '.join(shared)}, so name that in place of {name}"
    elif any(each.is_console for each in others):
        remedy = "end that first, or start it with --share PATH or --listen PORT and name that"
    return RefusedError(f"{name} is in use by {who}: {remedy}")
