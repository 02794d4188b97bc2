# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal of a console: lines are typed here and carried out there; keys go to a shell as they come."""

import asyncio
import codecs
import time
from collections.abc import Callable
from contextlib import suppress

from nicegui import background_tasks, ui
from nicegui.events import XtermDataEventArguments, XtermResizeEventArguments

from ganglion.console.session import WAIT, Came
from ganglion.errors import GanglionError, UnreachableError
from ganglion_gateway.dashboard.asking import LoggedOutError
from ganglion_gateway.dashboard.console import saying
from ganglion_gateway.dashboard.console.link import Link
from ganglion_gateway.dashboard.console.screened import Screened
from ganglion_gateway.dashboard.console.typing_line import ERASE, TypedLine
from ganglion_gateway.dashboard.visit import Visit

#: Seconds between two attempts to reach a node that went away.
_AGAIN = 2.0
_INTERRUPT = "\x03"


class Terminal(Screened):
    """One terminal, and the session that it is of.

    Args:
        target: The id of a node, or `ID/LEAF`; `name` is what people call it.
        screen: Shows it.
        changed: Is called when another one writes, or the session is over.

        columns, rows: Of the window.
    """

    def __init__(
        self,
        visit: Visit,
        target: str,
        name: str,
        screen: ui.xterm,
        changed: Callable[[], None],
        *,
        columns: int,
        rows: int,
    ) -> None:
        super().__init__(visit, name, screen, changed, Link(visit, target, columns, rows))
        self._size = self._told = columns, rows  # of the window; and what the node was told of it
        self._typed = TypedLine(columns)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._in_shell = self._wants_shell = False
        self._opened = 0.0  # when a shell was; what was asked for before does not say that there is none
        self._keys: asyncio.Queue[str] = asyncio.Queue(1000)  # "" for none but to look at the size
        self._carried: asyncio.Task[None] | None = None
        self._waiting: list[str] = []

    def begin(self) -> None:
        """Opens the session, and follows it until `end`."""
        self._tasks = [background_tasks.create(self._follow()), background_tasks.create(self._type())]

    def drop(self) -> None:
        """Forgets the lines that were pasted and are not begun, as nobody sees what comes of them."""
        self._waiting.clear()

    async def end(self) -> None:
        """Closes the session; what was pasted and is not begun is not carried out."""
        if self._carried is not None:
            self._tasks.append(self._carried)
        await super().end()

    def pressed(self, event: XtermDataEventArguments) -> None:
        """Takes what was typed or pasted."""
        if self.is_over:
            return
        if self._in_shell:
            if not self.is_away:
                with suppress(asyncio.QueueFull):  # it does not read, and forgets what more is typed
                    self._keys.put_nowait(event.data)
            return
        for key in self._typed.keys(event.data):
            self._press(key)
        if self._carried is None and not self._in_shell:
            self._put(self._typed.shown())

    def resized(self, event: XtermResizeEventArguments) -> None:
        """The window has another size."""
        self._size = event.cols, event.rows
        self._typed.columns = event.cols
        self._resize()

    def _resize(self) -> None:
        if self._in_shell:
            with suppress(asyncio.QueueFull):  # those that fill it bring the size along
                self._keys.put_nowait("")

    def _press(self, key: str) -> None:
        if key == _INTERRUPT:
            self._waiting.clear()
            if self._carried is not None:
                self._carried.cancel()
            elif self._typed.drop():
                self._put("^C\r\n")
            return
        line = self._typed.press(key)
        if line is None:
            return
        self._put(f"{ERASE}\x1b[36m› \x1b[0m{line}\r\n")
        if not line.strip():
            return
        if self._carried is None:
            self._carry_out(line)
        else:
            self._waiting.append(line)

    def _carry_out(self, line: str) -> None:
        self._wants_shell |= line.split()[0] == "shell"
        self._carried = background_tasks.create(self._line(line))

    async def _line(self, line: str) -> None:
        try:
            result = await self.link.line(line)
        except asyncio.CancelledError:
            self._put(saying.note(self._say("ended")))
        except LoggedOutError:
            self._leave()
        except GanglionError as error:
            self._put(saying.wrong(str(error)))
        else:
            if result == {"shell": True}:
                self._shell(opened=True)
            else:
                self._put(saying.result(result))
        if not self._in_shell:
            self._wants_shell = False  # it was refused, or was over before its line was
        self._carried = None
        if self.is_over:
            return
        if self._waiting and not self._in_shell:
            self._carry_out(self._waiting.pop(0))
        elif not self._in_shell:
            self._put(self._typed.shown())
        self._changed()

    async def _type(self) -> None:
        """Brings the window's size and keys to the shell, one after the other, as many keys at once as wait.

        Side by side they overtook each other: the size before the last stayed, and a program was begun with it.
        """
        while True:
            data = await self._keys.get()
            while not self._keys.empty():
                data += self._keys.get_nowait()
            try:
                if self._told != (size := self._size):
                    await self.link.resize(*size)
                    self._told = size
                await self.link.type(data)
            except GanglionError as error:
                if not self.is_away and self._in_shell:
                    self._complain(error)

    async def _follow(self) -> None:
        self._put(saying.note(self._say("console of {node}; help says what can be entered").format(node=self._name)))
        is_first = True
        while not self.is_over:
            try:
                if is_first or self.is_away:
                    await self.link.open()
                    if self.is_away:
                        self._returned()
                    self._changed()
                began = time.monotonic()
                came = await self.link.read(0.0 if is_first else WAIT)
                is_first = False
                self._show(came, began)
            except LoggedOutError:
                self._over("")
                self._leave()
            except UnreachableError as error:
                if not self.is_away:
                    self.is_away = True
                    self._say_between(saying.note(f"{error}; {self._say('it is tried again')}"))
                    self._changed()
                await asyncio.sleep(_AGAIN)
            except GanglionError as error:
                self._over(str(error))

    def _returned(self) -> None:
        self.is_away = False
        self._say_between(saying.note(self._say("{node} is there again").format(node=self._name)))
        if self._in_shell and self.link.session.is_new:
            self._shell(opened=False)

    def _over(self, why: str) -> None:
        self.is_over = True
        self.drop()
        self._in_shell = False
        if why:
            self._put(ERASE + saying.wrong(why))
        self._changed()

    def _show(self, came: Came, asked: float) -> None:
        if came.data:
            # What a shell says goes to the terminal itself only for who has asked for one
            as_is = self._wants_shell
            self._put(self._decoder.decode(came.data) if as_is else self._harmless.text(came.data))
        if came.shell and self._wants_shell and not self._in_shell:
            self._shell(opened=True)
        elif self._in_shell and not came.shell and asked > self._opened:
            self._shell(opened=False)
        text = saying.came(came, self._say.many("{count} line is lost", "{count} lines are lost", came.lost))
        if text:
            self._say_between(text)
        if came.writer != self._writer:
            self._writer = came.writer
            self._changed()

    def _shell(self, *, opened: bool) -> None:
        """Keys go to the shell now, or no more."""
        if opened == self._in_shell:
            return
        self._in_shell = opened
        said = self._say("a shell on the node; exit or Ctrl-D ends it") if opened else self._say("the shell is over")
        with self._screen:
            ui.run_javascript(f"window.ganglion.console.shell = {str(opened).lower()}")
        self._put(ERASE + saying.note(said))
        if opened:
            self._opened = time.monotonic()
            self._resize()
        else:
            self._wants_shell = False
            self._put(self._typed.shown())

    def _say_between(self, text: str) -> None:
        """Says something above the line that is typed."""
        if self._in_shell:
            self._put(text)
        elif self._carried is not None:
            self._put(ERASE + text)
        else:
            self._put(ERASE + text + self._typed.shown())
