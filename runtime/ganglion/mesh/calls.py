# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to other members and their answers, both ways. What it has to say it hands to `publish`; it opens no socket.

A request is the same one however often it is sent: its id is new for each call and kept by both sides, the receiver
keeps its answer for five minutes, so sending again is always safe. It names the receiver's boot nonce, so it is obeyed
in that boot or never.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any, NamedTuple

from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.mesh.member import Cause, Member, Peer, Received, Sealed, clock_valid
from ganglion.units import SECOND
from ganglion_micro import cbor, gl1

_log = logging.getLogger(__name__)

#: Seconds without an answer after which a request is sent again.
RESEND = 5.0
#: Nanoseconds that an answer is kept for a request that comes again, and the longest time a request may take.
KEPT = 300 * SECOND
#: Answers kept; the oldest go first. One of a kilobyte each is a megabyte.
_ANSWERS = 1024
#: Requests served at the same time.
_SERVED = 256

Handler = Callable[[dict[str, Any], Peer], Awaitable[Any]]

_CODES: tuple[tuple[type[GanglionError], str], ...] = (
    (RefusedError, "refused"),
    (NotFoundError, "not_found"),
    (InvalidError, "invalid"),
    (UnreachableError, "unreachable"),
)
_ERRORS: dict[str, type[GanglionError]] = {
    "timeout": UnreachableError,
    "stale": UnreachableError,
    "busy": UnreachableError,
    **{code: error for error, code in _CODES},
}


class _Served(NamedTuple):
    handler: Handler
    roles: Collection[str] | None


class _Call:
    """A request of ours that waits."""

    __slots__ = ("answer", "peer", "wake")

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.peer: Peer | None = None
        self.answer: dict[str, Any] | None = None


class Calls:
    """Requests of one member.

    Args:
        member: Seals them.
        publish: Sends a sealed message at QoS 1.
        clock: Nanoseconds since the Unix epoch.
        roles: Who may ask for a method that names nobody itself; None is every member.

    Attributes:
        failed: Handlers that ended with an error that was none of Ganglion's.
    """

    def __init__(
        self,
        member: Member,
        *,
        publish: Callable[[Sealed], None],
        clock: Callable[[], int],
        roles: Collection[str] | None,
    ) -> None:
        self._member = member
        self._publish = publish
        self._clock = clock
        self._roles = roles
        self._methods: dict[str, _Served] = {}
        self._calls: dict[str, _Call] = {}
        self._answers: dict[tuple[bytes, str], tuple[int, dict[str, Any]]] = {}
        self._serving: dict[tuple[bytes, str], asyncio.Task[None]] = {}
        self.failed = 0

    def on_request(self, method: str, handler: Handler, *, roles: Collection[str] | None = None) -> None:
        """Serves a method, to members with one of these roles."""
        self._methods[method] = _Served(handler, self._roles if roles is None else roles)

    async def request(
        self, find: Callable[[], Peer | None], to: str, method: str, params: dict[str, Any], timeout: float
    ) -> Any:
        """The result of a method of a peer.

        Args:
            find: The peer, or None while it is not known; asked again whenever the mesh has changed.
            to: What to call it in errors.
            timeout: Seconds, 300 at most.

        Raises:
            UnreachableError: no answer in time; whether it was done is unknown.
            GanglionError: the peer's answer, as the class that it raised there.
        """
        identity = secrets.token_hex(8)
        call = self._calls[identity] = _Call()
        deadline = self._clock() + round(min(timeout, KEPT / SECOND) * SECOND)
        try:
            async with asyncio.timeout(timeout):
                answer = await self._ask(call, identity, find, method, params, deadline)
        except TimeoutError:
            why = "it has not been heard of" if call.peer is None else "no answer"
            raise UnreachableError(f"{to} does not answer {method!r} within {timeout:g} s: {why}") from None
        finally:
            del self._calls[identity]
        if answer.get("ok") is True:
            return answer.get("result")
        error = answer.get("error")
        code, message = (error.get("code"), error.get("message")) if type(error) is dict else (None, None)
        raise _ERRORS.get(str(code), GanglionError)(f"{to}: {message or 'refused without a reason'}")

    async def _ask(
        self,
        call: _Call,
        identity: str,
        find: Callable[[], Peer | None],
        method: str,
        params: dict[str, Any],
        deadline: int,
    ) -> dict[str, Any]:
        again = True
        while True:
            call.wake.clear()
            call.peer = peer = find()
            if peer is not None:
                body = {"id": identity, "method": method, "params": params, "nonce": peer.nonce, "deadline": deadline}
                self._publish(self._member.seal(gl1.REQUEST, body, now=self._clock(), to=peer.node_id))
            with suppress(TimeoutError):
                async with asyncio.timeout(RESEND):
                    await call.wake.wait()
            if (answer := call.answer) is None:
                continue
            error = answer.get("error")
            if not (again and type(error) is dict and error.get("code") == "stale"):
                return answer
            # It has restarted, and its birth is still on the way: its signed answer names the nonce of now.
            again, call.answer = False, None
            nonce = answer.get("nonce")
            if peer is not None and type(nonce) is bytes and len(nonce) == 8:
                peer.nonce = nonce

    def changed(self) -> None:
        """There is a connection again, or a birth was heard: what waits is sent again."""
        for call in self._calls.values():
            call.wake.set()

    def take_reply(self, received: Received) -> None:
        """A REPLY with an id: wakes the call it answers."""
        body = received.body
        call = self._calls.get(body["id"]) if type(body) is dict and type(body.get("id")) is str else None
        if call is None or call.peer is not received.peer:
            return  # it came after its time, or twice
        call.answer = body
        call.wake.set()

    def take_request(self, received: Received) -> None:
        """A REQUEST: answers it from memory, or begins to serve it."""
        peer, body = received.peer, received.body
        assert peer is not None
        identity: str = body["id"]
        if received.stale:
            reply = _error(identity, "stale", f"{peer.name} asked an earlier boot of this node: ask again")
            self._reply(peer, {**reply, "nonce": self._member.nonce})
            return
        key = (peer.kid, identity)
        now = self._clock()
        if (kept := self._answers.get(key)) is not None and kept[0] > now:
            self._reply(peer, kept[1])
            return
        if key in self._serving:
            return
        method, params, deadline = body.get("method"), body.get("params"), body.get("deadline")
        if type(method) is not str or type(params) is not dict or type(deadline) is not int or len(identity) > 64:
            self._member.reject(Cause.MALFORMED, f"a request of {peer.node_id} without method, params or deadline")
            return
        if len(self._serving) >= _SERVED:
            self._reply(peer, _error(identity, "busy", f"{_SERVED} requests are being served: try later"))
            return
        task = asyncio.get_running_loop().create_task(self._serve(peer, identity, method, params, deadline))
        self._serving[key] = task
        task.add_done_callback(lambda _: self._serving.pop(key, None))

    async def _serve(self, peer: Peer, identity: str, method: str, params: dict[str, Any], deadline: int) -> None:
        now = self._clock()
        left = min(deadline - now, KEPT) if clock_valid(now) and clock_valid(deadline) else KEPT
        served = self._methods.get(method)
        try:
            if served is None:
                raise NotFoundError(f"there is no method {method!r}; known are {', '.join(sorted(self._methods))}")
            if served.roles is not None and not set(served.roles) & set(peer.credential.roles):
                self._member.reject(Cause.UNAUTHORISED, f"{peer.node_id} asked for {method}")
                raise RefusedError(f"{method!r} is not for members with the roles {', '.join(peer.credential.roles)}")
            if left <= 0:
                raise UnreachableError(f"the time for {method!r} was over when it arrived")
            async with asyncio.timeout(left / SECOND):
                result = await served.handler(params, peer)
            reply = {"id": identity, "ok": True, "result": result}
            cbor.encode(reply, 1)
        except TimeoutError:
            reply = _error(identity, "timeout", f"{method!r} took longer than the time it had")
        except cbor.CBORError as error:
            reply = _error(identity, "failed", f"the result of {method!r} cannot be sent: {error}")
        except GanglionError as error:
            code = next((code for kind, code in _CODES if isinstance(error, kind)), "failed")
            reply = _error(identity, code, str(error))
        except Exception:
            self.failed += 1
            _log.exception("The method %s failed.", method)
            reply = _error(
                identity, "failed", f"{method!r} failed; the log of {self._member.identity.node_id} says why"
            )
        while len(self._answers) >= _ANSWERS:
            del self._answers[next(iter(self._answers))]
        self._answers[peer.kid, identity] = (self._clock() + KEPT, reply)
        self._reply(peer, reply)

    def _reply(self, peer: Peer, body: dict[str, Any]) -> None:
        self._publish(self._member.seal(gl1.REPLY, body, now=self._clock(), to=peer.node_id))

    async def aclose(self) -> None:
        """Ends what is being served."""
        tasks = list(self._serving.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _error(identity: str, code: str, message: str) -> dict[str, Any]:
    return {"id": identity, "ok": False, "error": {"code": code, "message": message}}
