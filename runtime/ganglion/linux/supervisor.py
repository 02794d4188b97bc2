# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service says to systemd, or to who else started it, by the protocol of sd_notify(3). Nothing here waits."""

import logging
import os
import socket
from collections.abc import MutableMapping

_log = logging.getLogger(__name__)


class Supervisor:
    """Who started this process and wants to hear of it; nobody, where `address` is empty.

    Args:
        address: Of its datagram socket: a path, or `@` and a name in the abstract name space.
        within: Seconds within which it wants to hear that the process lives; 0 where it does not ask.
    """

    def __init__(self, address: str = "", *, within: float = 0.0) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._every = within / 3  # a beat may be late, and one may be lost
        self._due = 0.0

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> "Supervisor":
        """As the environment names it, out of which it is taken: no child is to speak for this process."""
        address = environment.pop("NOTIFY_SOCKET", "")
        microseconds = environment.pop("WATCHDOG_USEC", "")
        meant = environment.pop("WATCHDOG_PID", "") in ("", str(os.getpid()))
        asked = meant and microseconds.isascii() and microseconds.isdigit()
        return cls(address, within=int(microseconds) / 1e6 if asked else 0.0)

    def ready(self, status: str) -> None:
        """The process does what it was started for."""
        self._say(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """One line for people: `systemctl status` shows it."""
        self._say(f"STATUS={status}")

    def stopping(self) -> None:
        """The process ends, as it was told."""
        self._say("STOPPING=1")

    def alive(self, now: float) -> None:
        """The process lives. To be called more often than it is said.

        Args:
            now: Seconds of a clock that only goes on.
        """
        if self._every and now >= self._due:
            self._due = now + self._every
            self._say("WATCHDOG=1")

    def _say(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as line:
                line.sendto(text.encode(), self._address)
        except OSError as error:
            # A node is not to end because nobody hears it; who wanted to starts it anew.
            _log.warning("NOTIFY_SOCKET hears nothing: %s", error.strerror or error)
