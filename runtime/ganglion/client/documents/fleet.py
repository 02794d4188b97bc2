# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes: what is known of each, what it has read and said, and how it is."""

from typing import Any, TypedDict

Document = dict[str, Any]


class Latest(TypedDict):
    """The newest reading of a sensor."""

    value: Any
    unit: str
    timestamp: int


class Leaf(TypedDict):
    """A leaf of a node, as its node says."""

    id: str
    name: str
    vouched_by: str
    parent: str
    online: bool
    last_seen: int
    revoked: int | None
    board: str
    sw: str
    methods: list[str]
    actuators: Document
    sensors: dict[str, Latest]
    vitals: Document


class Node(TypedDict):
    """A node. Vitals and `caps` are as the node says them."""

    id: str
    name: str
    board: str
    sw: str
    tags: list[str]
    tags_added: list[str]
    tags_removed: list[str]
    online: bool
    health: str
    vitals: Document
    vitals_at: int | None
    first_seen: int
    last_seen: int
    died: int | None
    epoch: int
    clock: str
    credential_expires: int
    revoked: int | None
    former: list[str]
    caps: Document
    sensors: dict[str, Latest]
    leaves: list[Leaf]


class Desired(TypedDict):
    """What a node is to run: null for its own configuration."""

    release: str | None
    at: int
    by: str


class Reported(TypedDict):
    """What a node has said of a release."""

    release: str | None
    state: str
    why: str
    at: int


class Standing(TypedDict):
    """What a node is to run and what it has said of it; nulls before any word."""

    desired: Desired | None
    reported: Reported | None


class OneNode(Node):
    """A node with its release, as `GET /nodes` has it."""

    release: Standing


class Running(TypedDict):
    """By which Ganglion a node runs: `wheel` is the SHA-256 of the one that a release has brought, null of none."""

    version: str
    installed: str
    wheel: str | None


class NodeRelease(Standing):
    """The same of a node by its id and name, with the Ganglion that it runs by."""

    node: str
    name: str
    runs: Running


class Nodes(TypedDict):
    """A page of nodes."""

    nodes: list[OneNode]
    next: str | None


class Member(TypedDict):
    """Who may be on the broker."""

    id: str
    name: str
    former: list[str]
    next: list[str]


class Members(TypedDict):
    """A page of members, and whose they are."""

    mesh: str
    members: list[Member]
    next: str | None


class FleetHealth(TypedDict):
    """How many nodes there are, how many of them are online, and how many are how."""

    nodes: int
    online: int
    health: dict[str, int]


class History(TypedDict):
    """What a sensor read, by spans of `step` nanoseconds: when each begins, least, mean, greatest, and how many."""

    node: str
    sensor: str
    unit: str
    step: int
    spans: list[list[int | float]]


class Readings(TypedDict):
    """What a sensor read: pairs of time and value, the oldest first."""

    node: str
    sensor: str
    unit: str
    readings: list[list[Any]]
    next: str | None


class Answer(TypedDict):
    """What a node has answered."""

    ok: bool
    result: Any


class Revoked(TypedDict):
    """A node that is believed no more."""

    id: str
    name: str
    revoked: int
    version: int


class Finding(TypedDict):
    """One thing about a node, with what to do about it."""

    level: str
    code: str
    text: str
    remedy: str


class Why(TypedDict):
    """Why a node is as it is, the worst first."""

    id: str
    name: str
    health: str
    summary: str
    findings: list[Finding]


class Crash(TypedDict):
    """How a run of a node ended, or of its leaf, that crashed."""

    id: str
    leaf: str
    kind: str
    at: int
    text: str
    event: str
    node: str
    name: str


class WholeCrash(Crash):
    """One with all that was told of it."""

    received: int
    record: Document


class Crashes(TypedDict):
    """A page of them, the newest first."""

    crashes: list[Crash]
    next: str | None


class LogLine(TypedDict):
    """A warning or an error of a node; `lost` lines before it the node has left out."""

    at: int
    node: str
    name: str
    leaf: str
    level: str
    logger: str
    text: str
    lost: int


class LogLines(TypedDict):
    """A page of them, the newest first."""

    records: list[LogLine]
    next: str | None


class Run(TypedDict):
    """A run of a script that somebody has caused."""

    script: str
    protocol: str
    run: str
    status: str
    error: str
    said: list[str]


class Runs(TypedDict):
    """What came of a webhook at a node; `ignored` triggers wanted it and could not run."""

    runs: list[Run]
    ignored: int


class Sealed(TypedDict):
    """A version of firmware that is signed."""

    sha256: str
    seal: str


class Taught(TypedDict):
    """Which intent a text has from now on."""

    text: str
    intent: str


class Live(TypedDict):
    """Whether the gateway runs: `ok`, or `starting` with the status 503."""

    status: str


class Ready(Live):
    """Whether it can do its work: `ok`, or `degraded` without a broker or who leads."""

    checks: dict[str, str]
