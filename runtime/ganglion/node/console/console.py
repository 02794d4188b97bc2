# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods `console.*` of a node: a session is opened, looked at again and again, and written to line by line.

What a line has done is done on behalf of who asks, who may do no more here than by calling the method itself.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ganglion.errors import InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.mesh.parameters import takes
from ganglion.mesh.peer import Peer
from ganglion.node.console.asked import cells, number, who_asks
from ganglion.node.console.desks import Desks
from ganglion.node.console.lending import Lending, state
from ganglion.node.console.lines import shown
from ganglion.node.console.log import Log
from ganglion.node.console.looks import Looks
from ganglion.node.console.record import Record
from ganglion.node.console.sessions import Perform, Permit, Session
from ganglion.node.console.shell import Shell, open_shell
from ganglion.node.console.tail import Tail
from ganglion.node.console.words import NO_SHELL, Words

if TYPE_CHECKING:
    from ganglion.config.serial import SerialSection

#: Sessions at the same time.
MOST = 8
#: Seconds without a look after which a session is over, and the longest that a look waits for something.
FORGOTTEN = 30.0
LONGEST = 5.0
#: Sessions that were, of which it is known why they are over.
_ENDED = 32
#: Lines of before that a new session begins with.
SHOWN = 50


class Console:
    """That of one node.

    Args:
        perform: Has a method of this node do something on behalf of a peer: `MeshClient.perform`.
        permit: Raises RefusedError where the policy does not let a peer call a method: `MeshClient.permit`.
        leaves: The methods of each leaf by its name; None where the node has none.
        record: Keeps who was here.
        shell: Whether a login shell may be opened.
        where: The configuration, for messages.
        idle: Seconds without a line after which a session is over that writes.
        ports: The serial ports that are lent, by name.
        users: What of this node uses serial ports: their real paths, and what to call each.
        monotonic: Seconds.

    Attributes:
        tail: What the node logs.
    """

    def __init__(
        self,
        perform: Perform,
        *,
        permit: Permit,
        leaves: Callable[[], Mapping[str, list[str]]] | None,
        record: Record,
        shell: bool,
        where: str,
        idle: float,
        ports: "Mapping[str, SerialSection]" = MappingProxyType({}),
        users: Callable[[], Mapping[str, str]] = dict,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._permit = permit
        self._record = record
        self._may_shell = shell
        self._where = where
        self._idle = idle
        self._monotonic = monotonic
        self.tail = Tail()
        self._desks = Desks(self.tail, perform, leaves, ports, users)
        self._lending = Lending(self._held, self._desks, record, monotonic)
        self._looks = Looks(self.tail, monotonic)
        self._sessions: dict[str, Session] = {}
        self._ended: dict[str, str] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._words = Words(perform, leaves=leaves, leveled=self._desks.leveled)

    def serve(self, serve: Callable[..., None]) -> None:
        """Has the mesh serve its methods."""
        serve("console.open", self.open, summary="a session at the console (id, take, watch, leaf, port, …)")
        serve("console.read", self.read, summary="what came at the console (id, after, seen, wait)")
        serve("console.line", self.line, summary="have a line (line) carried out in a session (id)")
        serve("console.shell", self.shell, summary="a login shell in a session (id, columns, rows)")
        serve("console.input", self.input, summary="type (data) into the shell of a session (id, columns, rows)")
        serve("console.close", self.close, summary="a session (id) is over")
        self._lending.serve(serve)
        log = Log(self.tail.lines, self.tail.news, secrets.token_hex(4))
        serve("log", log.asked, summary="the last lines of the log, or those that are new (after)")
        serve("log.follow", log.follow, summary="what is logged, as it comes (after, boot, level, wait)")

    def attach(self) -> None:
        """Hears the node's log from now on."""
        self.tail.attach()

    @takes("id", "by", "take", "watch", "leaf", "port", "columns", "rows")
    async def open(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """Opens a session, or finds the one of this `id`: `{"new", "who", "writer", "writes", "after"}`.

        Args:
            params: `id`, 8 to 64 letters that nobody can guess; `take`, true to write where somebody else does;
                `watch`, true not to write; `leaf` for the console of a leaf, `port` for a serial port that is lent;
                `columns` and `rows` of the window.

        Returns:
            Of a port also how it is, as `port`: see `lending.state`.

        Raises:
            InvalidError: no id.
            NotFoundError: there is no such leaf or port.
            RefusedError: too many sessions are open, or the policy does not let who asks read the log of the leaf.
            UnreachableError: the cable of the port is out.
            GanglionError: something else has the port.
        """
        self.forget()
        id, name, port = params.get("id"), params.get("leaf", ""), params.get("port", "")
        if not isinstance(id, str) or not 8 <= len(id) <= 64:
            raise InvalidError("must be a text of 8 to 64 letters", where="id")
        if not isinstance(name, str) or not isinstance(port, str) or (name and port):
            raise InvalidError("is the name of one, and not of both", where="leaf or port")
        now, who = self._monotonic(), who_asks(params, peer)
        columns, rows = cells(params)
        session = self._sessions.get(id)
        is_new = session is None
        if session is None:
            if len(self._sessions) >= MOST:
                raise RefusedError(f"{MOST} sessions are open at this console; one that ends is forgotten soon")
            desk = self._desks.port(port) if port else self._desks.find(name)
            began, by = desk.lines.before(0), params.get("by")
            session = Session(id=id, peer=peer, who=who, by=by, desk=desk, asked=now, entered=now, began=began)
            self._sessions[id] = session
            desk.sessions.add(session)
            try:
                session.check(self._permit)
                if desk.lent is not None:
                    await desk.lent.open()
                if session.is_over:
                    raise NotFoundError("this session is over: the node stops")
            except BaseException:
                self._forget(session)
                raise
            about = {"leaf": name, "port": port}
            self._record.add("open", who, id, **{what: each for what, each in about.items() if each})
        else:
            session = self._held(params, peer)
        session.columns, session.rows = columns, rows
        take = params.get("take") is True
        before = session.desk.give(session, take=take) if take or params.get("watch") is not True else None
        if before is not None:
            self._record.add("take", who, id, before=before.who)
            self._stop_writing(before)
        lent = session.desk.lent
        if lent is not None and not lent.is_there:
            session.asked = self._monotonic()
            raise UnreachableError(f"{lent.section.port} is gone: is the cable loose?")
        return {
            "new": is_new,
            "who": who,
            "writer": session.desk.who,
            "writes": session.writes,
            "after": session.desk.lines.before(SHOWN if lent is None else 0),
            **({} if lent is None else {"port": await state(lent) | {"written": session.written}}),
        }

    @takes("id", "by", "after", "seen", "wait")
    async def read(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """What there is to show, at once or as it comes.

        Args:
            params: `after`, the number that the answer before has as `next`; `seen`, that which it has as `seen`;
                `wait`, the seconds to wait for something, at most `LONGEST`.

        Returns:
            `{"lines": [[at, level, text]], "next", "lost", "writer", "writes", "shell"}`; while there is a shell it is
            what that says, as `data` in bytes, and `seen` counts them.

        Raises:
            NotFoundError: the session is over, and why.
        """
        session = self._held(params, peer)
        after, seen, wait = (number(params, name) for name in ("after", "seen", "wait"))
        session.asked = self._monotonic() + LONGEST
        shows = await self._looks.look(session, int(after), int(seen), min(wait, LONGEST))
        self._held(params, peer)  # it may be over
        session.asked = self._monotonic()
        return shows

    @takes("id", "by", "line")
    async def line(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """Has a line carried out: `{"shown", "result"}`, what of it may be kept and what came of it.

        Raises:
            RefusedError: somebody else writes, or the policy is against it.
            GanglionError: what the method answers; or the line is not understood.
        """
        session, line = self._held(params, peer), params.get("line")
        if not isinstance(line, str) or not line.strip():
            raise InvalidError("must be a text", where="line")
        if session.desk.lent is not None:
            raise RefusedError("a serial port has no lines of this console: what is written goes to the device")
        session.desk.seat(session)
        session.entered = self._monotonic()
        kept = shown(line)
        self._record.add("line", session.who, session.id, line=kept)
        session.desk.lines.add(f"{session.who}> {kept}", session=session.id)
        return {"shown": kept, "result": await self._words.carry_out(session, line, peer)}

    @takes("id", "by", "columns", "rows")
    async def shell(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """Opens a login shell, which ends with the session: `{"shell": true}`.

        Raises:
            RefusedError: the configuration does not say that there is one, or somebody else writes.
        """
        session = self._held(params, peer)
        if not self._may_shell:
            raise RefusedError(
                f"this node opens no shell, for its configuration does not say so: write shell = true into [console] "
                f"of {self._where} and start it again"
            )
        if session.desk.lent is not None:
            raise RefusedError("a serial port has no shell: open the console of the node itself")
        if session.desk.leaf:
            raise RefusedError(NO_SHELL.format(session.desk.leaf))
        session.desk.seat(session)
        session.columns, session.rows = cells(params, session.columns, session.rows)
        if session.shell is None:
            self._record.add("shell", session.who, session.id)
            session.desk.lines.add(f"{session.who} opens a shell", session=session.id)
            opened = await open_shell(session.columns, session.rows, self.tail.changed, session.taken)
            if session.shell is not None or not session.writes:
                self._hang_up(opened)
                raise RefusedError("meanwhile another shell was opened, or another one writes")
            session.shell = opened
        session.entered = self._monotonic()
        return {"shell": True}

    @takes("id", "by", "data", "columns", "rows")
    async def input(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """Types `data`, a text, into the shell; or says what size the window has now.

        Raises:
            NotFoundError: there is no shell.
            RefusedError: somebody else writes, or the shell does not read.
        """
        session, data = self._held(params, peer), params.get("data", "")
        if session.shell is None:
            raise NotFoundError("no shell is open in this session: the line `shell` opens one")
        if not isinstance(data, str):
            raise InvalidError("must be a text", where="data")
        session.desk.seat(session)
        if "columns" in params or "rows" in params:
            session.columns, session.rows = cells(params, session.columns, session.rows)
            session.shell.resize(session.columns, session.rows)
        if data:
            session.entered = self._monotonic()
            session.shell.write(
                data.encode("utf-8", "replace"),
                lambda lines: self._record.add("typed", session.who, session.id, lines=lines),
            )
        return {}

    @takes("id", "by")
    async def close(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """Ends a session, with its shell; one that is over already stays over."""
        if params.get("id") in self._sessions:
            self._end(self._find(params, peer), "it was closed")
        return {}

    def forget(self) -> None:
        """Ends the sessions that nobody looks at any more, and those in which nobody does anything."""
        if not self._sessions:
            return
        now = self._monotonic()
        for session in list(self._sessions.values()):
            if now - session.asked > FORGOTTEN:
                self._end(session, f"nobody has looked at it for {FORGOTTEN:.0f} s")
            elif session.writes and now - session.entered > self._idle:
                self._end(session, f"nothing was entered for {self._idle:g} s")

    async def aclose(self) -> None:
        """Ends all sessions: the node stops."""
        for session in list(self._sessions.values()):
            self._end(session, "the node stops")
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._desks.aclose()
        self.tail.detach()

    def _find(self, params: dict[str, Any], peer: Peer) -> Session:
        id = params.get("id")
        session = self._sessions.get(id) if isinstance(id, str) else None
        if session is None or session.peer.kid != peer.kid or session.who != who_asks(params, peer):
            why = self._ended.get(id, "") if isinstance(id, str) else ""
            said = "there is no such session here: the node has restarted, or forgotten it; open another"
            raise NotFoundError(f"this session is over: {why}" if why else said)
        session.peer = peer
        return session

    def _held(self, params: dict[str, Any], peer: Peer) -> Session:
        """As `_find`; one whose owner may not have it any more ends."""
        session = self._find(params, peer)
        try:
            session.check(self._permit)
        except RefusedError as error:
            self._end(session, str(error))
            raise
        return session

    def _forget(self, session: Session) -> None:
        """It has not begun."""
        self._sessions.pop(session.id, None)
        session.desk.sessions.discard(session)
        session.is_over = True
        self._desks.left(session.desk)

    def _end(self, session: Session, why: str) -> None:
        del self._sessions[session.id]
        session.is_over = True
        wrote = session.writes
        while len(self._ended) >= _ENDED:
            del self._ended[next(iter(self._ended))]
        self._ended[session.id] = why
        desk = session.desk
        desk.leave(session, why)
        self._stop_writing(session, wrote=wrote)
        self._record.add("end", session.who, session.id, why=why)
        self._desks.left(desk)
        self.tail.changed()

    def _stop_writing(self, session: Session, *, wrote: bool = True) -> None:
        """Who wrote does so no more: his shell ends, and a port is as it was."""
        if session.desk.lent is not None and wrote:
            self._lending.keep(session, is_over=True)
            session.desk.lent.restore()
        if session.shell is not None:
            shell, session.shell = session.shell, None
            self._hang_up(shell)

    def _hang_up(self, shell: Shell) -> None:
        task = asyncio.create_task(shell.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
