# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens what a configuration names. What cannot be opened is MicroPython's OSError, with the remedy as its note."""

import contextlib
import errno
import grp
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ganglion import extras
from ganglion.errors import UsageError
from ganglion.shims.oserror import oserror

_T = TypeVar("_T")

#: What brings a device of a kind that is not there; the rest of the sentence is the same for all.
_BRINGS = {
    "gpiochip": "the kernel has no driver for these pins, or it has another number",
    "i2c": "load its driver with `modprobe i2c-dev`, on a Raspberry Pi switch I2C on with `raspi-config`",
    "spi": "switch SPI on in the device tree, on a Raspberry Pi with `raspi-config`",
    "uart": "plug the adapter in, or switch the port on in the device tree",
    "pwm": "switch PWM on in the device tree",
    "adc": "load the converter's IIO driver",
    "dht": "load the kernel's dht11 driver with its device tree overlay",
    "pixels": "switch SPI on in the device tree, on a Raspberry Pi with `raspi-config`",
    "watchdog": "load its driver with `modprobe softdog`",
}
#: Keys of the configuration, beside its tables.
_KEYS = ("gpiochip", "watchdog", "bluetooth")


def opened(kind: str, place: str, make: Callable[[], _T], part: str = "") -> _T:
    """What `make` opens.

    Args:
        kind: The key or table of the configuration that names it.
        place: Its path.
        part: What of it is wanted, such as a line.

    Raises:
        OSError: it is not there, is another's, or is not this user's to open: with that number, and the remedy.
    """
    try:
        return make()
    except OSError as error:
        made = oserror(error.errno if error.errno is not None else errno.EIO)
        if remedy := _remedy(kind, place, f"{part} of {place}" if part else place, error):
            made.add_note(remedy)
        raise made from error


def needing(package: str, extra: str, make: Callable[[], _T]) -> _T:
    """What `make` makes with a package that not everybody has.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return make()
    except ImportError as error:
        module = "serial" if package == "pyserial" else package
        raise UsageError(f"this needs {package}: {extras.remedy(extra, module)}") from error


def _remedy(kind: str, place: str, wanted: str, error: OSError) -> str:
    another = f"name another under {f'`{kind}`' if kind in _KEYS else f'[{kind}]'} of the configuration"
    if error.errno in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return f"There is no {place}: {_BRINGS[kind]}, or {another}."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"This user may not open {place}: {_permission(Path(place))}."
    if error.errno == errno.EBUSY:
        return f"{wanted} is in use by another program, which `fuser -v {place}` names: end it, or {another}."
    if error.errno in (None, errno.ENOTTY, errno.EINVAL):
        return f"{wanted} cannot be used as that ({error}): {another}."
    return ""  # it is there, and did not do what it was asked for


def _permission(path: Path) -> str:
    """By the group that owns it, where that is not root's own."""
    with contextlib.suppress(OSError, KeyError):
        if (group := path.stat().st_gid) != 0:
            name = grp.getgrgid(group).gr_name
            return f"add it to the group {name} with `sudo usermod -aG {name} $USER`, and log in again"
    return "run this as root, or give the device a group of yours with a rule of udev"
