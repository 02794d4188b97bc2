# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests of this member to others. What it has to say it hands to `publish`; it opens no socket.

A call is done at most once. It has one id however often it is sent, and names the boot it was first sent to. A peer
that has restarted does not obey it, and says how long it has been up. Longer than the call has waited: no earlier boot
can have heard of it, and it is sent to this one. Else nobody can say whether it was done, and the caller is told.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from ganglion.errors import GanglionError, InvalidError, RefusedError, UnreachableError
from ganglion.mesh.aead import SealError
from ganglion.mesh.member import Cause, Member, Peer, Received, Sealed
from ganglion.mesh.methods import CODES, LONGEST
from ganglion.mesh.progress import Progress, Tell
from ganglion.sentences import joined, say
from ganglion.units import SECOND
from ganglion_micro import cbor, gl1

_log = logging.getLogger(__name__)

#: Seconds without a word after which a request is sent again.
RESEND = 5.0


class UnansweredError(UnreachableError):
    """Whether it was done is unknown."""


class NotBegunError(UnreachableError):
    """It was not begun; to ask again is to ask for the first time."""


_ERRORS: dict[str, type[GanglionError]] = {
    "timeout": UnreachableError,
    "stale": UnansweredError,
    "busy": NotBegunError,
    **{code: error for error, code in CODES},
}


class Ticket(NamedTuple):
    """What a request is known by that whoever makes it has written down before: made again, it is the same request.

    Attributes:
        id: 16 hexadecimal digits, which no other request has.
        nonce: Of the boot of the peer that it is for.
        deadline: When its time is over, in nanoseconds since the Unix epoch.
        resumed: It may have been sent before. It goes to that one boot of the peer and to no other.
    """

    id: str
    nonce: bytes
    deadline: int
    resumed: bool = False


class _Call:
    """A request of ours that waits."""

    __slots__ = ("answer", "body", "nonce", "on_progress", "peer", "progressed", "sent", "wake")

    def __init__(self, body: dict[str, Any], on_progress: Tell | None) -> None:
        self.body = body
        self.on_progress = on_progress
        self.wake = asyncio.Event()
        self.answer: dict[str, Any] | None = None
        self.progressed = False
        self.peer: Peer | None = None  # whom it was first sent to; nobody else gets it
        self.nonce = b""  # and in which boot
        self.sent = 0.0


class Calls:
    """Requests of one member.

    Args:
        member: Seals them.
        publish: Sends a sealed message at QoS 1.
        clock: Nanoseconds since the Unix epoch.
        monotonic: Seconds that go on evenly.
    """

    def __init__(
        self,
        member: Member,
        *,
        publish: Callable[[Sealed], None],
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._member = member
        self._publish = publish
        self._clock = clock
        self._monotonic = monotonic
        self._calls: dict[str, _Call] = {}

    async def request(
        self,
        find: Callable[[], Peer | None],
        to: str,
        method: str,
        params: dict[str, Any],
        timeout: float,
        on_progress: Tell | None = None,
        ticket: Ticket | None = None,
    ) -> Any:
        """The result of a method of a peer. Cancelled, it has the peer end what it does, and does not wait for that.

        Args:
            find: The peer, or None while it is not known; asked again whenever the mesh has changed.
            to: What to call it in errors while it is not known.
            timeout: Seconds, 300 at most.
            on_progress: Called with what the peer says of how far it is.
            ticket: What it is known by. With one it goes on at the peer when it is cancelled here: see `withdraw`.

        Raises:
            UnansweredError: no answer in time, or the peer has restarted; whether it was done is unknown.
            NotBegunError: the peer was not heard of in time, or has no room for another request.
            InvalidError: the parameters are too large or too deep for a message, or no CBOR.
            GanglionError: the peer's answer, as the class that it raised there.
        """
        identity = ticket.id if ticket is not None else secrets.token_hex(8)
        deadline = self._clock() + round(min(timeout, LONGEST / SECOND) * SECOND)
        deadline = ticket.deadline if ticket is not None else deadline
        body = {"id": identity, "method": method, "params": params, "deadline": deadline}
        if on_progress is not None:
            body["progress"] = True
        call = self._calls[identity] = _Call(body, on_progress)
        if ticket is not None:
            call.nonce, call.sent = ticket.nonce, self._monotonic()
        try:
            async with asyncio.timeout(timeout):
                answer = await self._ask(call, find, again=ticket is None or not ticket.resumed)
        except TimeoutError:
            if call.peer is None:
                why = say(
                    "{name} does not answer {method!r} within {timeout:g} s: it has not been heard of",
                    name=to,
                    method=method,
                    timeout=timeout,
                )
                raise NotBegunError(why) from None
            raise UnansweredError(
                say(
                    "{name} does not answer {method!r} within {timeout:g} s: no answer",
                    name=call.peer.name,
                    method=method,
                    timeout=timeout,
                )
            ) from None
        except asyncio.CancelledError:
            if call.peer is not None and call.answer is None and ticket is None:
                self._seal(call.peer, {"id": identity, "cancel": True, "nonce": call.nonce})
            raise
        finally:
            del self._calls[identity]
        if answer.get("ok") is True:
            return answer.get("result")
        assert call.peer is not None
        error = answer.get("error")
        code, message = (error.get("code"), error.get("message")) if type(error) is dict else (None, None)
        said = str(message)[:1000] if message else say("refused without a reason")
        raise _ERRORS.get(str(code), GanglionError)(joined(": ", [call.peer.name, said]))

    def withdraw(self, ticket: Ticket) -> None:
        """Has the peer end a request, or not begin it."""
        call = self._calls.get(ticket.id)
        if call is not None and call.peer is not None and call.answer is None:
            self._seal(call.peer, {"id": ticket.id, "cancel": True, "nonce": call.nonce})

    async def _ask(self, call: _Call, find: Callable[[], Peer | None], *, again: bool) -> dict[str, Any]:
        while True:
            if (found := find()) is not None:
                self._send(call, found)
            await self._wait(call)
            if (answer := call.answer) is None:
                continue
            error = answer.get("error")
            if type(error) is not dict or error.get("code") != "stale":
                return answer
            assert call.peer is not None  # who has answered
            nonce, up = answer.get("nonce"), answer.get("up")
            if type(nonce) is not bytes or len(nonce) != 8 or type(up) is not int:
                return answer
            if not again or up / 1000 <= self._monotonic() - call.sent:
                done = say("whether {method!r} was done is unknown", method=call.body["method"])
                raise UnansweredError(
                    say(
                        "{name} has restarted since it was asked: {done}; look, then ask again",
                        name=call.peer.name,
                        done=done,
                    )
                )
            # That boot began before it was asked: only its birth is still on the way.
            again, call.answer, call.nonce = False, None, b""
            call.peer.nonce = nonce

    def _send(self, call: _Call, found: Peer) -> None:
        call.peer = call.peer or found
        if not call.nonce:
            call.nonce, call.sent = call.peer.nonce, self._monotonic()
        try:
            self._seal(call.peer, {**call.body, "nonce": call.nonce})
        except cbor.CBORError as unfit:
            raise InvalidError(
                say("the request {method!r} cannot be sent: {why}", method=call.body["method"], why=unfit)
            ) from None

    def _seal(self, peer: Peer, body: dict[str, Any]) -> None:
        try:
            alone = self._member.alone(peer)
        except SealError as error:
            raise RefusedError(
                say("{method!r} is not sent: {why}", method=body.get("method", "it"), why=str(error))
            ) from None
        self._publish(self._member.seal(gl1.REQUEST, body, now=self._clock(), to=peer.node_id, alone=alone))

    async def _wait(self, call: _Call) -> None:
        """Returns when it is answered, when the mesh has changed, or after a silence."""
        while call.answer is None:
            call.wake.clear()
            call.progressed = False
            with suppress(TimeoutError):
                async with asyncio.timeout(RESEND):
                    await call.wake.wait()
            if not call.progressed:
                return

    def changed(self) -> None:
        """There is a connection again, or a birth was heard: what waits is sent again."""
        for call in self._calls.values():
            call.wake.set()

    def take(self, received: Received) -> None:
        """A REPLY with an id: wakes the call it answers, or tells how far that is."""
        body = received.body
        call = self._calls.get(body["id"]) if type(body) is dict and type(body.get("id")) is str else None
        if call is None or call.peer is not received.peer or call.answer is not None:
            return  # it came after its time, or twice
        if "progress" not in body:
            call.answer = body
        elif (progress := Progress.read(body["progress"])) is not None:
            call.progressed = True
            self._tell(call, progress)
        else:
            self._member.reject(Cause.MALFORMED, f"{received.node_id} says how far it is in a way that says nothing")
            return
        call.wake.set()

    def _tell(self, call: _Call, progress: Progress) -> None:
        if call.on_progress is None:
            return
        try:
            call.on_progress(progress)
        except Exception:  # of who looks on: the call goes on
            _log.exception("What listens to the progress of %s failed.", call.body["method"])
