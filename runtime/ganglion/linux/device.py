# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices of this machine: which there are, and why one cannot be had, in a sentence with the remedy.

It looks at paths and rights, and opens nothing.
"""

import errno
import grp
import os
import pwd
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from ganglion.linux.holders import holders


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of devices.

    Attributes:
        name: What people call it.
        paths: Glob patterns below `/`.
        group: Whose members may open it, where the device itself does not say; "" where there is nothing to open.
        remedy: What to do where there is none.
    """

    name: str
    paths: tuple[str, ...]
    group: str
    remedy: str


_CONFIG = "in config.txt, then restart"

I2C = Kind(
    name="I2C adapter",
    paths=("dev/i2c-*",),
    group="i2c",
    remedy=f"switch I2C on (Raspberry Pi: dtparam=i2c_arm=on {_CONFIG}) and load its driver (sudo modprobe i2c-dev)",
)
SPI = Kind(
    name="SPI device",
    paths=("dev/spidev*",),
    group="spi",
    remedy=f"switch SPI on (Raspberry Pi: dtparam=spi=on {_CONFIG})",
)
GPIO = Kind(
    name="gpiochip",
    paths=("dev/gpiochip*",),
    group="gpio",
    remedy="`gpiodetect` lists the chips of this machine",
)
W1 = Kind(
    name="1-Wire bus",
    paths=("sys/bus/w1/devices/w1_bus_master*",),
    group="",
    remedy=f"switch a 1-Wire bus on (Raspberry Pi: dtoverlay=w1-gpio {_CONFIG})",
)
IIO = Kind(
    name="converter of Linux",
    paths=("sys/bus/iio/devices/iio:device*",),
    group="",
    remedy=f"load the chip's driver (Raspberry Pi: its dtoverlay {_CONFIG})",
)
SERIAL = Kind(
    name="serial port",
    paths=("dev/ttyUSB*", "dev/ttyACM*", "dev/ttyAMA*", "dev/serial/by-id/*", "dev/rfcomm*", "dev/ttyS*"),
    group="dialout",
    remedy="is the cable in? `ls /dev/serial/by-id` lists what is",
)
CAMERA = Kind(
    name="camera",
    paths=("dev/video*", "dev/v4l/by-id/*"),
    group="video",
    remedy="is it plugged in, and its driver loaded? `v4l2-ctl --list-devices` lists the cameras of this machine",
)
SOUND = Kind(
    name="microphone",
    paths=("dev/snd/pcmC*c",),
    group="audio",
    remedy="is it plugged in, and its driver loaded? `arecord -l` lists the sound cards that record",
)
KINDS = (I2C, SPI, GPIO, W1, IIO, SERIAL, CAMERA, SOUND)


def kind_of(path: str) -> Kind | None:
    """What kind of device a path names, whether it is there or not."""
    return next((kind for kind in KINDS if any(Path(path).match(f"/{each}") for each in kind.paths)), None)


def found(kind: Kind, *, root: Path = Path("/")) -> list[Path]:
    """The devices of a kind that this machine has. A serial port that no hardware is behind is none."""
    paths = [path for pattern in kind.paths for path in sorted(root.glob(pattern))]
    return [path for path in paths if not re.fullmatch(r"ttyS\d+", path.name) or _is_wired(path, root)]


def _is_wired(path: Path, root: Path) -> bool:
    """The 8250 driver makes ttyS0 to ttyS31 whether there are UARTs or not; the type of one that is not there is 0."""
    try:
        return (root / "sys/class/tty" / path.name / "type").read_text().strip() not in ("", "0")
    except OSError:
        return False


def leads_to(path: str) -> str | None:
    """The file that a path leads to; None below `/dev` where it is a link, some day, which is not there yet."""
    real = os.path.realpath(path)
    known = not real.startswith("/dev/") or os.path.exists(real) or re.fullmatch(r"/dev/(gpiochip|i2c-)\d+", real)
    return real if known else None


def is_open_to_us(path: Path, kind: Kind) -> bool:
    """Whether this user may open it."""
    return not kind.group or os.access(path, os.R_OK if kind is SOUND else os.R_OK | os.W_OK)


def forbidden(path: str, kind: Kind | None = None) -> str:
    """Why it may not be opened, and what to do."""
    kind = kind or kind_of(path)
    try:
        status = os.stat(path)
        if not status.st_mode & stat.S_IRGRP:
            is_file = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
            remedy = "who may let this user read it" if is_file else "a udev rule may give it to a group"
            return f"no permission for {path}: it is for {_user(status.st_uid)} alone, {remedy}"
        group = grp.getgrgid(status.st_gid).gr_name
    except (OSError, KeyError):
        group = "root"
    if group == "root":  # no rule of udev has given it away
        group = kind.group if kind is not None else ""
    if not group:
        return f"no permission for {path}: run as its owner, or let this user read it"
    user = _user(os.geteuid())
    return (
        f"no permission for {path}: add the user {user} to the group {group} "
        f"(sudo usermod -aG {group} {user}), then log in again or restart the node's service"
    )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def refusal(path: str, number: int | None, otherwise: str, *, kind: Kind | None = None) -> str:
    """Why a device could not be opened.

    Args:
        number: The errno of the attempt; None where there was none.
        otherwise: What the system said.
        kind: Of the device, where its path does not say.
    """
    kind = kind or kind_of(path)
    if number in (errno.EACCES, errno.EPERM):
        return forbidden(path, kind)
    if number in (errno.EBUSY, errno.EAGAIN):
        others = " and ".join(map(str, holders(path)))
        return f"{path} is in use by {others}: end that first" if others else f"{path} is in use by another sensor"
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO) and not os.path.exists(path):
        return f"there is no {path}" + (
            f": {kind.remedy}; `ganglion doctor` says which devices there are" if kind is not None else ""
        )
    if number in (errno.ENOTTY, errno.ENODEV, errno.EISDIR) and kind is not None:
        return f"{path} is no {kind.name}; `ganglion doctor` says which devices there are"
    return f"{path}: {otherwise}"


def port_refusal(port: str, number: int | None, otherwise: str) -> str:
    """Why a serial port could not be opened; see `refusal`."""
    if not os.path.exists(port):
        number = errno.ENOENT  # pyserial does not always say
    if number == errno.EINVAL:
        return f"{port} cannot be set so: it has not every speed, parity and number of stop bits; try others"
    return refusal(port, number, otherwise, kind=SERIAL)


def sound_refusal(device: str, said: str) -> str:
    """Why a sound card could not be opened or does not go on.

    Args:
        device: As ALSA calls it.
        said: The last words of ALSA's recorder.
    """
    if not said.startswith("audio open error"):
        return f"alsa:{device}: {said}"
    if said.endswith(os.strerror(errno.EBUSY)):
        return f"alsa:{device} is in use by another program: stop that, or name a device that shares, such as default"
    # ALSA finds no card where it may not open any
    cards = found(SOUND)
    locked = next((card for card in cards if not is_open_to_us(card, SOUND)), None)
    if locked is not None:
        return f"alsa:{device}: {forbidden(str(locked), SOUND)}"
    what = f"alsa:{device}: {said}" if cards else f"there is no sound card for alsa:{device}"
    return f"{what}: {SOUND.remedy}"


def sentence(error: BaseException) -> str:
    """What a driver, or the system, raised, in words: without numbers of errors, and with the remedy if it is known."""
    if isinstance(error, OSError) and error.errno is not None:
        strerror = error.strerror or os.strerror(error.errno)
        return refusal(str(error.filename), error.errno, strerror) if error.filename is not None else strerror
    if isinstance(error, OSError) and len(error.args) == 1 and isinstance(error.args[0], int):
        return os.strerror(error.args[0])  # as MicroPython's drivers raise it
    return str(error) or type(error).__name__
