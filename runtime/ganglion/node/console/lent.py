# SPDX-License-Identifier: GPL-3.0-or-later
"""A serial port of a node that is lent to who is at its console: a thread reads it, and does what is asked in its turn.

It is open while somebody is there. When the cable is out it waits for it, by its name or as the USB device that it was.
"""

import asyncio
import logging
import os
import queue
import select
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from ganglion.errors import GanglionError, RefusedError, UnreachableError
from ganglion.node.console.output import Output

if TYPE_CHECKING:
    from ganglion.config.serial import SerialSection
    from ganglion.device.link import Link

_log = logging.getLogger(__name__)

T = TypeVar("T")

#: Bytes that wait for the device to take them.
WAITING = 8192
#: Seconds between two looks: at a port behind rfc2217://, at one that is gone, and at the lines that a device sets.
_POLL, _AGAIN, _LOOK = 0.01, 0.25, 0.5


class Lent:
    """One port.

    Args:
        name: What the configuration calls it.
        section: How it is lent.
        heard: Called with what the device says.
        say: Called with a sentence when the port goes and is back, in a thread.
        users: What of this node uses serial ports: their real paths, and what to call each.

    Attributes:
        output: What the device has said.
        modem: The lines that it sets, by pyserial's names.
        writing: Held while it is given bytes, or set.
    """

    def __init__(
        self,
        name: str,
        section: "SerialSection",
        *,
        heard: Callable[[bytes], None],
        say: Callable[[str], None],
        users: Callable[[], Mapping[str, str]],
    ) -> None:
        self.name = name
        self.section = section
        self.output = Output()
        self.modem: dict[str, bool] = {}
        self.writing = asyncio.Lock()
        self._heard = heard
        self._say = say
        self._users = users
        self._opening = asyncio.Lock()
        self._asked: queue.SimpleQueue[tuple[Callable[[Link], Any], Future[Any]]] = queue.SimpleQueue()
        self._over = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = -1
        self._thread: threading.Thread | None = None
        self._link: Link | None = None
        self._settings: dict[str, Any] = {}

    @property
    def is_open(self) -> bool:
        """Whether the node has it open, or waits for its cable."""
        return self._thread is not None and not self._over.is_set()

    @property
    def is_there(self) -> bool:
        """Whether it is open, and its cable in."""
        return self._link is not None and self._link.port is not None

    @property
    def held_by(self) -> str:
        """What of this node has it; "" for nothing."""
        return self._users().get(os.path.realpath(self.section.port), "")

    async def open(self) -> None:
        """Opens it, where it is not.

        Raises:
            NotFoundError: it is not there.
            RefusedError: something else has it, and what; or the user that the node runs as may not use it.
        """
        async with self._opening:
            if self.is_open:
                return
            await self._end()
            if held := self.held_by:
                raise RefusedError(f"{self.section.port} is in use by {held} of this node: it is not lent meanwhile")
            self._link = await asyncio.to_thread(self._opened)
            self._loop = asyncio.get_running_loop()
            self._over.clear()
            ear, self._wake = os.pipe()
            self._thread = threading.Thread(target=self._work, args=(self._link, ear), name=self.name, daemon=True)
            self._thread.start()

    async def close(self, is_used: Callable[[], bool]) -> None:
        """Lets go of it, unless somebody has come meanwhile."""
        async with self._opening:
            if not is_used():
                await self._end()

    async def _end(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._over.set()
            with suppress(BrokenPipeError):  # it has ended by itself
                os.write(self._wake, b".")
            await asyncio.to_thread(thread.join)
            os.close(self._wake)
            self._link, self.modem = None, {}

    async def do(self, work: Callable[["Link"], T]) -> T:
        """Has the port do something, after all that was asked before.

        Raises:
            UnreachableError: it is closed.
            GanglionError: what the work raises.
        """
        return await asyncio.wrap_future(self._ask(work))

    def restore(self) -> None:
        """Has it as it is when it is opened, as soon as it can be."""
        if self.is_open:
            self._ask(lambda link: link.restore(self._settings))

    def _ask(self, work: Callable[["Link"], T]) -> "Future[T]":
        if not self.is_open:
            raise UnreachableError(f"{self.section.port} is closed")
        future: Future[T] = Future()
        self._asked.put((work, future))
        with suppress(BrokenPipeError):  # the thread has ended by itself
            os.write(self._wake, b".")
        if self._over.is_set() and future.cancel():  # and has not seen this any more
            raise UnreachableError(f"{self.section.port} is closed")
        return future

    def _opened(self) -> "Link":
        try:
            from ganglion.device.link import Link

            link = Link(self.section.port, baud=self.section.baud)
        except ImportError:
            raise RefusedError(f"{self.section.port} needs pyserial: pip install 'ganglion[serial]'") from None
        link.say = self._say
        self._settings = link.settings()
        return link

    def _work(self, link: "Link", ear: int) -> None:
        try:
            while not self._over.is_set():
                self._once(link, ear)
        except Exception as error:  # the edge: a driver's error ends no node
            _log.exception("The port %s is let go of.", self.section.port)
            self._say(f"{self.section.port} is let go of: {error}")
        finally:
            self._over.set()
            with suppress(GanglionError):
                link.restore(self._settings)
            link.close()
            self._answer(link)
            os.close(ear)

    def _once(self, link: "Link", ear: int) -> None:
        port = link.port
        line = [] if port is None or port.descriptor is None else [port.descriptor]
        wait = _AGAIN if port is None else _LOOK if line else _POLL
        ready, _, _ = select.select([ear, *line], line if link.waiting else [], [], wait)
        if ear in ready:
            os.read(ear, 4096)
        if data := link.read():
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._take, data)
        link.flush()
        self._answer(link)
        link.look()
        self.modem = {} if link.port is None else link.port.modem()

    def _take(self, data: bytes) -> None:
        self.output.add(data)
        self._heard(data)

    def _answer(self, link: "Link") -> None:
        with suppress(queue.Empty):
            while True:
                work, future = self._asked.get_nowait()
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    future.set_result(work(link))
                except Exception as error:
                    future.set_exception(error)
