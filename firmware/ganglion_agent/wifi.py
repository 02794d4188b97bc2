# SPDX-License-Identifier: GPL-3.0-or-later
"""The Wi-Fi of a device, and where on the network somebody is whom its configuration names."""

import asyncio

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Seconds that joining a Wi-Fi may take, and milliseconds until a name that was not found is looked up anew.
_JOINING = 15
LOOK_UP_MS = 5000
#: The longest pause between two attempts to join a Wi-Fi, in seconds.
MAX_PAUSE = 60


class Place:
    """The address of a host, which is looked up without waiting where that can be.

    Args:
        key: Of the configuration that names the host.
        log: Is told of what does not work, once.
        server: As `name_server`.
    """

    def __init__(
        self, key: str, host: str, log: "Callable[[str, str], None]", server: "Callable[[], str | None] | None" = None
    ) -> None:
        self.host = host
        self._key = key
        self._log = log
        self._server = server or name_server
        self._question: "Any" = None
        self._asked = 0
        self._said = False

    def found(self, now_ms: int) -> str:
        """The address, or its name where the port has to look that up; empty while there is no answer."""
        server = "" if not [letter for letter in self.host if letter not in "0123456789."] else self._server()
        if server is None:
            return ""
        if not server:
            return self.host
        if self._question is None:
            from ganglion_agent.resolve import Question  # 2 KiB of heap, for those who write a name

            self._question, self._asked = Question(self.host, server), now_ms
        found = str(self._question.address(now_ms))
        if not found and now_ms - self._asked < LOOK_UP_MS:
            return ""
        if not found:
            self.lost("{} does not know it, or does not answer".format(server))
        self._question.close()
        self._question = None
        return found

    def lost(self, why: "Any") -> None:
        """It is not there, and why."""
        if not self._said:
            self._log("warning", "{}: {} is not found: {}".format(self._key, self.host, why))
        self._said = True

    def reached(self) -> None:
        """It is there; when it is lost again, that is said again."""
        self._said = False


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
