# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases, rollouts and jobs. Spans are nanoseconds, but for the `window` of a release, which is seconds."""

from typing import Any, Literal, NotRequired, TypedDict


class ReleaseFile(TypedDict):
    """A file of a release."""

    path: str
    size: int
    sha256: str


class Requires(TypedDict, total=False):
    """What a node must have; what is left out may be anything."""

    board: list[str]
    agent: str
    capabilities: list[str]


class Agent(TypedDict):
    """A wheel of Ganglion in a release: what it is for, bytes, and what has to be installed beside it."""

    name: str
    version: str
    tags: list[str]
    size: int
    sha256: str
    unpacked: int
    needs: list[str]


class Release(TypedDict):
    """A release."""

    id: str
    name: str
    created: int
    by: str
    size: int
    window: int
    requires: Requires
    files: list[ReleaseFile]
    agent: list[Agent]


class ListedRelease(Release):
    """One of a list, with how many nodes are to run it."""

    nodes: int


class Signed(TypedDict):
    """Who has signed a release, and when; `why` says why the authority does not stand to it now."""

    algorithm: str
    key: str
    signature: str
    at: int
    holds: bool
    why: str


class SignedRelease(Release):
    """One with its signature."""

    signed: Signed


class HoldingNode(TypedDict):
    """A node that is to run a release since `at`, and what it has said of it; `reported` is null before any word."""

    node: str
    name: str
    online: bool
    at: int
    by: str
    state: str
    why: str
    reported: int | None


class ReleaseNodes(TypedDict):
    """A page of the nodes that are to run a release: how many there are, and how many have said what."""

    release: str
    desired: int
    reported: dict[str, int]
    nodes: list[HoldingNode]
    next: str | None


class Releases(TypedDict):
    """A page of releases, the newest first."""

    releases: list[ListedRelease]
    next: str | None


class SentFile(TypedDict):
    """A file that was sent; `new`: it was not there."""

    sha256: str
    size: int
    new: bool


class ReleaseName(TypedDict):
    """One of two releases."""

    id: str
    name: str


class ChangedFile(TypedDict):
    """A file that is otherwise; `unified` is null where it is no text, or too long."""

    path: str
    change: Literal["added", "removed", "changed"]
    unified: str | None


class Difference(TypedDict):
    """What a release has that another has not; pairs of before and after, where they are not the same."""

    before: ReleaseName
    after: ReleaseName
    files: list[ChangedFile]
    requires: NotRequired[list[Requires]]
    window: NotRequired[list[int]]
    agent: NotRequired[list[list[str]]]


class StageTerms(TypedDict):
    """A stage, as it was asked for."""

    percent: float
    soak: int


class Bound(TypedDict):
    """What a sensor must read."""

    sensor: str
    order: str
    value: float
    lasting: int


class Terms(TypedDict):
    """The terms of a rollout."""

    stages: list[StageTerms]
    quorum: int
    tolerate_stage: str
    tolerate: str
    patience: int
    at_once: int
    crashes: int
    alerts: int | None
    bounds: list[Bound]
    send_back: bool


class PlannedNode(TypedDict):
    """A node that a rollout would come to."""

    node: str
    name: str
    online: bool
    sleeps: bool


class PlannedStage(StageTerms):
    """A stage with its nodes."""

    number: int
    size: int
    nodes: list[PlannedNode]


class BusyNode(TypedDict):
    """A node that another rollout has."""

    node: str
    name: str
    rollout: str


class SkippedNode(TypedDict):
    """A node that the release is not for."""

    node: str
    name: str
    why: str


class ChangedVersion(TypedDict):
    """A node that would run another version of Ganglion; `older` is true where that is a lower one."""

    node: str
    name: str
    before: str
    after: str
    older: bool


class Plan(TypedDict):
    """What a rollout would do; lists of ids, and words of the selector that no node has."""

    id: str
    release: str
    name: str
    selector: str
    terms: Terms
    nodes: int
    stages: list[PlannedStage]
    asleep: list[str]
    away: list[str]
    versions: list[ChangedVersion]
    already: list[str]
    space_unknown: list[str]
    busy: list[BusyNode]
    skipped: list[SkippedNode]
    unknown: list[str]


class Stage(StageTerms):
    """A stage as it is, and how many of its nodes are how far."""

    number: int
    size: int
    state: str
    began: int | None
    held: int | None
    passed: int | None
    nodes: dict[str, int]


class Rollout(TypedDict):
    """A rollout, in numbers."""

    id: str
    release: str
    name: str
    selector: str
    state: str
    why: str
    by: str
    created: int
    terms: Terms
    ended: int | None
    stage: int
    stages: list[Stage]
    nodes: dict[str, int]


class Rollouts(TypedDict):
    """A page of rollouts, the newest first."""

    rollouts: list[Rollout]
    next: str | None


class RolloutNode(TypedDict):
    """A node of a rollout; `stage` is null of one that is skipped."""

    node: str
    name: str
    state: str
    why: str
    before: str | None
    crashes: int
    alerts: int
    assigned: int | None
    changed: int | None
    stage: int | None
    sent_back: bool
    sleeps: bool


class RolloutNodes(TypedDict):
    """A page of them."""

    nodes: list[RolloutNode]
    next: str | None


class Note(TypedDict):
    """What happened in a rollout."""

    at: int
    what: str
    detail: str


class Notes(TypedDict):
    """A page of them, the first first."""

    notes: list[Note]
    next: str | None


class Report(Rollout):
    """A rollout, who had trouble, and what happened."""

    troubled: list[RolloutNode]
    notes: list[Note]


class Job(TypedDict):
    """A command to many nodes: `names` are those of its parameters, `nodes` how many are in which state."""

    id: str
    method: str
    selector: str
    names: list[str]
    actor: str
    created: int
    deadline: int
    retries: int
    state: str
    ended: int | None
    concurrency: int
    nodes: dict[str, int]


class Jobs(TypedDict):
    """A page of jobs, the newest first."""

    jobs: list[Job]
    next: str | None


class JobNode(TypedDict):
    """What became of a job at a node."""

    node: str
    name: str
    state: str
    attempts: int
    error: str
    began: int | None
    ended: int | None
    result: Any


class JobNodes(TypedDict):
    """A page of that."""

    nodes: list[JobNode]
    next: str | None
