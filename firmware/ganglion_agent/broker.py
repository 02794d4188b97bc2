# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a full member to the mesh: MQTT over TCP to a broker, found again and again, later and later."""

import os
import select
import socket

from ganglion_agent.wifi import Place
from ganglion_micro.mqtt import Mqtt, MqttError

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Milliseconds that a pause before another attempt has at most, the first time and at all; chance takes of it.
FIRST_MS = 500
LONGEST_MS = 60000
#: Milliseconds that a connection has to be let in, and after which it has proved that it works.
CONNECTING_MS = 15000
STEADY_MS = 5000
#: Bytes that are read at a time, and that may wait to be written before the connection is given up.
_READ = 1024
_WAITING = 16384


class Broker:
    """Messages to and from a broker; what has to arrive is said again by who says it.

    Args:
        place: Of the broker.
        made: Makes a connection's packets: a new one each time.
        changed: Called with whether there is a connection.
        log: Is told of what does not work.
    """

    def __init__(
        self,
        place: Place,
        port: int,
        made: "Callable[[], Mqtt]",
        changed: "Callable[[bool], None]",
        log: "Callable[[str, str], None]",
    ) -> None:
        self._place = place
        self._port = port
        self._made = made
        self._changed = changed
        self._log = log
        self._socket: "Any" = None
        self._poll: "Any" = None
        self._mqtt: "Mqtt | None" = None
        self._found: "list[tuple[str, bytes]]" = []
        self._pause = FIRST_MS
        self._again = self._began = self._last = 0
        self._is_up = False
        self._said = ""

    def open(self, now_ms: int) -> bool:
        """Goes on; whether there is a connection that lets us in."""
        if self._socket is None:
            if now_ms >= self._again:
                self._connect(now_ms)
            return False
        mqtt = self._mqtt
        assert mqtt is not None
        try:
            mqtt.advance(now_ms - self._last)
            self._last = now_ms
            passed_over = mqtt.passed_over
            if not self._found:
                self._read(mqtt)
            if mqtt.passed_over and not passed_over:  # once a connection: the list of the revoked comes again and again
                self._log("warning", "broker: a message, or its topic, was too large for this board")
            self._write(mqtt)
            if not mqtt.up and now_ms - self._began > CONNECTING_MS:
                raise MqttError("it lets nobody in within {} s".format(CONNECTING_MS // 1000))
        except MqttError as error:
            self._lost(now_ms, str(error), error.refused)
            return False
        except OSError as error:
            self._lost(now_ms, str(error))
            return False
        if mqtt.up and not self._is_up:
            self._is_up = True
            self._said = ""
            self._log("info", "the broker {} lets us in".format(self._place.host))
            self._changed(True)
        if now_ms - self._began > STEADY_MS and mqtt.up:
            self._pause = FIRST_MS
        return self._is_up

    def _connect(self, now_ms: int) -> None:
        try:
            host = self._place.found(now_ms)
            if not host:
                return
            found = socket.getaddrinfo(host, self._port)[0]
            made = socket.socket(found[0], socket.SOCK_STREAM)
            made.setblocking(False)
            try:
                made.connect(found[-1])
            except OSError as error:
                if error.args[0] not in (115, 119):  # EINPROGRESS, of Linux and of lwIP
                    made.close()
                    raise
        except OSError as error:
            self._lost(now_ms, str(error))
            return
        self._place.reached()
        self._socket = made
        self._poll = select.poll()
        self._poll.register(made, select.POLLIN | select.POLLOUT)
        self._mqtt = self._made()
        self._began = self._last = now_ms

    def _ready(self) -> int:
        """What can be done with the socket. Raises: OSError, the connection is gone."""
        for _, events in self._poll.poll(0):
            if events & (select.POLLERR | select.POLLHUP) and not events & select.POLLIN:
                raise OSError("the connection is refused or broken")
            return int(events)
        return 0

    def _read(self, mqtt: Mqtt) -> None:
        if not self._ready() & select.POLLIN:
            return
        data = self._socket.recv(_READ)
        if not data:
            raise OSError("it has closed the connection")
        self._found = mqtt.feed(data)

    def _write(self, mqtt: Mqtt) -> None:
        if not mqtt.out or not self._ready() & select.POLLOUT:
            if len(mqtt.out) > _WAITING:
                raise OSError("it takes nothing any more")
            return
        sent = self._socket.send(mqtt.out)
        mqtt.out = mqtt.out[sent:]

    def _lost(self, now_ms: int, why: str, refused: bool = False) -> None:
        if why != self._said:
            self._log("warning", "broker: {}: {}".format(self._place.host, why))
            self._said = why
        if self._socket is not None:
            self._socket.close()
        self._socket = self._mqtt = None
        self._found = []
        longest = LONGEST_MS if refused else self._pause
        self._pause = min(2 * self._pause, LONGEST_MS)
        # By chance, so that a thousand boards do not come back at once; where the answer was no, not before half
        chance = longest * int.from_bytes(os.urandom(2), "big") // 65536
        self._again = now_ms + (longest // 2 + chance // 2 if refused else chance)
        if self._is_up:
            self._is_up = False
            self._changed(False)

    def send(self, said: "tuple[str, bytes, int, bool]") -> None:
        """Publishes a message; where that is not possible now, it is lost, and comes again if it matters."""
        if self._mqtt is not None:
            self._mqtt.publish(*said)

    def receive(self) -> "tuple[str, bytes] | None":
        """A message that has come; None where none has."""
        return self._found.pop(0) if self._found else None
