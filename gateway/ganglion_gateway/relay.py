# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries events from node to node: one lane a receiver, in order, for as long as each may wait.

The table is the truth. An event is marked after its node has taken it, so a gateway that is killed between the two
carries it again; the node knows the ids of the last ones and takes none twice, unless it has started anew meanwhile.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import Any, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import GanglionError, NotFoundError, RefusedError, UnreachableError
from ganglion.mesh.credential import GATEWAY, NODE
from ganglion.mesh.policy import Party, Policy
from ganglion.units import SECOND
from ganglion_gateway.fleet import SILENCE, Fleet, Node
from ganglion_gateway.leases import Lease, LostLeaseError
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.rows import OWN_EPOCH
from ganglion_gateway.store import relays
from ganglion_gateway.store.database import Database, Row, why

_log = structlog.get_logger(__name__)

#: Nanoseconds between looks at who is there again, and at what has waited too long.
_TICK = SECOND
#: Seconds that a node has to take an event: its clock may be ahead of ours by nearly as much.
_ATTEMPT = 30.0
#: Seconds until a node is asked again that did not take one.
_AGAIN = 5.0
#: Events read at once.
_PAGE = 64
#: Letters of an error that are kept.
_ERROR = 300
#: Receivers that one look puts into the log.
_NAMED = 10


def reached(receivers: Iterable[str], nodes: Collection[Node], *, settled: bool) -> dict[str, list[str]]:
    """Which nodes that are there are meant by these names and ids: by id, with all that mean it.

    Those too that nobody has said yet: what is said to the name while those to the id are carried takes its turn.
    A name that several nodes have is the one's that is there; nobody's while two are.

    Args:
        settled: Whether it is known who is there. Shortly after a start one of two may not have been heard yet.
    """
    wanted = set(receivers)
    ids = {node.id for node in nodes}
    known = Counter(node.name for node in nodes)
    there = Counter(node.name for node in nodes if node.online)
    found: dict[str, list[str]] = {}
    for node in nodes:
        means = [node.id]
        if there[node.name] == 1 and (settled or known[node.name] == 1) and node.name not in ids:
            means.append(node.name)
        if node.online and not wanted.isdisjoint(means):
            found[node.id] = means
    return found


class Request(Protocol):
    """`GatewayMember.request`."""

    async def __call__(self, method: str, params: dict[str, Any], *, to: str, timeout: float) -> Any: ...


class Relay:
    """All lanes.

    Args:
        database: Holds what waits.
        fleet: Knows who is there.
        policy: What holds: whether a node may say its event to another.
        metrics: Counts what was carried.
        clock: Nanoseconds since the Unix epoch.
        may_read: Whether a node is in a group.
    """

    def __init__(
        self,
        database: Database,
        fleet: Fleet,
        *,
        policy: Callable[[], Policy],
        metrics: Metrics,
        clock: Callable[[], int],
        may_read: Callable[[str, str], bool],
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._policy = policy
        self._metrics = metrics
        self._clock = clock
        self._may_read = may_read
        self._began = clock()
        self._expired = 0
        self._away: set[str] = set()
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is something new to carry."""
        self._wake.set()

    async def run(self, request: Request, lease: Lease) -> None:
        """Carries until cancelled.

        Args:
            request: Asks a node.
            lease: What was carried is written down only while nobody else was given it.
        """
        self._lease = lease
        try:
            while True:
                try:
                    waiting = await self._look(request)
                except SQLAlchemyError as error:
                    _log.error("relays not readable", reason=why(error))
                    waiting = True
                with suppress(TimeoutError):
                    # Another gateway may write what is to be carried
                    async with asyncio.timeout(_TICK / SECOND if waiting or self._database.shared else None):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            for lane in self._lanes.values():
                lane.cancel()
            await asyncio.gather(*self._lanes.values(), return_exceptions=True)

    async def _look(self, request: Request) -> bool:
        """Begins a lane for everyone who is there and has none; returns whether anything waits."""
        receivers = await relays.receivers(self._database)
        if not receivers:
            return bool(self._lanes)
        await self._expire()
        settled = self._clock() - self._began > SILENCE
        there = reached(receivers, self._fleet.nodes.values(), settled=settled)
        self._tell(set(receivers).difference(*there.values()))
        for node, names in there.items():
            if node not in self._lanes:
                lane = asyncio.create_task(self._carry(node, names, request), name=f"relay {node}")
                lane.add_done_callback(lambda task, node=node: self._ended(task, node))  # type: ignore[misc]
                self._lanes[node] = lane
        return True

    def _tell(self, away: set[str]) -> None:
        """Has the log name each receiver that is not there, once until it is."""
        for name in sorted(away - self._away)[:_NAMED]:
            _log.warning("events wait for a node that is not there", node=name)
        self._away = away

    async def _expire(self) -> None:
        now = self._clock()
        if now - self._expired >= _TICK:
            self._expired = now
            late = await self._database.write(lambda connection: relays.expire(connection, now), patient=True)
            if late:
                _log.warning("events given up, no node took them in time", count=late)
                self._metrics.relays.labels(relays.DEAD).inc(late)

    def _ended(self, task: asyncio.Task[None], node: str) -> None:
        self._lanes.pop(node, None)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, LostLeaseError):
            self._lease.lose("another gateway was given it")
        else:
            _log.error("relay lane failed", node=node, exc_info=error)

    async def _carry(self, node: str, names: list[str], request: Request) -> None:
        """A page of what waits for one node; names are looked at anew before the next."""
        for row in await relays.pending(self._database, names, self._clock(), limit=_PAGE):
            if row["expires"] >= self._clock() and not await self._attempt(row, node, request):
                await asyncio.sleep(_AGAIN)
                return
        self.wake()

    async def _attempt(self, row: Row, node: str, request: Request) -> bool:
        """Whether the row is done with."""
        error, state = self._refusal(row, node)
        params = {key: row[key] for key in ("id", "node", "topic", "value")}
        try:
            if row["confidential"] and not self._may_read(node, row["confidential"]):
                raise RefusedError(f"it is for the group {row['confidential']} alone, and the node is not in it")
            if not error:
                # An event that another gateway took from a webhook is the gateway's, too: scripts know it by that name
                sender = self._fleet.own[1] if row["epoch"] == OWN_EPOCH else self._fleet.name(row["node"])
                await request("bus.event", {**params, "name": sender}, to=node, timeout=_ATTEMPT)
        except UnreachableError as failure:
            error, state = str(failure), relays.PENDING
        except NotFoundError:
            error, state = "its software takes no events of other nodes: update it", relays.PENDING
        except GanglionError as failure:
            error, state = str(failure), relays.DEAD
        error = error[:_ERROR]
        if error:
            _log.warning("event not carried", event_id=row["id"], node=node, reason=error, dead=state == relays.DEAD)
        ended = None if state == relays.PENDING else self._clock()

        async def work(connection: AsyncConnection) -> bool:
            attempts = row["attempts"] + 1
            return await relays.settle(
                connection, row["number"], state=state, attempts=attempts, error=error, ended=ended
            )

        if await self._lease.write(self._database, work) and ended is not None:
            self._metrics.relays.labels(state).inc()
        return ended is not None

    def _refusal(self, row: Row, node: str) -> tuple[str, str]:
        """Why the sender may not say this to that node, and what becomes of it; "" where it may."""
        policy = self._policy()
        gateway = Party(node_id=row["node"], roles=(GATEWAY,))
        by, at = gateway if row["epoch"] == OWN_EPOCH else self._party(row["node"]), self._party(node)
        decision = policy.judge("say", row["cls"], by=by, at=at, now=self._clock())
        if decision.allowed:
            return "", relays.DELIVERED
        # A policy that was deleted decides on nothing: it waits for one
        return f"refused: {decision.reason}", relays.DEAD if policy.rules else relays.PENDING

    def _party(self, node: str) -> Party:
        now = self._fleet.now(node)
        known = self._fleet.nodes.get(now)
        return Party(node_id=now, roles=(NODE,), tags=() if known is None else tuple(known.facts.credential))
