# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives that boards show, as folders: what the board does with a file is done by a thread that watches."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LOOK = 0.05

BOOTSEL = "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n"
DETAILS = """\
# DAPLink Firmware - see https://mbed.com/daplink\r
Unique ID: {number}4501{rest}\r
HIC ID: 9796990b\r
Auto Reset: 1\r
Automation allowed: 0\r
Overflow detection: 0\r
Daplink Mode: {mode}\r
Interface Version: 0255\r
USB Interfaces: MSD, CDC, HID, WebUSB\r
Remount count: {count}\r
"""


class FakeDrive:
    """A drive.

    Attributes:
        folder: Where it is mounted.
        taken: The files that came, with their content.
        fails: What it says in FAIL.TXT about the next file; empty for nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.taken: dict[str, bytes] = {}
        self.fails = ""
        self._count = 0

    def bootsel(self, text: str = BOOTSEL) -> "FakeDrive":
        """The boot loader of a Pico shows its drive."""
        self.folder.mkdir(parents=True)
        (self.folder / "INFO_UF2.TXT").write_text(text)
        return self

    def microbit(self, number: str = "9900", mode: str = "Interface") -> "FakeDrive":
        """The interface of a micro:bit shows its drive."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = DETAILS.format(number=number, rest="0" * 40, mode=mode, count=self._count)
        (self.folder / "DETAILS.TXT").write_text(text)
        return self

    def takes_uf2(self) -> bool:
        """The board goes into what it has been given, once that is all there."""
        for path in self.folder.glob("*.uf2"):
            data = path.read_bytes()
            if data and len(data) == int.from_bytes(data[24:28], "little") * 512:
                self.taken[path.name] = data
                shutil.rmtree(self.folder)
                return True
        return False

    def takes_hex(self) -> bool:
        """The interface programs the chip and shows its drive anew."""
        for path in self.folder.glob("*.hex"):
            data = path.read_bytes()
            if data.rstrip().endswith(b":00000001FF"):
                self.taken[path.name] = data
                shutil.rmtree(self.folder)
                self._count += 1
                self.microbit()
                if self.fails:
                    (self.folder / "FAIL.TXT").write_text(f"error: {self.fails}\r\ntype: user\r\n")
                return True
        return False


@contextmanager
def watched(step: Callable[[], bool]) -> Iterator[None]:
    """Does a step again and again until it has something to do."""
    over = threading.Event()

    def watch() -> None:
        while not over.is_set() and not step():
            over.wait(_LOOK)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(60)
