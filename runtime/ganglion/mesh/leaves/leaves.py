# SPDX-License-Identifier: GPL-3.0-or-later
"""The leaves of a node at work: the shell around `Parent`, with its folder, a UDP port, and what the node does for it.

Another way than UDP hands what it hears to `hear`, with a function that carries bytes back.
"""

import asyncio
import logging
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.mesh.leaves.effects import Answered, Changed, Effect, Happened, Keep, Read, Send, Way, source
from ganglion.mesh.leaves.folder import LeafFolder
from ganglion.mesh.leaves.parent import Parent
from ganglion.mesh.leaves.prompts import PROMPT, Prompts, Request
from ganglion.mesh.leaves.udp import Port
from ganglion.mesh.parameters import takes
from ganglion_micro import cbor, gl1
from ganglion_micro.leaf import NONCE_SIZE

_log = logging.getLogger(__name__)

#: Seconds between looks at who is silent and whom the folder has.
_LOOK = 1.0
#: Seconds until a request is sent again, doubled each time up to the second figure: beyond what most answers take, and
#: short of what a lost one costs an update of hundreds of them.
_RESEND = (0.15, 1.2)
#: Seconds that a leaf may take over a request where nothing is said.
_TIMEOUT = 10.0
#: Seconds that changes wait for others, to be told of together.
_SETTLE = 0.2
#: Bytes that what leaves say of themselves may have in the birth of their parent, which has 64 KiB at most.
_ROOM = 16 * 1024
#: Requests to leaves at the same time.
_ASKED = 64

_ERRORS: Mapping[str, type[GanglionError]] = {
    "not_found": NotFoundError,
    "invalid": InvalidError,
    "refused": RefusedError,
    "unreachable": UnreachableError,
}


class Leaves:
    """Those of one node. Runs on one event loop.

    Args:
        state: The node's state folder.
        mesh: Id of the mesh, 13 letters.
        epoch: Boots of the node.
        clock: Nanoseconds since the Unix epoch.
        on_reading: Gets each reading.
        on_event: Gets an event's class and body; it is to be signed, and safe when `saved` returns.
        saved: Returns when every event so far is safe.
        on_changed: Called when `inventory` says something new.
        request: Asks the gateway, for what leaves ask a model; None where prompts are events as any other.
        host: Address to listen on.
        port: UDP port to listen on; 0 for any.

    Attributes:
        parent: What is decided is decided there.
        address: Where it listens, once it does.
    """

    def __init__(
        self,
        *,
        state: Path,
        mesh: str,
        epoch: int,
        clock: Callable[[], int],
        on_reading: Callable[[Read], None],
        on_event: Callable[[str, dict[str, Any]], object],
        saved: Callable[[], Awaitable[None]],
        on_changed: Callable[[], None],
        host: str,
        port: int,
        request: Request | None = None,
    ) -> None:
        self._clock = clock
        self._on_reading = on_reading
        self._on_event = on_event
        self._saved = saved
        self._on_changed = on_changed
        self._host, self._port = host, port
        self._folder = LeafFolder(state)
        self._prompts = None if request is None else Prompts(request, self._ask)
        self._unsaved: list[Happened] = []
        self._wake = asyncio.Event()
        self._asked: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._settling: asyncio.TimerHandle | None = None
        self.address: tuple[str, int] | None = None
        self.parent = Parent(mesh=gl1.from_base32(mesh), epoch=epoch, nonce=os.urandom(NONCE_SIZE), now=clock())

    # What the node says of them

    def inventory(self) -> dict[str, Any]:
        """Every leaf by name, for the node's birth; where they say too much of themselves, whether they are there."""
        kept = sorted(self.parent.leaves.values(), key=lambda each: each.name)
        whole = {each.name: each.document() for each in kept}
        if _fits(whole):
            return whole
        return {name: {field: said[field] for field in ("id", "online", "since")} for name, said in whole.items()}

    def methods(self) -> dict[str, list[str]]:
        """What each leaf does, by its name."""
        return {kept.name: kept.document()["methods"] for kept in self.parent.leaves.values()}

    def sensors(self) -> dict[str, dict[str, str]]:
        """Units of what leaves sense, as the node says those of its own sensors; none where they are too many."""
        units = {
            source(kept.name, stream): {"unit": unit}
            for kept in self.parent.leaves.values()
            for stream, unit in kept.units().items()
        }
        return units if _fits(units) else {}

    def there(self, method: str) -> dict[str, int]:
        """Names of those that are there and have a method, each with how often it was started."""
        leaves = self.parent.leaves.values()
        return {kept.name: kept.epoch for kept in leaves if kept.online and method in kept.document()["methods"]}

    async def status(self, name: str) -> Any:
        """What a leaf says of how it is. Raises: see `call`."""
        return await self._ask(name, "status", {})

    async def log(self, name: str, after: int) -> Any:
        """The lines of a leaf's log after a number. Raises: see `call`."""
        return await self._ask(name, "log", {"after": after})

    async def actuators(self, name: str) -> Any:
        """What a leaf says of its actuators. Raises: see `call`."""
        return await self._ask(name, "actuators.list", {})

    def state(self, name: str, actuators: dict[str, dict[str, Any]]) -> None:
        """A leaf has these actuators; the inventory says so from now on."""
        for kept in self.parent.leaves.values():
            if kept.name == name and kept.actuators != actuators:
                kept.actuators = actuators
                self._do([Changed()])

    def statistics(self) -> dict[str, Any]:
        """How it goes, as JSON can say it."""
        parent = self.parent
        rejected = sorted(parent.rejected.items(), key=lambda each: -each[1])
        return {
            "known": len(parent.leaves),
            "online": sum(kept.online for kept in parent.leaves.values()),
            "rejected": {cause.value: count for cause, count in rejected},
        }

    @takes()
    async def listed(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """The method `leaf.list`."""
        return {"leaves": self.inventory()}

    async def call(self, params: dict[str, Any], peer: object) -> Any:
        """The method `leaf.call`: has a leaf do something, at most once, and answers what it answers.

        Args:
            params: `leaf`, `method`, and what else there is for the method, as `params` or beside these.

        Raises:
            InvalidError: one is missing.
            NotFoundError: there is no such leaf, or it has no such method.
            UnreachableError: it is away, has restarted, or does not answer.
            RefusedError: too many are being asked.
            GanglionError: what the leaf answers.
        """
        rest = dict(params)
        name, method, inner = rest.pop("leaf", None), rest.pop("method", None), rest.pop("params", {})
        if not isinstance(name, str) or not isinstance(method, str) or not isinstance(inner, dict):
            raise InvalidError("leaf.call needs leaf and method", where="params")
        if len(self._asked) >= _ASKED:
            raise RefusedError(f"{_ASKED} requests to leaves wait for an answer: try later")
        return await self._ask(name, method, {**rest, **inner})

    async def _ask(self, name: str, method: str, params: dict[str, Any]) -> Any:
        identity = secrets.token_hex(8)
        send = self.parent.ask(name, identity, method, params, self._clock())
        answer = self._asked[identity] = asyncio.get_running_loop().create_future()
        pause = _RESEND[0]
        try:
            async with asyncio.timeout(_TIMEOUT):
                while not answer.done():
                    send.way(send.data)
                    await asyncio.wait({answer}, timeout=pause)
                    pause = min(2 * pause, _RESEND[1])
        except TimeoutError:
            raise UnreachableError(f"{name} does not answer {method!r} within {_TIMEOUT:g} s") from None
        finally:
            del self._asked[identity]
            self.parent.forget(identity)
        body = answer.result()
        if body["ok"]:
            return body["result"]
        error = body["error"] if isinstance(body["error"], dict) else {}
        said = str(error.get("message") or "refused without a reason")[:600]
        raise _ERRORS.get(str(error.get("code")), GanglionError)(f"{name}: {said}")

    # At work

    async def run(self) -> None:
        """Listens until cancelled.

        Raises:
            InvalidError: the port is not to be had.
        """
        try:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: Port(self.hear), local_addr=(self._host, self._port)
            )
        except OSError as error:
            place = f"UDP port {self._port} of {self._host}"
            raise InvalidError(
                f"{place} is not to be had: {error.strerror}; set another", where="leaves.port"
            ) from None
        self.address = transport.get_extra_info("sockname")[:2]
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._acknowledge())
                while True:
                    self._look()
                    self._do(self.parent.silence(self._clock()))
                    await asyncio.sleep(_LOOK)
        finally:
            transport.close()
            if self._prompts is not None:
                self._prompts.close()
            if self._settling is not None:
                self._settling.cancel()

    def hear(self, data: bytes, way: Way) -> None:
        """Something came, from wherever.

        Args:
            way: Carries bytes back there.
        """
        self._look()  # a leaf that was removed is refused at once
        self._do(self.parent.take(data, way, self._clock()))

    def _look(self) -> None:
        if (entries := self._folder.news()) is not None:
            self._do(self.parent.know(entries, self._clock()))

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                effect.way(effect.data)
            elif isinstance(effect, Keep):
                self._folder.keep(effect.kid, effect.epoch)
            elif isinstance(effect, Read):
                self._on_reading(effect)
            elif isinstance(effect, Happened):
                self._publish(effect)
            elif isinstance(effect, Answered):
                if (waiting := self._asked.get(effect.identity)) is not None and not waiting.done():
                    waiting.set_result(effect.body)
            elif self._settling is None:
                self._settling = asyncio.get_running_loop().call_later(_SETTLE, self._tell)

    def _tell(self) -> None:
        self._settling = None
        self._on_changed()

    def _publish(self, event: Happened) -> None:
        if event.cls == PROMPT and self._prompts is not None:
            self._prompts.take(event)
            self._do(self.parent.stored(event, self._clock()))
            return
        body = {
            "topic": f"leaf/{event.leaf}/{event.topic}",
            "value": event.value,
            "timestamp": event.timestamp,
            "source": f"leaf/{event.leaf}",
            "leaf": event.leaf,
            "vouched": True,
        }
        try:
            self._on_event(event.cls, body)
        except Exception as error:
            self.parent.failed(event)
            _log.error("An event of the leaf %s is not kept, and it sends it again: %s.", event.leaf, error)
            return
        self._unsaved.append(event)
        self._wake.set()

    async def _acknowledge(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            events, self._unsaved = self._unsaved, []
            await self._saved()
            for event in events:
                self._do(self.parent.stored(event, self._clock()))


def _fits(said: dict[str, Any]) -> bool:
    try:
        return len(cbor.encode(said)) <= _ROOM
    except cbor.CBORError:
        return False
