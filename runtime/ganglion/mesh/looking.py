# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member sees of its mesh: who is there, how each is reached now, and how long an answer takes.

ping         what comes is sent back; every member answers it to every member
mesh.peers   members that were heard of, and the neighbours among them with what the way to them costs
mesh.routes  the next hop to each
mesh.ping    asks another for `ping`, again and again
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ganglion.errors import InvalidError, NotFoundError, UnreachableError
from ganglion.mesh.credential import GATEWAY, NODE, Credential
from ganglion.mesh.member import Member, Peer
from ganglion.mesh.methods import Handler
from ganglion.mesh.overlay.cost import INFINITY, UNIT
from ganglion.mesh.overlay.routes import GATEWAY as UPLINK
from ganglion.mesh.parameters import takes
from ganglion.mesh.progress import report
from ganglion.mesh.ways import Ways
from ganglion.sentences import say
from ganglion.units import MILLISECOND, SECOND
from ganglion_micro import cbor, gl1

if TYPE_CHECKING:
    from ganglion.mesh.overlay.neighbour import Neighbour  # costs memory, and many members have none

#: How a member is reached, nearest first.
NEIGHBOUR, RELAY, BROKER, NOWHERE = "neighbour", "relay", "broker", "nowhere"
_NEAREST = (NEIGHBOUR, RELAY, BROKER, NOWHERE)
#: Bytes of the rows that an answer has room for; a message of the mesh has 64 KiB.
_ROOM = 48 * 1024
#: Bytes that a ping may carry: what eight fragments on a LAN have room for.
MAX_SIZE = 8000
#: Rounds of one request, which has 300 s.
MAX_COUNT = 60
#: Seconds from one round to the next.
MIN_INTERVAL, MAX_INTERVAL = 0.2, 60.0
#: Seconds after which an answer is not waited for; before a request is sent again, so that what is lost is seen.
PATIENCE = 4.0

Document = dict[str, Any]


class _Request(Protocol):
    def __call__(
        self, method: str, params: dict[str, Any], *, to: str = ..., called: str = ..., timeout: float = ...
    ) -> Awaitable[Any]: ...


class _Serve(Protocol):
    def __call__(self, method: str, handler: Handler, *, roles: list[str], summary: str) -> None: ...


class _Way(NamedTuple):
    """How what is for somebody goes now."""

    over: str
    link: str = ""
    next_hop: bytes = b""
    metric: int | None = None


class Looking:
    """The eyes of one member.

    Args:
        ways: How what it says leaves.
        credential: This member's own; None while it has none.
        request: See `MeshClient.request`.
        serve: See `MeshClient.on_request`.
        monotonic: Nanoseconds that go on evenly, as the router has them.
    """

    def __init__(
        self,
        member: Member,
        ways: Ways,
        *,
        credential: Callable[[], Credential | None],
        request: _Request,
        serve: _Serve,
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._member = member
        self._ways = ways
        self._credential = credential
        self._request = request
        self._monotonic = monotonic
        # Who asks others to ask learns of the whole mesh, and has them speak: that is the gateway's.
        serve("ping", self._answer, roles=[NODE, GATEWAY], summary="send back what comes (data)")
        serve("mesh.peers", self._peers, roles=[GATEWAY], summary="members of the mesh, and how each is reached now")
        serve("mesh.routes", self._routes, roles=[GATEWAY], summary="the next hop to each member, or to one (to)")
        serve("mesh.ping", self._ping, roles=[GATEWAY], summary="ping a member (to, count, size, interval)")

    # Who is there

    def peers(self) -> Document:
        """Every member that was heard of, nearest first."""
        near: dict[bytes, list[Neighbour]] = {}
        overlay = self._ways.overlay
        if overlay is not None and overlay.router is not None:
            for neighbour in overlay.router.known:
                near.setdefault(neighbour.kid, []).append(neighbour)
        now = self._monotonic()
        rows = [self._peer(kid, near.get(kid, []), now) for kid in {**self._member.peers, **dict.fromkeys(near)}]
        rows.sort(key=lambda row: (_NEAREST.index(row["over"]), row["metric"] or 0, row["name"], row["id"]))
        return {"member": self._self(), "peers": rows, "left_out": 0}

    def _self(self) -> Document:
        own = self._credential()
        return {
            "id": self._member.identity.node_id,
            "name": "" if own is None else own.name,
            "role": _role(own),
            "epoch": self._member.epoch,
            "broker": self._ways.broker,
        }

    def _peer(self, kid: bytes, near: "list[Neighbour]", now: int) -> Document:
        peer = self._member.peers.get(kid)
        way = self._way(kid)
        return {
            **self._called(kid),
            "role": _role(self._shown(kid)),
            "epoch": None if peer is None else peer.epoch,
            "born": None if peer is None else peer.born,
            **self._document(way),
            "neighbour": [_neighbour(each, now) for each in sorted(near, key=lambda each: each.link.name)],
        }

    # By which way

    def routes(self, to: str = "") -> Document:
        """The next hop to each member that can be reached, and to the anycast `gateway`.

        Args:
            to: A name, an id or `gateway`; "" for all.

        Raises:
            NotFoundError: no such member was heard of.
        """
        overlay = self._ways.overlay
        router = None if overlay is None else overlay.router
        wanted: Iterable[bytes | None] = [self._find(to)] if to else [None, *self._member.peers]
        if not to and router is not None:
            wanted = dict.fromkeys([*wanted, *(kid for kid in router.destinations if kid != UPLINK)])
        rows = []
        for kid in wanted:
            way = self._way(kid)
            if way.over != NOWHERE and not (kid is None and self._member.is_gateway):
                called = {"id": "gateway", "name": ""} if kid is None else self._called(kid)
                rows.append({**called, **self._document(way)})
        rows.sort(key=lambda row: (row["id"] != "gateway", row["over"] == BROKER, row["name"], row["id"]))
        return {"member": self._self(), "routes": rows, "left_out": 0}

    def _find(self, who: str) -> bytes | None:
        """The key id of a member; None for the gateway, whichever.

        Raises:
            NotFoundError: no such member was heard of.
        """
        if who == "gateway":
            return None
        peer = self._member.find(who)
        if peer is None and not gl1.is_node_id(who):
            raise NotFoundError(
                say("{who!r}: no member of this name was heard of here; its id is always understood", who=who)
            )
        return gl1.kid_of(who) if peer is None else peer.kid

    def _way(self, kid: bytes | None) -> _Way:
        gateway = self._member.gateway
        receiver = kid if kid is not None else b"" if gateway is None else gateway.kid
        to = self._ways.over_to(kid)
        overlay = self._ways.overlay
        if to is not None and overlay is not None and overlay.router is not None:
            hop = overlay.router.next_hop(to)
            if hop is not None:
                metric = overlay.router.metric(to)
                return _Way(NEIGHBOUR if hop[0] == receiver else RELAY, hop[1], hop[0], metric)
        if self._ways.broker and (receiver in self._member.peers or kid is None):
            return _Way(BROKER, "broker", receiver)
        return _Way(NOWHERE)

    def _document(self, way: _Way) -> Document:
        hop = self._called(way.next_hop) if way.next_hop else None
        return {"over": way.over, "link": way.link, "next": hop, "metric": way.metric}

    def _called(self, kid: bytes) -> Document:
        """Id and name; of one that has shown no credential here, the key id in hexadecimal and no name."""
        if kid == self._member.identity.kid:
            own = self._credential()
            return {"id": self._member.identity.node_id, "name": "" if own is None else own.name}
        shown = self._shown(kid)
        return {"id": kid.hex(), "name": ""} if shown is None else {"id": shown.node_id, "name": shown.name}

    def _shown(self, kid: bytes) -> Credential | None:
        peer, overlay = self._member.peers.get(kid), self._ways.overlay
        if peer is not None:
            return peer.credential
        return None if overlay is None else overlay.credential_of(kid)

    # How long it takes

    async def ping(self, to: str, *, count: int = 5, size: int = 0, interval: float = 1.0) -> Document:
        """Asks a member so many times whether it is there, and says through `report` how long each answer took.

        Args:
            to: Its name or id, or `gateway`.
            size: Bytes that go there and come back.
            interval: Seconds from one question to the next; an answer is waited for first, 4 s at most.

        Raises:
            InvalidError: a number that is out of bounds.
            NotFoundError: no such member was heard of here, so that it could not answer.
        """
        bounds = (
            ("count", type(count) is int and 1 <= count <= MAX_COUNT, say("1 to {most}", most=MAX_COUNT)),
            ("size", type(size) is int and 0 <= size <= MAX_SIZE, say("0 to {most} bytes", most=MAX_SIZE)),
            (
                "interval",
                type(interval) in (int, float) and MIN_INTERVAL <= interval <= MAX_INTERVAL,
                say("{least:g} to {most:g} seconds", least=MIN_INTERVAL, most=MAX_INTERVAL),
            ),
        )
        for name, holds, least in bounds:
            if not holds:
                raise InvalidError(say("must be {least}", least=least), where=name)
        peer = self._member.gateway if to == "gateway" else self._member.find(to)
        if peer is None:
            raise NotFoundError(say("{to!r} was not heard of here, and cannot be asked: {heard}", to=to, heard=_HEARD))
        rounds: list[int | None] = []
        for done in range(1, count + 1):
            began = self._monotonic()
            took, text = await self._round(peer, size, began)
            rounds.append(took)
            report(done, total=count, text=text)
            if done < count:
                await asyncio.sleep(max(0.0, interval - (self._monotonic() - began) / SECOND))
        return {"to": self._called(peer.kid), "rounds": rounds, **summary(rounds)}

    async def _round(self, peer: Peer, size: int, began: int) -> tuple[int | None, str]:
        """How long it took, None where no answer came, and the same in words."""
        data = os.urandom(size)
        try:
            answer = await self._request("ping", {"data": data}, to=peer.node_id, called=peer.name, timeout=PATIENCE)
        except UnreachableError as error:
            return None, str(error)
        if type(answer) is not dict or answer.get("data") != data:
            return None, f"{peer.name} sent back something else"
        took = self._monotonic() - began
        return took, f"{took / MILLISECOND:.3f} ms"

    # As methods

    @takes("data")
    async def _answer(self, params: dict[str, Any], peer: Peer) -> Document:
        data = params.get("data", b"")
        if type(data) is not bytes or len(data) > MAX_SIZE:
            raise InvalidError(
                say("must be at most {most} bytes, and neither text nor a number", most=MAX_SIZE), where="data"
            )
        return {"data": data}

    @takes()
    async def _peers(self, params: dict[str, Any], peer: Peer) -> Document:
        return _fitted(self.peers(), "peers")

    @takes("to")
    async def _routes(self, params: dict[str, Any], peer: Peer) -> Document:
        to = params.get("to", "")
        if type(to) is not str:
            raise InvalidError(say("must be a name, an id or gateway"), where="to")
        return _fitted(self.routes(to), "routes")

    @takes("to", "count", "size", "interval")
    async def _ping(self, params: dict[str, Any], peer: Peer) -> Document:
        given = {name: params[name] for name in ("count", "size", "interval") if name in params}
        to = params.get("to")
        if type(to) is not str:
            raise InvalidError(say("must be a name, an id or gateway"), where="to")
        return await self.ping(to, **given)


_HEARD = say("a node hears of gateways, of those whom it follows, and of whom its neighbours lead to")


def summary(rounds: Iterable[int | None]) -> Document:
    """Sent, received, loss from 0 to 1, and the shortest, mean and longest answer in nanoseconds, None for none."""
    took = list(rounds)
    came = [each for each in took if each is not None]
    return {
        "sent": len(took),
        "received": len(came),
        "loss": 0.0 if not took else round(1 - len(came) / len(took), 4),
        "min": min(came, default=None),
        "avg": sum(came) // len(came) if came else None,
        "max": max(came, default=None),
    }


def _neighbour(one: "Neighbour", now: int) -> Document:
    """What there is to see of a neighbour: shares of 0 to 1, and nanoseconds."""
    return {
        "link": one.link.name,
        "address": _address(one.address),
        "up": one.up,
        "cost": one.cost if one.cost < INFINITY else None,
        "rx": round(one.history.received, 3),
        "tx": round(min(1.0, UNIT / one.txcost), 3) if 0 < one.txcost < INFINITY else 0.0,
        "rtt": one.rtt,
        "silence": max(0, now - one.heard),
    }


def _address(address: object) -> str:
    """Host and port of a socket's address; "" where the link has none."""
    if not isinstance(address, tuple) or len(address) < 2:
        return ""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def _role(credential: Credential | None) -> str:
    return "" if credential is None else GATEWAY if GATEWAY in credential.roles else NODE


def _fitted(document: Document, rows: str) -> Document:
    """The same with as many rows as a message has room for, and how many it has not."""
    room, kept = _ROOM, []
    for row in document[rows]:
        room -= len(cbor.encode(row))
        if room < 0:
            break
        kept.append(row)
    return {**document, rows: kept, "left_out": len(document[rows]) - len(kept)}
