# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell of a member's replica: keeps it on the disk, has others hear what is new, and compares itself with them.

What is written here is committed before anybody hears of it and before the writer is told that it is done. What is lost
on the way is found missing by hellos, which say what a member holds in 16 bytes; `state/hellos.py` has when.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ganglion.errors import GanglionError, UnreachableError
from ganglion.mesh.credential import Credential, CredentialError
from ganglion.mesh.gossip import Gossip
from ganglion.mesh.journal import Journal
from ganglion.mesh.member import Member, Received
from ganglion.mesh.state import message
from ganglion.mesh.state.admission import Refusal
from ganglion.mesh.state.directory import SHARED, Directory
from ganglion.mesh.state.effects import Change, Outcome
from ganglion.mesh.state.hellos import Hellos
from ganglion.mesh.state.message import Hello, Vouch
from ganglion.mesh.state.replica import Replica
from ganglion.mesh.state.succession import inherit
from ganglion.mesh.state.wire import NEWS, WireError
from ganglion.mesh.ways import Ways
from ganglion.units import SECOND
from ganglion_micro import gl1

_log = logging.getLogger(__name__)

#: Nanoseconds between two looks at what is due.
_TICK = 60 * SECOND
#: Seconds until a disk that took nothing is tried again.
_DISK_RETRY = 1.0
#: Messages that wait for the disk. Beyond, they are dropped: what they brought is found missing later.
_WAITING = 1024
#: Of those that are done before the event loop has its turn: a page of entries takes milliseconds to verify.
_BATCH = 16

Work = Callable[[Replica, int], Outcome]


class _Order(NamedTuple):
    work: Work
    kid: bytes  # whose message it is; b"" for none
    is_known: bool  # to everyone, so that there is no need to say that we have it
    done: "asyncio.Future[Outcome] | None"


class Replication:
    """The state that one member shares with all. Runs on one event loop.

    Args:
        member: Seals.
        path: The file of entries; opened and read here.
        ways: How what is said leaves.
        credential: This member's; None while it has none.
        ready: Whether others hear and believe it now.
        clock: Nanoseconds since the Unix epoch.

    Attributes:
        replica: To read from.
        directory: Who wrote.
        watchers: Called with each change, once it is on the disk.

    Raises:
        sqlite3.Error: the disk is broken.
    """

    def __init__(
        self,
        member: Member,
        path: Path,
        *,
        ways: Ways,
        credential: Callable[[], Credential | None],
        ready: Callable[[], bool],
        clock: Callable[[], int],
    ) -> None:
        self._member = member
        self._credential = credential
        self._clock = clock
        self.directory = Directory(member.standing)
        self._gossip = Gossip(member, self.directory, ways=ways, credential=credential, ready=ready, clock=clock)
        self._journal = Journal(path, self.directory)
        self.replica = self._replica()
        self._journal.restore(self.replica)
        self.watchers: list[Callable[[Change], None]] = []
        self._orders: list[_Order] = []
        self._untold: list[tuple[_Order, Outcome]] = []  # done, and not on the disk
        self._under_way: asyncio.Future[None] | None = None
        self._closed = False
        self._wake = asyncio.Event()
        now = time.monotonic_ns()
        self._hellos = Hellos(random.random, now)
        self._ticked = now

    def _replica(self) -> Replica:
        member = self._member
        return Replica(
            member.identity,
            mesh=member.mesh,
            epoch=member.epoch,
            lookup=self.directory.key_of,
            may_write=self._may_write,
        )

    def _may_write(self, node: str, key: str) -> bool:
        if node == self._member.identity.node_id:
            return self._member.is_gateway or key.startswith(SHARED)
        return self.directory.may_write(node, key)

    # What happens to the member

    def take(self, received: Received) -> None:
        """A believed message of kind 8."""
        kid = gl1.kid_of(received.node_id)
        credential, says = received.body
        try:
            self._meet([credential])
            special = message.parse(says)
            if isinstance(special, Vouch):
                self._meet(special.credentials)
                return
        except WireError:
            self.replica.refused[Refusal.MALFORMED] += 1
            return
        except CredentialError:
            self.replica.refused[Refusal.FORGED] += 1
            return
        gateway = self._member.gateway
        if gateway is not None and kid == gateway.kid:
            self._hellos.answered()
        if len(self._orders) + len(self._untold) >= _WAITING:
            _log.warning("The disk is slow: state from %s is dropped, and compared later.", received.node_id)
        elif special is None:
            # A gateway says soon that it has it, for those who have not
            is_known = type(says) is list and says[:1] == [NEWS] and not self._member.is_gateway
            self._order(lambda replica, now: replica.receive(kid, says, now=now), kid, is_known=is_known)
        else:
            self._order(lambda replica, now: self._greeted(replica, kid, special, received.timestamp, now), kid)

    def _meet(self, credentials: list[bytes]) -> None:
        for credential in credentials:
            if self.directory.take(credential):
                self.replica.acquainted()

    def _greeted(self, replica: Replica, kid: bytes, hello: Hello, at: int, now: int) -> Outcome:
        outcome = replica.hello(kid, hello.root, at, now=now)
        if outcome.apart:
            _log.warning("The clock of %s is %d s off this one.", kid.hex(), outcome.apart // SECOND)
        monotonic = time.monotonic_ns()
        self._hellos.heard(hello.root == replica.root, monotonic)
        if hello.asking:
            outcome.answers.insert(0, Hello(replica.root, False).body())
        if monotonic - self._ticked >= _TICK:  # other clocks are judged by hellos, so while one is fresh
            outcome.merge(self._tick(replica, now))
        return outcome

    def met(self) -> None:
        """There is a way to others that was not there before."""
        self._hellos.met(time.monotonic_ns())
        self._wake.set()

    def recheck(self) -> None:
        """It may be others who are members now."""
        self._order(lambda replica, now: replica.recheck())

    def become(self) -> None:
        """The member has another key."""
        self._order(self._renew)

    def _renew(self, before: Replica, now: int) -> Outcome:
        self._journal.gather(before)
        self.replica = self._replica()
        self.replica.restore(*before.kept())
        self.replica.refused.update(before.refused)
        return self._inherit(self.replica, now)

    def _inherit(self, replica: Replica, now: int) -> Outcome:
        return inherit(replica, self._credential(), now)

    # Writing

    async def write(self, work: Work) -> Outcome:
        """Has the replica do something; it is on the disk, and sent where there is a way, when this returns.

        Raises:
            GanglionError: what the replica says; or the disk takes nothing.
            UnreachableError: the member has ended.
        """
        if self._closed:
            raise UnreachableError("this member of the mesh has ended: it shares nothing any more")
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._order(work, done=done)
        return await done

    def author(self, kid: bytes) -> tuple[str, str]:
        """The node id and the name of who wrote something; "" where neither is known any more."""
        own = kid == self._member.identity.kid
        credential = self._credential() if own else self.directory.find(kid)
        if credential is not None:
            return credential.node_id, credential.name
        return (self._member.identity.node_id if own else ""), ""

    def _order(
        self,
        work: Work,
        kid: bytes = b"",
        *,
        is_known: bool = False,
        done: "asyncio.Future[Outcome] | None" = None,
    ) -> None:
        self._orders.append(_Order(work, kid, is_known, done))
        self._wake.set()

    def statistics(self) -> dict[str, Any]:
        """Entries held and their bytes; and what was refused, by cause."""
        refused = {cause.value: count for cause, count in self.replica.refused.items()}
        return {"entries": self.replica.count, "bytes": self.replica.size, "refused": refused}

    # Its life

    async def run(self) -> None:
        """Commits, sends and compares, until cancelled; what was ordered then is still done."""
        self._order(self._inherit)
        self.recheck()
        try:
            while True:
                wait = max(0, min(self._hellos.due, self._ticked + _TICK) - time.monotonic_ns()) / SECOND
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(wait, _DISK_RETRY) if self._journal.failing else wait):
                        await self._wake.wait()
                self._wake.clear()
                if time.monotonic_ns() - self._ticked >= _TICK:
                    self._order(self._tick)
                # A turn is done whole: who waits for it hears what became of it though this is cancelled meanwhile
                self._under_way = asyncio.ensure_future(self._turn())
                await asyncio.shield(self._under_way)
                if time.monotonic_ns() >= self._hellos.due:
                    self._hello()
        finally:
            await asyncio.shield(self._close())

    async def _close(self) -> None:
        self._closed = True
        if self._under_way is not None:
            await asyncio.wait([self._under_way])
        while self._orders:
            await self._turn()
        await self._journal.close()

    def _tick(self, replica: Replica, now: int) -> Outcome:
        self._ticked = time.monotonic_ns()
        self.directory.keep_only(replica.authors)
        return replica.tick(now=now)

    async def _turn(self) -> None:
        """Does what was ordered, commits all of it at once, then lets others know."""
        orders, self._orders = self._orders[:_BATCH], self._orders[_BATCH:]
        if self._orders:
            self._wake.set()
        done, self._untold = self._untold, []
        for order in orders:
            try:
                done.append((order, order.work(self.replica, self._clock())))
            except GanglionError as error:
                _log.debug("The mesh's state: %s.", error)
                _settle(order, error)
        news = self._journal.gather(self.replica) and not all(order.is_known for order, _ in done)
        if failure := await self._journal.commit(self.replica):
            self._untold = done
            for order, _ in done:
                _settle(order, failure)
            return
        if news:
            self._hellos.news(time.monotonic_ns())
        for order, outcome in done:
            self._gossip.answer(order.kid, outcome.answers)
            self._gossip.tell(outcome.tell)
            _settle(order, outcome)
            for change in outcome.changes:
                self._tell(change)

    def _tell(self, change: Change) -> None:
        for watcher in self.watchers:
            try:
                watcher(change)
            except Exception:  # of a part that looks on
                _log.exception("A watcher of the mesh's state failed at %r.", change.key)

    def _hello(self) -> None:
        gateway = self._member.gateway
        asking = self._hellos.spoken(gateway=None if self._member.is_gateway else gateway is not None)
        if asking is None:
            return
        bodies = [Hello(self.replica.root, asking).body()]
        if asking and gateway is not None:
            self._gossip.answer(gateway.kid, bodies)
        else:
            self._gossip.tell(bodies)


def _settle(order: _Order, result: Outcome | GanglionError) -> None:
    if order.done is None or order.done.done():
        return
    if isinstance(result, GanglionError):
        order.done.set_exception(result)
    else:
        order.done.set_result(result)
