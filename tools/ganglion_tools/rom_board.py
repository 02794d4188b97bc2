# SPDX-License-Identifier: GPL-3.0-or-later
"""A board of Espressif's on a pty: its ROM's loader, and once its button is pressed what is in its flash.

What is in the flash cannot be run here, so an emulated board's port stands for it. A pty has no lines that reset a
board: `press` does what a person does with its buttons.
"""

import os
import select
import threading
import tty
from types import TracebackType

from ganglion_tools.rom_loader import RomLoader

_TICK, _LOOK = 0.1, 0.01
_MOST = 4096


class LoaderBoard:
    """A board that waits for an image. A context manager: has its port, and lets go of it.

    Attributes:
        chip: The model of its chip.
        port: Its name.
    """

    def __init__(self, chip: str, flash_size: int = 4 << 20) -> None:
        self.chip = RomLoader(chip, flash_size)
        self.port = ""
        self._far = self._runs = -1
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve)

    def press(self, runs: str = "") -> None:
        """A reset: into what runs on this port, or without one, with the button of the loader held, into the loader."""
        with self._lock:
            self._let_go()
            self.chip.power()
            if runs:
                self._runs = os.open(runs, os.O_RDWR | os.O_NOCTTY)
                tty.setraw(self._runs)

    def _serve(self) -> None:
        while not self._over.is_set():
            watched = [end for end in (self._far, self._runs) if end >= 0]
            try:
                ready, _, _ = select.select(watched, [], [], _TICK)
            except OSError:
                continue  # a button was pressed meanwhile, and what ran is gone
            with self._lock:
                if self._far in ready and not self._heard():
                    self._over.wait(_LOOK)
                if self._runs >= 0 and self._runs in ready:
                    os.write(self._far, os.read(self._runs, _MOST))  # a pty keeps it where nobody reads

    def _heard(self) -> bool:
        """Takes what came; False where nobody has the port open."""
        try:
            data = os.read(self._far, _MOST)
            if self._runs >= 0:
                os.write(self._runs, data)
            elif answer := self.chip.receive(data):
                os.write(self._far, answer)
        except OSError:
            return False
        return True

    def _let_go(self) -> None:
        if self._runs >= 0:
            os.close(self._runs)
            self._runs = -1

    def __enter__(self) -> "LoaderBoard":
        self._far, near = os.openpty()
        tty.setraw(near)
        self.port = os.ttyname(near)
        os.close(near)  # nobody has it open but who flashes
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(10)
        self._let_go()
        os.close(self._far)
