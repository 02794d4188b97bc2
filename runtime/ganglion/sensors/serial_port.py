# SPDX-License-Identifier: GPL-3.0-or-later
"""A serial port that nobody else has, by pyserial, and why it could not be had."""

import errno
import os
import termios
from typing import TYPE_CHECKING

from ganglion.linux.device import port_refusal

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
        number = _number(error)
        said = str(error) if number is None else os.strerror(number)
        raise OSError(number or errno.EIO, port_refusal(port, number, said)) from error


def _number(error: BaseException) -> int | None:
    """The errno of what the system said; pyserial passes some errors of termios on, and puts others into words."""
    if isinstance(error, termios.error):
        number: int = error.args[0]
        return number
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    return None if error.__context__ is None else _number(error.__context__)
