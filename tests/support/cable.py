# SPDX-License-Identifier: GPL-3.0-or-later
"""A serial cable with us at its far end: a pty behind a name that stays, pulled and put back."""

import os
import select
import tty
from pathlib import Path


class Cable:
    """Plugged in from the start; `port` is its near end's name.

    Args:
        folder: Where that is.
        held: Whether this process has the near end open too, so that nobody misses what is written before they come.
            Others are refused such a port, as it is in use.
    """

    def __init__(self, folder: Path, *, held: bool = True) -> None:
        self._held = held
        self.port = folder / "ttyUSB0"
        self._far = self._near = -1
        self.plug()

    def plug(self) -> None:
        self._far, self._near = os.openpty()
        tty.setraw(self._near)
        self.port.symlink_to(os.ttyname(self._near))
        if not self._held:
            os.close(self._near)
            self._near = -1

    def pull(self) -> None:
        """Who has the port open reads an error from now on."""
        self.port.unlink()
        os.close(self._far)
        if self._held:
            os.close(self._near)
        self._far = self._near = -1

    def write(self, data: bytes) -> None:
        os.write(self._far, data)

    def read(self, timeout: float) -> bytes:
        """What has come, once something has; nothing after so many seconds, or while it is out."""
        try:
            ready, _, _ = select.select([self._far], [], [], timeout)
            return os.read(self._far, 1024) if ready else b""
        except (OSError, ValueError):
            return b""

    def close(self) -> None:
        if self._far >= 0:
            self.pull()
