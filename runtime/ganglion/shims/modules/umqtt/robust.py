# SPDX-License-Identifier: GPL-3.0-or-later
"""`umqtt.robust`: the client of `umqtt.simple` that connects again until it succeeds."""

import sys
import time
from typing import Any

from ganglion.shims.modules.umqtt import simple


class MQTTClient(simple.MQTTClient):
    """A client whose operations begin again after the connection broke.

    Attributes:
        DELAY: Seconds between two attempts.
        DEBUG: Whether what goes wrong is printed.
    """

    DELAY = 2
    DEBUG = False

    def delay(self, i: int) -> None:
        """Waits before the attempt of this number."""
        time.sleep(self.DELAY)

    def log(self, in_reconnect: bool, e: Exception) -> None:
        """Tells what went wrong, where that is wanted."""
        if self.DEBUG:
            print(f"mqtt {'reconnect' if in_reconnect else ''}: {e!r}", file=sys.stderr)

    def reconnect(self) -> bool:
        """Connects, as often as it takes; whether the broker knew the session."""
        attempt = 0
        while True:
            try:
                return super().connect(False)
            except OSError as error:
                self.log(True, error)
                attempt += 1
                self.delay(attempt)

    def publish(self, topic: Any, msg: Any, retain: bool = False, qos: int = 0) -> None:
        while True:
            try:
                return super().publish(topic, msg, retain, qos)
            except OSError as error:
                self.log(False, error)
            self.reconnect()

    def wait_msg(self) -> int | None:
        while True:
            try:
                return super().wait_msg()
            except OSError as error:
                self.log(False, error)
            self.reconnect()

    def check_msg(self, attempts: int = 2) -> int | None:
        """As `wait_msg`, where there is a packet; None where so many connections broke."""
        for _ in range(attempts):
            self.sock.setblocking(False)
            try:
                return super().wait_msg()
            except OSError as error:
                self.log(False, error)
            self.reconnect()
        return None
