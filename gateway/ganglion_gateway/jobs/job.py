# SPDX-License-Identifier: GPL-3.0-or-later
"""One job and where it stands at each of its nodes: what is decided of it, without I/O."""

import json
import random
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ganglion.errors import GanglionError, UnreachableError
from ganglion.mesh.calls import NotBegunError, Ticket, UnansweredError
from ganglion.mesh.reading import READING
from ganglion.units import SECOND

#: Pauses before another attempt: the first, doubled each time, and the longest; random, so that not all come at once.
_PAUSE, _LONGEST = 2 * SECOND, 60 * SECOND


class State(StrEnum):
    """WAITING: for the node, its turn or another attempt. RUNNING: it was sent. The others are how it ended.

    UNKNOWN: it was sent, and nobody can say whether it was done. EXPIRED: its time is over, and it was not done.
    """

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


ENDED = frozenset({State.DONE, State.FAILED, State.UNKNOWN, State.EXPIRED, State.CANCELLED})


@dataclass(slots=True, kw_only=True)
class Target:
    """A job at one node. The fields are the columns of `job_targets`.

    Attributes:
        due: Not before this time is it tried again.
        version: Counts what has changed, for who watches.
        resumed: It was sent before the gateway started.
    """

    job: str
    node: str
    name: str
    state: State = State.WAITING
    attempts: int = 0
    call: str = ""
    gateway: str = ""
    nonce: bytes = b""
    until: int = 0
    result: str | None = None
    error: str = ""
    began: int | None = None
    ended: int | None = None
    due: int = 0
    version: int = 0
    resumed: bool = False

    def row(self) -> dict[str, Any]:
        """For the table."""
        return {
            "job": self.job,
            "node": self.node,
            "name": self.name,
            "state": self.state.value,
            "attempts": self.attempts,
            "call": self.call,
            "gateway": self.gateway,
            "nonce": self.nonce,
            "until": self.until,
            "result": self.result,
            "error": self.error,
            "began": self.began,
            "ended": self.ended,
        }

    @property
    def ticket(self) -> Ticket:
        """What the request is known by."""
        return Ticket(self.call, self.nonce, self.until, self.resumed)


@dataclass(slots=True, kw_only=True)
class Job:
    """One job.

    Attributes:
        params: Of the method.
        timeout: Nanoseconds that a node has for one attempt.
        retries: Attempts after one that has failed.
        wide: Nodes at the same time.
        targets: By node id.
        open: Those of them that have not ended.
        version: Counts changes.
    """

    id: str
    method: str
    params: dict[str, Any]
    deadline: int
    timeout: int
    retries: int
    wide: int
    targets: dict[str, Target] = field(default_factory=dict)
    open: dict[str, Target] = field(default_factory=dict)
    cancelled: bool = False
    version: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it has ended at every node."""
        return not self.open

    def add(self, target: Target) -> None:
        """One of its nodes."""
        self.targets[target.node] = target
        if target.state not in ENDED:
            self.open[target.node] = target

    def _changed(self, target: Target) -> None:
        self.version += 1
        target.version = self.version

    def send(self, target: Target, gateway: str, nonce: bytes, now: int) -> None:
        """An attempt begins, which is to be written down before it is sent; one that is resumed goes on.

        Args:
            gateway: Who sends it: a node tells requests apart by who makes them.
            nonce: Of the boot of the node.
        """
        if not target.resumed:
            target.call, target.gateway, target.nonce = secrets.token_hex(8), gateway, nonce
            target.until = min(now + self.timeout, self.deadline)
            target.attempts += 1
            target.began = now
        target.state = State.RUNNING
        self._changed(target)

    def answered(self, target: Target, result: Any, now: int) -> None:
        """The node did it."""
        target.result = json.dumps(result, ensure_ascii=False)
        self._end(target, State.DONE, "", now)

    def failed(self, target: Target, error: GanglionError, now: int) -> None:
        """The node did not do it, or nobody knows."""
        said = str(error)
        if isinstance(error, NotBegunError) and not target.resumed:
            target.attempts -= 1
            self._again(target, said, now)
        elif isinstance(error, UnansweredError) or (target.resumed and isinstance(error, UnreachableError)):
            # To ask again would be to have it done twice, perhaps; what only looks may be done as often as one likes
            if self.method in READING:
                self._again(target, said, now)
            else:
                self._end(target, State.UNKNOWN, said, now)
        elif _may_pass(error) and target.attempts <= self.retries:
            self._again(target, said, now)
        else:
            self._end(target, State.FAILED, said, now)

    def _again(self, target: Target, error: str, now: int) -> None:
        pause = min(_PAUSE << min(target.attempts, 8), _LONGEST)
        target.due = now + int(pause * random.uniform(0.5, 1.0))
        target.state, target.error, target.resumed, target.call = State.WAITING, error, False, ""
        self._changed(target)

    def expire(self, now: int) -> list[Target]:
        """Those whose time is over while they wait."""
        if now < self.deadline:
            return []
        late = [target for target in self.open.values() if target.state is State.WAITING]
        for target in late:
            why = f"; the last attempt: {target.error}" if target.error else ", and it was not sent"
            self._end(target, State.EXPIRED, f"its time is over{why}", now)
        return late

    def refuse(self, target: Target, why: str, now: int) -> None:
        """It cannot be sent to this node any more."""
        self._end(target, State.FAILED, why, now)

    def cancel(self, now: int) -> list[Target]:
        """Nobody wants it any more; returns those that had not begun. Who has is to be told."""
        self.cancelled = True
        waiting = [target for target in self.open.values() if target.state is State.WAITING]
        for target in waiting:
            self._end(target, State.CANCELLED, "it was cancelled before it was sent", now)
        return waiting

    def withdrawn(self, target: Target, now: int) -> None:
        """The node was told to end it, and what it had done by then is unknown."""
        self._end(target, State.CANCELLED, "it was cancelled while the node did it", now)

    def _end(self, target: Target, state: State, error: str, now: int) -> None:
        target.state, target.error, target.ended, target.resumed = state, error, now, False
        self.open.pop(target.node, None)
        self._changed(target)

    def reopen(self, target: Target) -> None:
        """What came of it could not be written down: the same request is made again."""
        target.state, target.resumed = State.RUNNING, True
        self.open[target.node] = target


def _may_pass(error: GanglionError) -> bool:
    """Whether another attempt could go better: nothing that the node refuses, does not know or finds wrong does."""
    return isinstance(error, UnreachableError) or type(error) is GanglionError
