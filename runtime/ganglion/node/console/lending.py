# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods of a node that are about the serial ports it lends: which there are, bytes for one, and how it is set."""

import asyncio
import base64
import binascii
import os
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ganglion.errors import InvalidError
from ganglion.linux.holders import holders
from ganglion.mesh.parameters import takes
from ganglion.mesh.peer import Peer
from ganglion.node.console.asked import number
from ganglion.node.console.desks import Desks
from ganglion.node.console.lent import WAITING, Lent
from ganglion.node.console.record import Record
from ganglion.node.console.sessions import Session

if TYPE_CHECKING:
    from ganglion.device.link import Link
    from ganglion.device.port import Line

#: Bytes of one message.
MOST = 4096
#: Seconds that bytes wait for room, and between two looks for it; and those that all pauses between them take at most.
_PATIENCE, _LOOK = 2.0, 0.01
LONGEST_PAUSE = 1.0
#: What may be set, by pyserial's names, with the values that it has.
_SETTINGS: dict[str, Callable[[Any], bool]] = {
    "baudrate": lambda value: type(value) is int and 0 < value < 1 << 31,
    "bytesize": lambda value: value in (5, 6, 7, 8) and type(value) is int,
    "parity": lambda value: value in ("N", "E", "O", "M", "S"),
    "stopbits": lambda value: value in (1, 1.5, 2) and type(value) is not bool,
    "xonxoff": lambda value: type(value) is bool,
    "rtscts": lambda value: type(value) is bool,
}
_LINES: tuple["Line", ...] = ("dtr", "rts", "break_condition")
_DISCARDS = ("discard_received", "discard_sent")


class Lending:
    """That of one node.

    Args:
        held: The session that a request is about, whose owner may still have it.
        desks: With the ports.
        record: Keeps what was typed.
        monotonic: Seconds.
    """

    def __init__(
        self,
        held: Callable[[dict[str, Any], Peer], Session],
        desks: Desks,
        record: Record,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._held = held
        self._desks = desks
        self._record = record
        self._monotonic = monotonic

    def serve(self, serve: Callable[..., None]) -> None:
        """Has the mesh serve its methods."""
        serve("ports.list", self.listed, summary="the serial ports that are lent to who is at the console")
        serve("console.write", self.write, summary="write (data in base64) to the port of a session (id, at)")
        serve("console.set", self.set, summary="set speed, format and lines of the port of a session (id, baudrate, …)")

    @takes()
    async def listed(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """The ports that are lent: `name`, `port`, `baud`, `about`, `is_there`, `is_open`, `in_use_by` and `writer`."""
        found = []
        for name, desk in sorted(self._desks.ports.items()):
            if (lent := desk.lent) is None:
                continue
            there, held = await asyncio.to_thread(_looked, lent)
            section = lent.section
            found.append(
                {
                    "name": name,
                    "port": section.port,
                    "baud": section.baud,
                    "about": section.about,
                    "is_there": there,
                    "is_open": lent.is_open,
                    "in_use_by": held,
                    "writer": desk.who,
                }
            )
        return {"ports": found}

    @takes("id", "by", "at", "data", "pauses")
    async def write(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """Writes bytes: `{"at", "there"}`, how many the port was given in this session, and whether it is there.

        Args:
            params: `data`, at most `MOST` bytes in base64 for URLs; `at`, how many were written before these: bytes
                that come twice are written once; `pauses`, `[[bytes, seconds], …]`, to wait so long after so many of
                them: a device without flow control has to be left its time, which the way here does not keep.

        Raises:
            InvalidError: it is no session of a port, or bytes before these are missing.
            RefusedError: somebody else writes.
        """
        session, data, at = self._held(params, peer), _bytes(params.get("data")), int(number(params, "at"))
        pieces = _pieces(data, params.get("pauses", []))
        lent = port_of(session)
        session.desk.seat(session)
        session.entered = self._monotonic()
        async with lent.writing:
            if at > session.written:
                raise InvalidError(f"bytes are missing: {session.written} were written", where="at")
            until = time.monotonic() + _PATIENCE
            for begin, piece, pause in pieces:
                piece = piece[max(0, session.written - at - begin) :]
                if piece and not await self._given(session, lent, piece, until):
                    break
                if piece and pause:
                    await asyncio.sleep(pause)
        self.keep(session)
        return {"at": session.written, "there": lent.is_there}

    async def _given(self, session: Session, lent: Lent, data: bytes, until: float) -> bool:
        """Whether the port has all of some bytes by then."""
        loop, now = asyncio.get_running_loop(), self._monotonic()

        def typed(some: bytes) -> None:  # before what the device answers is heard
            loop.call_soon_threadsafe(session.echoed.typed, some, now)

        while data:
            session.desk.seat(session)
            if not lent.is_there or time.monotonic() > until:
                return False
            taken = await lent.do(partial(_write, data=data, typed=typed))
            session.written += taken
            data = data[taken:]
            if data:
                await asyncio.sleep(_LOOK)
        return True

    @takes("id", "by", *_SETTINGS, *_LINES, *_DISCARDS)
    async def set(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """Sets what is given, after all bytes that were written before; see `state` for the answer.

        Args:
            params: `baudrate`, `bytesize`, `parity`, `stopbits`, `xonxoff` and `rtscts` by pyserial's names; `dtr`,
                `rts` and `break_condition`, each on or off; `discard_received` and `discard_sent`, true to forget what
                waits.

        Raises:
            InvalidError: the port has no such speed or format, or it is no session of a port.
            RefusedError: somebody else writes.
        """
        session = self._held(params, peer)
        lent = port_of(session)
        for name, is_right in _SETTINGS.items():
            if name in params and not is_right(params[name]):
                raise InvalidError(f"{params[name]!r} is none", where=name)
        for name in (*_LINES, *_DISCARDS):
            if type(params.get(name, False)) is not bool:
                raise InvalidError("must be true or false", where=name)
        session.desk.seat(session)
        session.entered = self._monotonic()
        async with lent.writing:
            lacks = await lent.do(partial(_set, params=params))
        return await state(lent) | {"lacks": lacks}

    def keep(self, session: Session, *, is_over: bool = False) -> None:
        """Keeps what was typed, as far as it is known by now that it may be."""
        lines, unshown = session.echoed.lines(self._monotonic(), is_over=is_over)
        if lines or unshown:
            said = {"lines": lines} if lines else {}
            self._record.add("typed", session.who, session.id, **said, **({"bytes": unshown} if unshown else {}))


def _looked(lent: Lent) -> tuple[bool, str]:
    """Whether a port is there, and what has it: a part of this node, or another program."""
    port = lent.section.port
    if "://" in port:
        return True, lent.held_by
    return os.path.exists(port), lent.held_by or ", ".join(map(str, holders(port)))


async def state(lent: Lent) -> dict[str, Any]:
    """How a port is: `{"there", "settings", "lines", "seen"}`, of which `seen` counts what it has said."""
    settings, lines = await lent.do(lambda link: (link.settings(), dict(link.lines)))
    return {"there": lent.is_there, "settings": settings, "lines": lines, "seen": lent.output.end}


def port_of(session: Session) -> Lent:
    """The port that a session is of. Raises: InvalidError, it is of none."""
    if session.desk.lent is None:
        raise InvalidError("this session is of no serial port: `console.open` with `port` opens one that is")
    return session.desk.lent


def _bytes(data: object) -> bytes:
    try:
        if not isinstance(data, str):
            raise ValueError
        found = base64.b64decode(data + "=" * (-len(data) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise InvalidError("must be bytes in base64 for URLs", where="data") from None
    if len(found) > MOST:
        raise InvalidError(f"{MOST} bytes at once are the most", where="data")
    return found


def _pieces(data: bytes, pauses: object) -> list[tuple[int, bytes, float]]:
    """What is written together: the number of its first byte, the bytes, and seconds to wait after them."""
    found, begin, left = [], 0, LONGEST_PAUSE
    if not isinstance(pauses, list) or any(not isinstance(each, list) or len(each) != 2 for each in pauses):
        raise InvalidError("must be pairs of bytes and seconds", where="pauses")
    for end, pause in pauses:
        if type(end) is not int or not begin < end <= len(data) or type(pause) not in (int, float) or pause < 0:
            raise InvalidError("must be pairs of bytes, rising, and seconds", where="pauses")
        found.append((begin, data[begin:end], min(pause, left)))
        begin, left = end, left - found[-1][2]
    return [*found, (begin, data[begin:], 0.0)]


def _write(link: "Link", data: bytes, typed: Callable[[bytes], None]) -> int:
    taken = data[: max(0, WAITING - link.waiting)]
    if not taken or not link.write(taken):
        return 0
    typed(taken)
    return len(taken)


def _set(link: "Link", params: dict[str, Any]) -> list[str]:
    """Sets what is given; the names of lines that the port has not."""
    if any(name in params for name in _DISCARDS):
        link.discard(received=params.get("discard_received", False), sent=params.get("discard_sent", False))
    if settings := {name: params[name] for name in _SETTINGS if name in params}:
        link.set(**settings)
    there = [name for name in _LINES if name in params]
    return [name for name in there if not link.set_line(name, on=params[name]) and link.port is not None]
