# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout and its nodes, as they are kept: the fields are the columns of their tables, times are nanoseconds."""

from dataclasses import dataclass, field
from enum import StrEnum

from ganglion_gateway.rollout.contract import Reported
from ganglion_gateway.rollout.terms import Terms


class State(StrEnum):
    """How a rollout is."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    ABORTED = "aborted"

    @property
    def is_live(self) -> bool:
        """Whether it may still come to nodes."""
        return self in (State.RUNNING, State.PAUSED)


class Stood(StrEnum):
    """How a stage is. What has not passed when its rollout ends is kept as it was then; see `ended`."""

    PENDING = "pending"
    RUNNING = "running"
    SOAKING = "soaking"
    PASSED = "passed"
    ABORTED = "aborted"
    NOT_BEGUN = "not_begun"

    @property
    def ended(self) -> "Stood":
        """What it is in a rollout that has ended: there no stage goes on, and none is to come."""
        match self:
            case Stood.RUNNING | Stood.SOAKING:
                return Stood.ABORTED
            case Stood.PENDING:
                return Stood.NOT_BEGUN
        return self


class At(StrEnum):
    """How far a node is: before its turn, then what it reports, or out of it."""

    PENDING = "pending"
    WAITING = "waiting"
    DOWNLOADING = "downloading"
    STAGED = "staged"
    TRIAL = "trial"
    HEALTHY = "healthy"
    COMMITTED = "committed"
    REVERTED = "reverted"
    FAILED = "failed"
    BACK = "back"  # what it had before is there again
    SKIPPED = "skipped"  # it could not take the release from the start
    GONE = "gone"  # revoked, removed, or given something else


#: Those from which a node has begun, and is not done.
BEGUN = frozenset({At.DOWNLOADING, At.STAGED, At.TRIAL, At.HEALTHY})
ON_THE_WAY = BEGUN | {At.WAITING}
#: Those in which the release runs.
RUNS = frozenset({At.TRIAL, At.HEALTHY, At.COMMITTED})
BAD = frozenset({At.REVERTED, At.FAILED})
#: Those that make no part of a cohort.
OUT = frozenset({At.SKIPPED, At.GONE})

RANK = {At(state.value): rank for rank, state in enumerate(Reported)}


class Want(StrEnum):
    """What a node is to have, by this rollout."""

    NOTHING = ""  # nothing was said yet
    RELEASE = "release"
    BEFORE = "before"


@dataclass(slots=True, kw_only=True)
class Target:
    """A node of a rollout.

    Attributes:
        node: Its id when the rollout began.
        stage: Index of its stage; -1 where it was skipped.
        rank: Its place in the order of all.
        state: How far it is.
        why: Of a node that failed, went or was skipped.
        want: What it is to have.
        told: Whether the delivery knows that; what is not told yet is told again after a restart.
        before: The release that it was to run before; None for its own configuration.
        assigned: When its turn came; 0 before.
        changed: When its state last changed, or it last made progress.
        heard: `at` of the last report that counted.
        has: It has said, before its turn, that it has the release.
        sleeps: It says of itself that it sleeps most of the time.
        crashes, alerts: Counted from its trial on.
    """

    node: str
    stage: int
    rank: int
    state: At = At.PENDING
    why: str = ""
    want: Want = Want.NOTHING
    told: bool = True
    before: str | None = None
    assigned: int = 0
    changed: int = 0
    heard: int = 0
    has: bool = False
    sleeps: bool = False
    crashes: int = 0
    alerts: int = 0


@dataclass(slots=True, kw_only=True)
class StageRow:
    """A stage.

    Attributes:
        size: Nodes that it adds.
        began: When its nodes began to get the release; 0 before.
        held: Since when its quorum has committed; 0 where it has not.
        passed: When the next could begin.
    """

    number: int
    percent: float
    soak: int
    size: int
    state: Stood = Stood.PENDING
    began: int = 0
    held: int = 0
    passed: int = 0


@dataclass(slots=True, kw_only=True)
class Rollout:
    """A rollout.

    Attributes:
        release: What it brings, and `name` what people call that.
        selector: To whom, as it was written.
        by: Who began it.
        why: Why it is paused or aborted.
        stage: Index of the stage that it is in.
        ended: When it was completed or aborted; 0 before.
        version: Counts what was saved: who saves what another has changed meanwhile is refused.
        seen: Number of the last event of the fleet that was looked at.
    """

    id: str
    release: str
    name: str
    selector: str
    terms: Terms
    by: str
    created: int
    state: State = State.RUNNING
    why: str = ""
    stage: int = 0
    ended: int = 0
    version: int = 0
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Note:
    """What happened, for the report: when, what in one word, and to whom or why."""

    at: int
    what: str
    detail: str = ""


@dataclass(slots=True)
class Changes:
    """What is to be saved, in one transaction."""

    rollout: Rollout
    stages: list[StageRow] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
