# SPDX-License-Identifier: GPL-3.0-or-later
"""`machine.WDT`."""

from ganglion.shims import board


class WDT:
    """Resets a script that does not feed it in time; it cannot be stopped.

    Args:
        timeout: Milliseconds.

    Raises:
        ValueError: it is not positive.
    """

    def __init__(self, id: int = 0, timeout: int = 5000) -> None:
        if timeout <= 0:
            raise ValueError("timeout must be positive")
        self._feed = board.current().watchdog(timeout)

    def feed(self) -> None:
        self._feed()
