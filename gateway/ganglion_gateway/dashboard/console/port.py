# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal of a serial port that a node lends: every key goes to the device, and what it says is shown."""

import asyncio
from collections.abc import Callable

from nicegui import background_tasks, ui
from nicegui.events import XtermDataEventArguments, XtermResizeEventArguments

from ganglion.console.session import MOST_WRITTEN, WAIT, Came
from ganglion.errors import GanglionError, UnreachableError
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.asking import LoggedOutError
from ganglion_gateway.dashboard.console import saying
from ganglion_gateway.dashboard.console.link import Link
from ganglion_gateway.dashboard.console.screened import Screened
from ganglion_gateway.dashboard.visit import Visit

#: Seconds between two attempts to reach a port that is gone, or its node.
_AGAIN = 2.0
#: Seconds that a reset line or a break is held.
_PULSE = 0.1
#: A reset as boards with an ESP want it, and as `ganglion console` does it: RTS alone, then both, DTR first.
_RESET: tuple[tuple[str, bool], ...] = (("dtr", False), ("rts", True), ("rts", False), ("dtr", True), ("rts", True))


class PortTerminal(Screened):
    """One terminal, and the session that it is of.

    Args:
        target: `ID:PORT`; `name` is what people call it.
        screen: Shows it.
        changed: Is called when another one writes, the port goes or comes or is set, or the session is over.

    Attributes:
        baud: Bits a second; 0 until the port was there.
    """

    def __init__(self, visit: Visit, target: str, name: str, screen: ui.xterm, changed: Callable[[], None]) -> None:
        super().__init__(visit, name, screen, changed, Link(visit, target, 80, 24))
        self._keys: asyncio.Queue[bytes] = asyncio.Queue(1000)
        self._setting = asyncio.Lock()
        self.baud = 0

    def begin(self) -> None:
        """Opens the session, and follows it until `end`."""
        with self._screen:
            ui.run_javascript("window.ganglion.console.shell = true")  # Tab is the device's
        self._tasks = [background_tasks.create(self._follow()), background_tasks.create(self._write())]

    def drop(self) -> None:
        """Forgets what was pasted and has not left, as nobody sees what comes of it."""
        while not self._keys.empty():
            self._keys.get_nowait()

    async def reset(self) -> None:
        """Resets the board by DTR and RTS."""
        async with self._setting:
            for line, on in _RESET:
                if not await self._set(**{line: on}):
                    return
                if (line, on) == ("rts", True):
                    await asyncio.sleep(_PULSE)
        self._put(saying.note(self._say("reset")))

    async def send_break(self) -> None:
        """Holds the line at zero for longer than a byte takes."""
        async with self._setting:
            if await self._set(break_condition=True):
                await asyncio.sleep(_PULSE)
                await self._set(break_condition=False)
                self._put(saying.note(self._say("break sent")))

    async def speed(self, baud: int) -> None:
        """Has the port at so many bits a second."""
        if baud != self.baud:
            await self._set(baudrate=baud)
            self._changed()

    def pressed(self, event: XtermDataEventArguments) -> None:
        """Takes what was typed or pasted; nothing while the port is gone."""
        data = event.data.encode("utf-8", "replace")
        if self.is_over or self.is_away:
            return
        for at in range(0, len(data), MOST_WRITTEN):
            try:
                self._keys.put_nowait(data[at : at + MOST_WRITTEN])
            except asyncio.QueueFull:
                rest = len(data) - at
                line = self._say.many("{count} byte is not sent", "{count} bytes are not sent", rest)
                self._put(saying.note(line.format(count=text.number(rest))))
                return

    def resized(self, event: XtermResizeEventArguments) -> None:
        """A port knows of no window."""

    async def _set(self, **what: object) -> bool:
        """Whether it was done; says why not."""
        try:
            said = await self.link.set(**what)
        except GanglionError as error:
            self._complain(error)
            return False
        self.baud = said.settings["baudrate"]
        if said.lacks:
            lacks = ", ".join("break" if name == "break_condition" else name.upper() for name in said.lacks)
            self._put(saying.wrong(self._say("{port} has no {lines}").format(port=self._name, lines=lacks)))
        return not said.lacks

    async def _write(self) -> None:
        """Brings keys to the port, in their order, as many at once as wait."""
        while True:
            data = await self._keys.get()
            while not self._keys.empty() and len(data) < MOST_WRITTEN:
                data += self._keys.get_nowait()
            while data and not self.is_away and not self.is_over:
                taken = await self._given(data[:MOST_WRITTEN])
                if taken is None:
                    break
                data = data[taken:]

    async def _given(self, data: bytes) -> int | None:
        """How many bytes the port was given; None where it takes none."""
        try:
            taken, is_there = await self.link.write(data)
        except UnreachableError:
            await asyncio.sleep(_AGAIN)
            return 0  # asked again, they are written once
        except GanglionError as error:
            self.drop()
            if not self.is_over:
                self._put(saying.wrong(str(error)))
            return None
        return taken if is_there else None

    async def _follow(self) -> None:
        is_first = True
        while not self.is_over:
            try:
                if is_first or self.is_away:
                    await self.link.open()
                    if (port := self.link.session.port) is not None:
                        self.baud = port.settings["baudrate"]
                    if self.is_away:
                        self.is_away = False
                        self._put(saying.note(self._say("{node} is there again").format(node=self._name)))
                    self._changed()
                came = await self.link.read(0.0 if is_first else WAIT)
                is_first = False
                self._show(came)
            except LoggedOutError:
                self._over("")
                self._leave()
            except UnreachableError as error:
                if not self.is_away:
                    self._away(str(error))
                is_first = False
                await asyncio.sleep(_AGAIN)
            except GanglionError as error:
                self._over(str(error))

    def _away(self, why: str) -> None:
        self.is_away = True
        self.drop()
        self._put(saying.note(f"{why}; {self._say('it is tried again')}"))
        self._changed()

    def _show(self, came: Came) -> None:
        if came.port is not None and came.port.missed:
            lost = came.port.missed
            line = self._say.many("{count} byte is lost", "{count} bytes are lost", lost)
            self._put(saying.note(line.format(count=text.number(lost))))
        self._put(self._harmless.text(came.data))
        for _, _, line in came.lines:
            self._put(saying.note(line))
        if came.writer != self._writer:
            self._writer = came.writer
            self._changed()
        if came.port is not None and not came.port.there:
            self._away(self._say("{port} is gone: is the cable loose?").format(port=self._name))

    def _over(self, why: str) -> None:
        self.is_over = True
        self.drop()
        if why:
            self._put(saying.wrong(why))
        self._changed()
