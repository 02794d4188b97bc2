# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that does what native/watchdog/watchdog.c does, where that is not built; it imports nothing of ours."""

import fcntl
import os
import select
import signal
import stat
import struct
import sys
import time
from collections.abc import Callable

RETRY = 1.0
TRIES = 30
#: linux/i2c-dev.h, linux/i2c.h and linux/gpio.h.
_I2C_RDWR = 0x0707
_I2C_M_RD = 0x0001
_GPIO_V2_LINE_SET_VALUES = 0xC010B40F


def write_file(path: str, data: bytes, *, flags: int = 0) -> None:
    """The bytes are all that is in the file then. Waits for nobody who might read them; `flags` as `os.open` has."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | flags, 0o644)
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError(f"{path} took only a part")
        # After the write and not before, so that a reader never finds the file empty
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.ftruncate(descriptor, len(data))
    finally:
        os.close(descriptor)


def write_i2c(device: str, address: int, data: bytes) -> None:
    """One message to a chip."""
    _message(device, address, data)


def write_pins(device: str, address: int, pins: int, levels: int) -> None:
    """Some pins of a port that has one byte for all; not tried again, since the last write of a port has them all."""
    try:
        (byte,) = _message(device, address, b"\0", flags=_I2C_M_RD)
        _message(device, address, bytes([byte & ~pins | levels & pins]))
    except OSError:
        return


def _message(device: str, address: int, data: bytes, *, flags: int = 0) -> bytes:
    import ctypes  # costs memory, and few nodes have chips that act

    buffer = ctypes.create_string_buffer(data, len(data))
    message = ctypes.create_string_buffer(struct.pack("@HHHP", address, flags, len(data), ctypes.addressof(buffer)))
    descriptor = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _I2C_RDWR, struct.pack("@PI", ctypes.addressof(message), 1))
    finally:
        os.close(descriptor)
    return buffer.raw


def write_line(descriptor: int, value: int) -> None:
    """A line that the node has requested."""
    fcntl.ioctl(descriptor, _GPIO_V2_LINE_SET_VALUES, struct.pack("@QQ", value, 1))


def parse(words: list[str]) -> tuple[list[Callable[[], None]], bool]:
    """The writes among the arguments, as the C program takes them; and whether a GPIO line is among them.

    Raises:
        ValueError: they are wrong.
    """
    wills: list[Callable[[], None]] = []
    lines = False
    rest = iter(words)
    for kind in rest:
        try:
            if kind == "file":
                path, data = next(rest), bytes.fromhex(next(rest))
                wills.append(lambda path=path, data=data: write_file(path, data))  # type: ignore[misc]
            elif kind == "i2c":
                device, address, data = next(rest), int(next(rest)), bytes.fromhex(next(rest))
                wills.append(lambda device=device, address=address, data=data: write_i2c(device, address, data))  # type: ignore[misc]
            elif kind == "pins":
                device, address, (pins, levels) = next(rest), int(next(rest)), bytes.fromhex(next(rest))
                wills.append(
                    lambda device=device, address=address, pins=pins, levels=levels: write_pins(  # type: ignore[misc]
                        device, address, pins, levels
                    )
                )
            elif kind == "gpio":
                lines = True
                line, value = int(next(rest)), int(next(rest))
                wills.append(lambda line=line, value=value: write_line(line, value))  # type: ignore[misc]
            else:
                raise ValueError(kind)
        except StopIteration:
            raise ValueError(kind) from None
    return wills, lines


def write_all(wills: list[Callable[[], None]]) -> list[Callable[[], None]]:
    """Does them in their order; those that failed."""
    failed = []
    for will in wills:
        try:
            will()
        except OSError:
            failed.append(will)
    return failed


def main(arguments: list[str]) -> int:
    try:
        silence = int(arguments[1]) / 1000
        wills, lines = parse(arguments[2:])
        if silence <= 0:
            raise ValueError(arguments[1])
    except (IndexError, ValueError):
        sys.stderr.write(
            "usage: watchdog_twin.py SILENCE_MS [file PATH HEX | (i2c | pins) DEVICE ADDRESS HEX | gpio FD VALUE]…\n"
        )
        return 2
    # Who stops the node with all that is around it means the node: this one ends after it
    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(sign, signal.SIG_IGN)
    alone, armed, tries = False, True, 0
    undone: list[Callable[[], None]] = []
    deadline = time.monotonic() + silence
    while True:
        wait = RETRY if undone else max(deadline - time.monotonic(), 0) if armed else None
        begun = False
        if select.select([] if alone else [0], [], [], wait)[0]:
            said = os.read(0, 64)
            if b"q" in said:
                return 0
            armed, undone, deadline = True, [], time.monotonic() + silence
            if not said:
                alone, armed, begun = True, False, True
                signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the next node ends it
        if armed and time.monotonic() >= deadline:
            armed, begun = False, True
        if begun:
            tries, undone = 0, wills
        if undone:
            undone = write_all(undone)
            tries += 1
            if tries >= TRIES:
                undone = []
        if begun and not alone:
            try:
                os.write(1, b"f")
            except OSError:
                alone = True  # nobody hears it: as good as dead
        if alone and not undone:
            while lines:
                signal.pause()
            return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
