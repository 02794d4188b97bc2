# SPDX-License-Identifier: GPL-3.0-or-later
"""A serial port that nobody else has, by pyserial, and why it could not be had."""

import errno
import os
import termios
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serial import Serial

#: Serial ports that may be named from afar: no console, and nothing else below /dev.
PORT = r"/dev/(tty[A-Za-z]+\d+|rfcomm\d+)"


def check_port(port: str) -> None:
    """Raises:
    ValueError: it is no path of a device.
    """
    if not port.startswith("/"):
        raise ValueError(f'port must be a path such as "/dev/ttyUSB0", not {port!r}')


def open_port(port: str, baud: int, *, parity: str = "none", stop_bits: int = 1) -> "Serial":
    """The port, for us alone, with eight bits.

    Raises:
        OSError: there is no such port, no permission, or another program has it; the message names the remedy.
        ImportError: pyserial is not installed.
    """
    import serial

    try:
        return serial.Serial(port, baud, parity=parity[0].upper(), stopbits=stop_bits, exclusive=True)
    except (OSError, ValueError, termios.error) as error:
        number = getattr(error, "errno", None)
        raise OSError(number or errno.EIO, _refusal(port, number, error)) from error


def _refusal(port: str, number: int | None, error: Exception) -> str:
    if number == errno.ENOENT or not os.path.exists(port):
        return f"there is no {port}: is the cable in? `ls /dev/serial/by-id` lists what is"
    if number in (errno.EACCES, errno.EPERM):
        return f"no permission for {port}: add the node's user to the group that owns it, often dialout"
    if number in (errno.EAGAIN, errno.EBUSY):
        return f"{port} is in use by another program or sensor"
    return f"{port}: {error}"
