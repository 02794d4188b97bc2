# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods that a member serves to others. What it has to say it hands to `publish`; it opens no socket.

A request is done at most once: its id is kept as long as a copy of it could come, a copy gets the answer of before, and
one that was meant for an earlier boot is never obeyed. It has the time that its caller gives it, and ends before that
when its caller cancels it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from contextvars import ContextVar
from typing import Any, NamedTuple

from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.mesh.answers import Answers
from ganglion.mesh.member import FRESHNESS, Cause, Member, Peer, Received, Sealed
from ganglion.mesh.parameters import check, takes
from ganglion.mesh.progress import EVERY, Progress, listener
from ganglion.mesh.reading import READING
from ganglion.mesh.rights import Rights
from ganglion.settings import instead
from ganglion.units import SECOND
from ganglion_micro import cbor, gl1

_log = logging.getLogger(__name__)

#: Nanoseconds that a request may take, and that one is remembered whose caller's clock says nothing here.
LONGEST = 300 * SECOND
#: Seconds that a copy may be under way when its time is over.
_LATE = 10.0
#: Requests served at the same time, and those of one member.
SERVED = 256
SERVED_OF_ONE = 64
#: Letters of a request's id.
_ID = 64

Handler = Callable[[dict[str, Any], Peer], Awaitable[Any]]

#: What a handler's error is called on the wire.
CODES: tuple[tuple[type[GanglionError], str], ...] = (
    (RefusedError, "refused"),
    (NotFoundError, "not_found"),
    (InvalidError, "invalid"),
    (UnreachableError, "unreachable"),
)


class _Method(NamedTuple):
    handler: Handler
    roles: Collection[str] | None
    summary: str

    def is_for(self, peer: Peer) -> bool:
        return self.roles is None or bool(set(self.roles) & set(peer.credential.roles))


class _Serving:
    """A request that is being served.

    Attributes:
        performs: What is done for it now, by name, parameters and on whose behalf: its own method, and those that this
            has begun, as a line of a console does.
    """

    def __init__(
        self,
        peer: Peer,
        method: str,
        params: dict[str, Any],
        until: float,
        send: Callable[[Progress], None] | None,
    ) -> None:
        self.peer = peer
        self.method = method
        self.params = params
        self.until = until
        self.task: asyncio.Task[dict[str, Any]] | None = None
        self.performs: list[tuple[str, dict[str, Any], Peer]] = []
        self.is_cancelled = False
        self._send = send
        self._newest: Progress | None = None
        self._timer: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Ends it; once, so that what it does at its end is not ended too."""
        if not self.is_cancelled and self.task is not None:
            self.is_cancelled = True
            self.task.cancel()

    def tell(self, progress: Progress) -> None:
        """Sends how far along it is, now or when the last word is old enough."""
        if self._send is None:
            return
        if self._timer is not None:
            self._newest = progress
            return
        self._send(progress)
        self._timer = asyncio.get_running_loop().call_later(EVERY, self._again)

    def _again(self) -> None:
        self._timer = None
        newest, self._newest = self._newest, None
        if newest is not None:
            self.tell(newest)

    def stop(self) -> None:
        """Says nothing more."""
        self._send = None
        if self._timer is not None:
            self._timer.cancel()


_current: ContextVar[_Serving | None] = ContextVar("serving", default=None)


class Methods:
    """Those of one member.

    Args:
        member: Seals answers.
        publish: Sends a sealed message at QoS 1.
        clock: Nanoseconds since the Unix epoch.
        rights: What the policy lets others ask.
        monotonic: Seconds that go on evenly.

    Attributes:
        failed: Handlers that ended with an error that was none of Ganglion's.
    """

    def __init__(
        self,
        member: Member,
        *,
        publish: Callable[[Sealed], None],
        clock: Callable[[], int],
        rights: Rights,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._member = member
        self._publish = publish
        self._clock = clock
        self._rights = rights
        self._monotonic = monotonic
        self._began = monotonic()
        self._methods: dict[str, _Method] = {}
        self._answers = Answers()
        self._serving: dict[tuple[bytes, str], _Serving] = {}
        self._closing = False
        self.failed = 0
        self.serve("methods", self._list, summary="what this member does for who asks")

    def serve(self, method: str, handler: Handler, *, roles: Collection[str] | None = None, summary: str = "") -> None:
        """Serves a method.

        Args:
            roles: For whom it is made; None is every member. Of these the policy says who may ask. Until there is one
                that an operator has set, all of them may; of a method for every member, whoever `DEFAULT` lets.
            summary: A line for people who look for it.
        """
        self._methods[method] = _Method(handler, roles, summary)

    def recheck(self) -> None:
        """Another policy holds: what it refuses and is being served is ended."""
        for serving in tuple(self._serving.values()):
            for name, params, peer in serving.performs:
                served = self._methods.get(name)
                if served is not None and self._refusal(name, served, peer, params):
                    serving.cancel()

    def _refusal(self, name: str, method: _Method, peer: Peer, params: dict[str, Any]) -> str:
        """Why this peer may not ask for a method; "" where it may."""
        if not method.is_for(peer):
            return f"{name!r} is not for members with the roles {', '.join(peer.credential.roles)}"
        if method.roles is not None and not self._rights.is_signed:
            return ""
        decision = self._rights.judge(peer.credential, "call", name, params)
        version = self._rights.policy.version
        return "" if decision.allowed else f"{name!r} is refused to {peer.name}: {decision.reason} (policy {version})"

    def _shows(self, name: str, method: _Method, peer: Peer) -> bool:
        """Whether this peer may ask for a method, with some parameters."""
        may = (method.roles is not None and not self._rights.is_signed) or self._rights.might(
            peer.credential, "call", name
        )
        return may and method.is_for(peer)

    @takes()
    async def _list(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """The method `methods`: those that this peer may ask for."""
        return {
            "methods": [
                {"name": name, "summary": method.summary, "reads": name in READING}
                for name, method in sorted(self._methods.items())
                if self._shows(name, method, peer)
            ]
        }

    def take(self, received: Received) -> None:
        """A REQUEST: begins to serve it, answers it from memory, or ends the one that it cancels."""
        peer, body = received.peer, received.body
        assert peer is not None
        identity: str = body["id"]
        if self._member.private and not peer.credential.x25519:
            self._member.reject(Cause.UNAUTHORISED, f"{peer.node_id} asks, and cannot be answered in secret")
        elif len(identity) > _ID:
            self._member.reject(Cause.MALFORMED, f"a request of {peer.node_id} with an id of {len(identity)} letters")
        elif received.stale:
            # With how long this boot lasts, signed, the caller can tell whether the earlier one can have done it.
            up = int((self._monotonic() - self._began) * 1000)
            reply = error(identity, "stale", f"{peer.name} asked an earlier boot of this node: ask again")
            self._reply(peer, {**reply, "nonce": self._member.nonce, "up": up})
        elif body.get("cancel") is True:
            self._cancel(peer, identity)
        elif (done := self._answers.find(peer.kid, identity, self._monotonic())) is not None:
            gone = error(identity, "failed", "it was done, and what came of it is not kept any more")
            self._reply(peer, gone if done.answer is None else done.answer)
        elif (peer.kid, identity) not in self._serving:
            self._begin(received, peer, identity)

    def _cancel(self, peer: Peer, identity: str) -> None:
        serving = self._serving.get((peer.kid, identity))
        if serving is not None:
            serving.cancel()
            return
        now = self._monotonic()
        if self._answers.find(peer.kid, identity, now) is None:
            # It has overtaken its request, which must not be begun when it comes.
            reply = error(identity, "cancelled", "it was cancelled before it came")
            self._answers.keep(peer.kid, identity, reply, 100, until=now + LONGEST / SECOND, now=now)

    def _begin(self, received: Received, peer: Peer, identity: str) -> None:
        body = received.body
        method, params, deadline = body.get("method"), body.get("params"), body.get("deadline")
        if type(method) is not str or type(params) is not dict or type(deadline) is not int:
            self._member.reject(Cause.MALFORMED, f"a request of {peer.node_id} without method, params or deadline")
            return
        if self._closing:
            self._reply(peer, error(identity, "busy", f"{method!r} is not begun: this node stops"))
            return
        of_one = sum(1 for kid, _ in self._serving if kid == peer.kid)
        if len(self._serving) >= SERVED or of_one >= SERVED_OF_ONE:
            served = f"{of_one} requests of {peer.name}" if of_one >= SERVED_OF_ONE else f"{SERVED} requests"
            self._reply(peer, error(identity, "busy", f"{served} are being served: try later"))
            return
        now, sent = self._clock(), received.timestamp
        # What cannot be its way here is the difference of the two clocks: then only the caller's own is asked.
        is_comparable = sent <= now <= sent + FRESHNESS
        left = min(deadline - (now if is_comparable else sent), LONGEST)
        kept = max(left, 0) / SECOND + (_LATE if is_comparable else LONGEST / SECOND)

        def send(progress: Progress) -> None:
            self._reply(peer, {"id": identity, "progress": list(progress)})

        tell = send if body.get("progress") is True else None
        serving = _Serving(peer, method, params, self._monotonic() + kept, tell)
        self._serving[peer.kid, identity] = serving
        serving.task = asyncio.get_running_loop().create_task(self._serve(serving, identity, left))
        serving.task.add_done_callback(lambda task: self._ended(serving, identity, task))

    async def _serve(self, serving: _Serving, identity: str, left: int) -> dict[str, Any]:
        """The answer."""
        peer, method, params = serving.peer, serving.method, serving.params
        try:
            if left <= 0:
                self.permitted(method, params, peer)  # what is refused is refused, late or not
                raise UnreachableError(f"the time for {method!r} was over when it arrived, by the clock of this node")
            listener.set(serving.tell)
            _current.set(serving)
            async with asyncio.timeout(left / SECOND):
                result = await self.perform(method, params, peer)
            return {"id": identity, "ok": True, "result": result}
        except TimeoutError:
            return error(identity, "timeout", f"{method!r} took longer than the time it had")
        except GanglionError as failure:
            code = next((code for kind, code in CODES if isinstance(failure, kind)), "failed")
            return error(identity, code, str(failure))
        except Exception:
            self.failed += 1
            _log.exception("The method %s failed.", method)
            node = self._member.identity.node_id
            return error(identity, "failed", f"{method!r} failed; the log of {node} says why")

    async def perform(self, name: str, params: dict[str, Any], peer: Peer) -> Any:
        """What a method answers to a peer, as if that one had asked for it now: what serves it on the peer's behalf.

        Raises:
            NotFoundError: there is no such method.
            RefusedError: the policy does not let this peer; it is counted.
            InvalidError: the method does not take one of the parameters.
            GanglionError: what the method answers.
        """
        served = self.permitted(name, params, peer)
        check(name, served.handler, params)
        serving = _current.get()
        if serving is None:
            return await served.handler(params, peer)
        performed = (name, params, peer)
        serving.performs.append(performed)
        try:
            return await served.handler(params, peer)
        finally:
            serving.performs.remove(performed)

    def permitted(self, name: str, params: dict[str, Any], peer: Peer) -> _Method:
        """The method of this name, which the peer may ask for now.

        Raises:
            NotFoundError: there is no such method.
            RefusedError: the policy does not let this peer; it is counted.
        """
        served = self._methods.get(name)
        if served is None:
            known = [each for each, method in self._methods.items() if self._shows(each, method, peer)]
            raise NotFoundError(f"there is no method {name!r}{instead(name, known, 'ganglion call NODE --list')}")
        if refusal := self._refusal(name, served, peer, params):
            self._member.reject(Cause.UNAUTHORISED, f"{peer.node_id}: {refusal}")
            raise RefusedError(refusal)
        return served

    def _ended(self, serving: _Serving, identity: str, task: "asyncio.Task[dict[str, Any]]") -> None:
        peer, method = serving.peer, serving.method
        serving.stop()
        del self._serving[peer.kid, identity]
        if not task.cancelled():
            answer = task.result()
        elif self._closing and not serving.is_cancelled:
            answer = error(identity, "unreachable", f"{method!r} was ended: this node stops")
        else:
            answer = error(identity, "cancelled", f"{method!r} was cancelled")
        try:
            size = self._reply(peer, answer)
        except cbor.CBORError as unfit:
            answer = error(identity, "failed", f"the result of {method!r} cannot be sent: {unfit}")
            size = self._reply(peer, answer)
        self._answers.keep(peer.kid, identity, answer, size, until=serving.until, now=self._monotonic())

    def _reply(self, peer: Peer, body: dict[str, Any]) -> int:
        """Sends it; the bytes that it took."""
        alone = self._member.alone(peer)
        sealed = self._member.seal(gl1.REPLY, body, now=self._clock(), to=peer.node_id, alone=alone)
        self._publish(sealed)
        return len(sealed.payload)

    async def aclose(self) -> None:
        """Ends what is being served, and tells who asked."""
        self._closing = True
        tasks = [serving.task for serving in self._serving.values() if serving.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def error(identity: str, code: str, message: str) -> dict[str, Any]:
    """The body of an answer that says no; 1000 letters of the message."""
    return {"id": identity, "ok": False, "error": {"code": code, "message": message[:1000]}}
