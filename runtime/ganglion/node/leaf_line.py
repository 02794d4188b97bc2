# SPDX-License-Identifier: GPL-3.0-or-later
"""A serial port of a node with a leaf at its end: frames in and out, and the console's text between them to the log.

The port is this node's alone for as long as it runs, and is opened again when the cable is back. What is to go out
waits in a short queue, and leaves in pieces that a board's buffer takes: what comes beyond is lost, as on any network,
and sent again by whom it matters to.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from ganglion import extras
from ganglion.device.port import Port, open_port
from ganglion.errors import GanglionError, UnreachableError
from ganglion.mesh.overlay.bucket import Bucket
from ganglion.printable import printable
from ganglion_micro.framing import Unframer, framed

_log = logging.getLogger(__name__)

#: Seconds until a port is opened again that was not to be had, doubled each time up to the second figure.
_AGAIN = (1.0, 15.0)
#: Seconds after which a thread that reads looks whether it is over.
_LOOK = 0.5
#: Messages that wait to go out.
_MOST = 16
#: Octets of a piece, and seconds between two: an ESP32's console buffers 260, and its agent looks every 20 ms.
_PIECE, _PACE = 128, 0.02

#: Lines of the board's console that the log takes a second, and at once: a traceback, and not a program that prints.
_LINES, _BURST = 5.0, 50.0

Back = Callable[[bytes], None]


class LeafLine:
    """One port.

    Args:
        name: As `open_port` takes it.
        baud: Bits a second.
        hear: Gets each message, and a function that carries bytes back; on the event loop.

    Attributes:
        dropped: Messages that found no room to go out.
    """

    def __init__(self, name: str, baud: int, hear: Callable[[bytes, Back], None]) -> None:
        self.dropped = 0
        self._name = name
        self._baud = baud
        self._hear = hear
        self._kept = Bucket(_LINES, _BURST, time.monotonic_ns())
        self._left_out = 0

    async def run(self) -> NoReturn:
        """Goes on until cancelled."""
        pause, said = _AGAIN[0], ""
        while True:
            try:
                port = await asyncio.to_thread(self._open)
            except GanglionError as error:
                if str(error) != said:
                    _log.warning("No leaf is heard: %s. It is tried again.", error)
                said = str(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _AGAIN[1])
                continue
            _log.info("A leaf may speak on %s.", self._name)
            pause, said = _AGAIN[0], ""
            _log.warning("No leaf is heard: %s. It is tried again.", await self._served(port))
            await asyncio.sleep(pause)

    def _open(self) -> Port:
        try:
            return open_port(self._name, baud=self._baud)
        except ImportError:
            raise GanglionError(f"{self._name} needs pyserial: {extras.remedy('serial', 'serial')}") from None

    async def _served(self, port: Port) -> str:
        """Carries messages until the port is gone; why it is."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[str] = loop.create_future()
        over = threading.Event()
        waiting: queue.Queue[bytes | None] = queue.Queue(_MOST + 1)
        under_way: set[bytes] = set()

        def back(data: bytes) -> None:
            if data in under_way:
                return  # a request that is sent again before the line has taken it
            if waiting.qsize() < _MOST and not over.is_set():
                under_way.add(data)
                waiting.put_nowait(data)
            else:
                self.dropped += 1

        def heard(frames: list[bytes]) -> None:
            for frame in frames:
                if not over.is_set():
                    self._hear(frame, back)

        def end(why: str) -> None:
            if not ended.done():
                ended.set_result(why)

        def read() -> None:
            unframer = Unframer()
            try:
                while not over.is_set():
                    data = port.read(_LOOK)
                    if frames := unframer.feed(data):
                        loop.call_soon_threadsafe(heard, frames)
                    self._console(unframer)
            except UnreachableError as error:
                if not over.is_set():
                    loop.call_soon_threadsafe(end, str(error))
            finally:
                threads[1].join()  # a port is not closed under who writes
                port.close()

        def write() -> None:
            try:
                while (data := waiting.get()) is not None:
                    line = framed(data)
                    for at in range(0, len(line), _PIECE):
                        port.write(line[at : at + _PIECE])
                        if over.wait(_PACE):
                            return
                    under_way.discard(data)
            except UnreachableError as error:
                if not over.is_set():
                    loop.call_soon_threadsafe(end, str(error))

        threads = [threading.Thread(target=each, name=self._name, daemon=True) for each in (read, write)]
        for thread in threads:
            thread.start()
        try:
            return await ended
        finally:
            over.set()
            waiting.put(None)  # there is room: one more than `back` takes

    def _console(self, unframer: Unframer) -> None:
        """What the board has said to people, by whole lines."""
        *lines, rest = bytes(unframer.text).split(b"\n")
        unframer.text = bytearray(rest)
        for line in lines:
            if not (text := line.decode(errors="replace").strip()):
                continue
            if not self._kept.take(time.monotonic_ns()):
                self._left_out += 1
                continue
            if self._left_out:
                _log.warning("%s: %d lines are left out here, as the board says so many.", self._name, self._left_out)
                self._left_out = 0
            _log.info("%s: %s", self._name, printable(text))
