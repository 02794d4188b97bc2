# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a device to its parent: datagrams over UDP, and the Wi-Fi that carries them."""

import asyncio
import socket

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Milliseconds after which a parent's name is looked up anew, and seconds that joining a Wi-Fi may take.
_LOOK_UP_MS = 5000
_JOINING = 15
#: The longest pause between two attempts to join a Wi-Fi, in seconds.
MAX_PAUSE = 60
#: Bytes of the largest datagram that is read; a leaf's messages have 1024.
_MOST = 1500


class Udp:
    """Datagrams to and from a parent. What cannot be sent now is lost, as on the way it may be.

    Args:
        log: Is told of what does not work, once.
        server: As `name_server`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        log: "Callable[[str, str], None]",
        server: "Callable[[], str | None] | None" = None,
    ) -> None:
        self._host = host
        self._port = port
        self._log = log
        self._server = server or name_server
        self._question = None  # type: Any
        self._asked = 0
        self._socket = None  # type: Any
        self._address = None  # type: Any
        self._again = 0
        self._said = False

    def open(self, now_ms: int) -> bool:
        """Looks the parent up and opens a socket, where there is none; whether there is one."""
        if self._socket is not None:
            return True
        if now_ms < self._again:
            return False
        try:
            host = self._found(now_ms)
            if not host:
                return False
            self._again = now_ms + _LOOK_UP_MS
            found = socket.getaddrinfo(host, self._port)[0]
            made = socket.socket(found[0], socket.SOCK_DGRAM)
            made.setblocking(False)
        except OSError as error:
            self._again = now_ms + _LOOK_UP_MS
            self._not_found(error)
            return False
        self._said = False
        self._socket, self._address = made, found[-1]
        return True

    def _found(self, now_ms: int) -> str:
        """The parent's address, or its name where the port has to look that up; empty while there is no answer."""
        server = "" if not [letter for letter in self._host if letter not in "0123456789."] else self._server()
        if server is None:
            return ""
        if not server:
            return self._host
        if self._question is None:
            from ganglion_agent.resolve import Question  # 2 KiB of heap, for those who write a name

            self._question, self._asked = Question(self._host, server), now_ms
        found = str(self._question.address(now_ms))
        if not found and now_ms - self._asked < _LOOK_UP_MS:
            return ""
        if not found:
            self._not_found("{} does not know it, or does not answer".format(server))
        self._question.close()
        self._question = None
        return found

    def _not_found(self, why: "Any") -> None:
        if not self._said:
            self._log("warning", "parent.host: {} is not found: {}".format(self._host, why))
        self._said = True

    def send(self, data: bytes) -> None:
        """Sends a datagram, if there is a way."""
        if self._socket is None:
            return
        try:
            self._socket.sendto(data, self._address)
        except OSError:
            self.close()  # the interface has gone, with its addresses

    def receive(self) -> "bytes | None":
        """A datagram that has come; None where none has."""
        if self._socket is None:
            return None
        try:
            data = self._socket.recv(_MOST)
        except OSError:
            return None
        return data if data else None

    def close(self) -> None:
        """Lets go of the socket; the next `open` makes another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Wifi:
    """A station that stays in its Wi-Fi: it joins again after longer and longer pauses, up to a minute.

    Args:
        wlan: As `network.WLAN(network.STA_IF)`.
        alive: Called at least once a second while this goes on.
    """

    def __init__(
        self,
        wlan: "Any",
        ssid: str,
        password: str,
        log: "Callable[[str, str], None]",
        alive: "Callable[[], None]",
        sleep: "Callable[[float], Any]" = asyncio.sleep,
    ) -> None:
        self._wlan = wlan
        self._ssid = ssid
        self._password = password
        self._log = log
        self._alive = alive
        self._sleep = sleep

    async def run(self) -> None:
        """Never ends."""
        pause = 1
        self._wlan.active(True)
        while True:
            if await self._join():
                pause = 1
                self._log("info", "in the Wi-Fi {} as {}".format(self._ssid, self._wlan.ifconfig()[0]))
                while self._wlan.isconnected():
                    await self._wait(1)
                self._log("warning", "the Wi-Fi {} is lost".format(self._ssid))
            else:
                self._log("warning", "the Wi-Fi {} is not to be had; again in {} s".format(self._ssid, pause))
                await self._wait(pause)
                pause = min(2 * pause, MAX_PAUSE)

    async def _join(self) -> bool:
        try:
            self._wlan.disconnect()
            self._wlan.connect(self._ssid, self._password)
        except OSError as error:  # the radio is busy with something, or gives up
            self._log("warning", "uplink: {}".format(error))
            return False
        for _second in range(_JOINING):
            if self._wlan.isconnected():
                return True
            await self._wait(1)
        return bool(self._wlan.isconnected())

    async def _wait(self, seconds: int) -> None:
        for _second in range(seconds):
            self._alive()
            await self._sleep(1)


def station() -> "Any":
    """The board's Wi-Fi.

    Raises:
        ImportError: it has none.
    """
    import network

    return network.WLAN(network.STA_IF)


def name_server() -> "str | None":
    """The name server of the board's Wi-Fi; None until that is joined, empty where the port looks names up itself."""
    try:
        wlan = station()
    except ImportError:
        return ""
    if not wlan.active():
        return ""
    server = str(wlan.ifconfig()[3])
    return ("" if server.startswith("0.") else server) if wlan.isconnected() else None
