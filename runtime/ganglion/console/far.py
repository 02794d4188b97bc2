# SPDX-License-Identifier: GPL-3.0-or-later
"""A serial port that a node lends, across the mesh: what a console takes for a port of this machine.

Two threads ask the node, one for what the port says, the other to write. A pair of sockets between them and the console
holds what is under way: a side that does not read has the other one wait.
"""

import queue
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ganglion.console.session import MOST_WRITTEN, WAIT, Asked, Came, IsSet, Session
from ganglion.device.port import Line, Port
from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError, UnreachableError

Ask = Callable[[Asked], Any]

#: Seconds that what was written has to reach the node before the port is set, and before it is closed; and between
#: attempts to write it.
_SETTLED, _LEFT, _AGAIN = 10.0, 2.0, 0.5
#: Seconds after which a thread looks whether it is over.
_LOOK = 0.1
#: Seconds between two sendings that are kept as a pause, and how many of one message.
_PAUSE, _PAUSES = 0.001, 256
#: Bytes that wait between the two, either way; the kernel takes it for somewhat more.
_BUFFER = 8192
#: The level of what the node says of its console; below it is what happens to the port.
_NOTE = 100


class Far:
    """The way to one port, whose session lasts while the port or its node is gone. `open` is for a `Link`.

    Args:
        target: `NODE:PORT`.
        ask: Asks the node.
        take: Write where somebody else does.
        watch: Do not write.

    Attributes:
        say: Is told what the node says of its port and of who writes there, in the thread that reads the port.
    """

    def __init__(self, target: str, ask: Ask, *, take: bool = False, watch: bool = False) -> None:
        self.session = Session(target)
        self.say: Callable[[str], None] = lambda _: None
        self._target = target
        self._ask = ask
        self._take, self._watch = take, watch
        self._is_asked = self._has_begun = False
        self._said = ""
        self._attempt: threading.Thread | None = None
        self._found: FarPort | GanglionError | None = None

    def open(self, name: str, *, baud: int) -> "FarPort":
        """The port, with the speed that the node gives it where `baud` is 0. Once it was there, nobody waits for it.

        Raises:
            GanglionError: what the node or the gateway says; or it is being tried.
        """
        if not self._has_begun:
            self._is_asked = True
            self.session.opened(self._ask(self.session.opening(take=self._take, watch=self._watch)))
            self._has_begun = True
            port = FarPort(name, self)
            if baud:
                if port.refusal and port.settings["baudrate"] != baud:
                    port.close()
                    raise RefusedError(f"{port.refusal}; it has {port.settings['baudrate']} baud")
                port.set(baudrate=baud)
            return port
        if self._attempt is None:
            self._attempt = threading.Thread(target=self._try, args=(name,), daemon=True)
            self._attempt.start()
        elif not self._attempt.is_alive():
            found, self._attempt = self._found, None
            if isinstance(found, FarPort):
                self._said = ""
                return found
            if not isinstance(found, UnreachableError | None) and str(found) != self._said:
                self._said = str(found)
                self.say(self._said)
        raise UnreachableError(f"{self._target} is not there yet")

    def ask(self, asked: Asked) -> Any:
        """The node's answer."""
        return self._ask(asked)

    def close(self) -> None:
        """Ends the session; one that nobody can tell of it ends on the node by itself."""
        if isinstance(self._found, FarPort):
            self._found.close()  # which may have come when nobody waited any more
        if self._is_asked:  # a node begins a session before it finds that the cable is out
            with suppress(GanglionError):
                self._ask(self.session.closing())

    def _try(self, name: str) -> None:
        try:
            self.session.opened(self._ask(self.session.opening(watch=self._watch)))
            self._found = FarPort(name, self, is_back=True)
        except GanglionError as error:
            self._found = error


class FarPort(Port):
    """The port, until it or its node is gone.

    Args:
        name: What people call it.
        far: The way.
        is_back: Whether it was gone: that it is back is said already.
    """

    def __init__(self, name: str, far: Far, *, is_back: bool = False) -> None:
        self.name = name
        self._far = far
        self._session = far.session
        assert far.session.port is not None
        self._set = far.session.port
        self._modem: dict[str, bool] = {}
        self._near, self._end = socket.socketpair()
        for each in (self._near, self._end):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        self._near.setblocking(False)
        self._end.settimeout(_LOOK)
        self._descriptor = self._near.fileno()
        self._over = threading.Event()
        self._notes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._error: GanglionError | None = None
        self._dropped: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._is_new = not is_back
        self._skipped = 0  # what the port said before is forgotten
        self._progress = threading.Condition()
        self._sent = self._done = 0
        self._sendings: deque[tuple[int, float]] = deque()  # how much was sent by when
        for work in (self._follow, self._write):
            threading.Thread(target=work, name=name, daemon=True).start()

    @property
    def refusal(self) -> str:
        """Why nothing may be written there: somebody else does."""
        writer = self._session.writer
        if self._session.writes or writer is None:
            return ""
        return f"{writer} writes at {self.name}, and you may only read; --take takes over, where the policy lets you"

    def take_dropped(self) -> str:
        """As of `Port`: somebody else's turn has refused them."""
        with suppress(queue.Empty):
            return self._dropped.get_nowait()
        return ""

    def read(self, timeout: float) -> bytes:
        """As of `Port`; says what the node has said.

        Raises:
            UnreachableError: the port or the node is gone.
            GanglionError: the session is over.
        """
        with suppress(queue.Empty):
            while True:
                self._far.say(self._notes.get_nowait())
        if not select.select([self._near], [], [], timeout)[0]:
            return b""
        data = self._near.recv(MOST_WRITTEN)
        if not data:
            raise self._error or self._gone()
        return data

    def write(self, data: bytes) -> None:
        """As of `Port`."""
        until = time.monotonic() + _SETTLED
        while data:
            data = data[self.write_some(data) :]
            if data and not select.select([], [self._near], [], max(0.0, until - time.monotonic()))[1]:
                raise UnreachableError(f"{self.name} takes no bytes")

    def write_some(self, data: bytes) -> int:
        """As of `Port`."""
        try:
            taken = self._near.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            raise self._error or self._gone() from None
        with self._progress:
            self._sent += taken
            self._sendings.append((self._sent, time.monotonic()))
        return taken

    @property
    def has_control_lines(self) -> bool:
        """As of `Port`; the node says it when they are set."""
        return True

    @property
    def settings(self) -> dict[str, Any]:
        """As of `Port`."""
        return dict(self._set.settings)

    def set(self, **settings: Any) -> None:
        """As of `Port`. Raises: InvalidError too, somebody else writes."""
        changed = {name: value for name, value in settings.items() if self._set.settings.get(name) != value}
        try:
            if changed:
                self._change(**changed)
        except RefusedError as error:
            raise InvalidError(str(error), where=self.name) from None

    def set_line(self, line: Line, *, on: bool) -> None:
        """As of `Port`."""
        if line in self._change(**{line: on}).lacks:
            raise self._lineless(line)

    def modem(self) -> dict[str, bool]:
        """As of `Port`, as the node has said it last."""
        return dict(self._modem)

    def discard(self, *, received: bool = False, sent: bool = False) -> None:
        """As of `Port`."""
        wanted = {"discard_received": received, "discard_sent": sent}
        with suppress(GanglionError):
            said = self._change(**{name: True for name, is_wanted in wanted.items() if is_wanted})
            if received:
                self._skipped = said.seen
                with suppress(BlockingIOError):
                    while self._near.recv(MOST_WRITTEN):
                        pass

    def close(self) -> None:
        """Lets go of it here, once what was written has left; the session goes on."""
        with self._progress:
            self._progress.wait_for(lambda: self._done >= self._sent or self._over.is_set(), _LEFT)
            self._over.set()
        self._near.close()

    def _change(self, **what: Any) -> IsSet:
        with self._progress:
            self._progress.wait_for(lambda: self._done >= self._sent or self._over.is_set(), _SETTLED)
        if self._error is not None:
            raise self._error
        self._set = self._session.was_set(self._far.ask(self._session.setting(**what)))
        return self._set

    def _follow(self) -> None:
        wait = 0.0
        while not self._over.is_set():
            try:
                said = self._far.ask(self._session.reading(wait))
                with self._progress:
                    if self._over.is_set():
                        break  # what came is for the port that is there next
                    came = self._session.read(said)
                self._show(came)
            except GanglionError as error:
                self._lose(error)
            except Exception as error:  # the edge of a thread: the console has to hear of it
                self._lose(GanglionError(f"{self.name} is let go of: {error}"))
            wait = WAIT
        self._end.close()

    def _show(self, came: Came) -> None:
        assert came.port is not None
        for _, level, text in came.lines:
            if level >= _NOTE or (came.port.there and self._is_new):
                self._notes.put(text)
        if came.lost or came.port.missed:
            self._notes.put(_lost(came.port.missed, came.lost))
        self._is_new, self._modem = True, came.port.modem
        data = memoryview(came.data)
        while data and not self._over.is_set():
            data = data[max(0, self._skipped - self._session.seen + len(data)) :]
            with suppress(TimeoutError):
                data = data[self._end.send(data) :]
        if not came.port.there:
            raise self._gone()

    def _lose(self, error: GanglionError) -> None:
        if not self._over.is_set():
            self._error = error
            self._over.set()
            with suppress(OSError):
                self._end.shutdown(socket.SHUT_RDWR)
        with self._progress:
            self._progress.notify_all()

    def _write(self) -> None:
        while not self._over.is_set():
            try:
                data = self._end.recv(MOST_WRITTEN)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            with self._progress:
                pauses = self._pauses(len(data))
            self._given(data, pauses)
            with self._progress:
                self._done += len(data)
                self._progress.notify_all()

    def _pauses(self, count: int) -> list[tuple[int, float]]:
        """Between which of so many bytes there was time, when they were sent, and how many seconds."""
        found = []
        while self._sendings and self._sendings[0][0] < self._done + count:
            end, at = self._sendings.popleft()
            if end > self._done and self._sendings and (pause := self._sendings[0][1] - at) >= _PAUSE:
                found.append((end - self._done, pause))
        return found[:_PAUSES]

    def _given(self, data: bytes, pauses: list[tuple[int, float]]) -> None:
        """Has the node write bytes; those that somebody else's turn refuses are dropped; see `take_dropped`."""
        while data and not self._over.is_set():
            try:
                taken, is_there = self._session.wrote(self._far.ask(self._session.writing(data, pauses)))
            except UnreachableError:
                self._over.wait(_AGAIN)  # asked again, they are written once; `_follow` knows when all is over
                continue
            except NotFoundError:
                return  # the session is over, which `_follow` is told too
            except GanglionError as error:
                self._dropped.put(f"{len(data)} bytes are not written: {error}")
                return
            data, pauses = data[taken:], [(end - taken, pause) for end, pause in pauses if end > taken]
            if not is_there:
                return


def _lost(count: int, notes: int) -> str:
    """What of a port's bytes, and of the notes of who comes and goes, did not arrive here."""
    parts = [f"{count:,}".replace(",", " ") + (" byte" if count == 1 else " bytes")] if count else []
    parts += [f"{notes} note" if notes == 1 else f"{notes} notes"] if notes else []
    verb = "is" if count + notes == 1 else "are"
    return f"{' and '.join(parts)} {verb} lost: more came than left in time"
