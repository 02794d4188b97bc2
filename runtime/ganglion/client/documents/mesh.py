# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh: who reaches whom, what all members share, and what holds for all of them."""

from typing import Any, NotRequired, TypedDict

Document = dict[str, Any]


class GroupNode(TypedDict):
    """A node of a group, by name and id."""

    id: str
    name: str


class GroupMember(GroupNode):
    """A member of a group: whether it has the newest key, and whether it can be given any."""

    has_key: bool
    can_have: bool


class Group(TypedDict):
    """A group of confidential topics."""

    name: str
    nodes: list[GroupNode]
    tags: list[str]
    number: int | None
    made: int | None
    members: list[GroupMember]


class Groups(TypedDict):
    """A page of groups."""

    groups: list[Group]
    next: str | None


class Called(TypedDict):
    """A member, by id and name."""

    id: str
    name: str


class Own(Called):
    """The member that says it."""

    role: str
    epoch: int
    broker: bool


class Neighbour(TypedDict):
    """How a link to a neighbour is: `cost` is null where it is down, `rtt` and `silence` are nanoseconds."""

    link: str
    address: str
    up: bool
    cost: int | None
    rx: float
    tx: float
    rtt: int | None
    silence: int


class Way(Called):
    """How a member is reached now."""

    over: str
    link: str
    next: Called | None
    metric: int | None


class MeshPeer(Way):
    """A member, and how it is reached."""

    role: str
    epoch: int | None
    born: int | None
    neighbour: list[Neighbour]


class Peers(TypedDict):
    """The members, the nearest first."""

    member: Own
    peers: list[MeshPeer]
    left_out: int


class Routes(TypedDict):
    """The next hops of the gateway."""

    member: Own
    routes: list[Way]
    left_out: int


class GraphMember(Called):
    """A member of the graph; null is what nobody could be asked."""

    role: str
    online: bool | None
    broker: bool | None


class Side(TypedDict):
    """What one end says of a link."""

    link: str
    cost: int


class Link(TypedDict):
    """Two neighbours, and what each says; null where it could not be asked."""

    ends: list[str]
    there: list[Side] | None
    back: list[Side] | None


class Silent(Called):
    """A member that gave no answer."""

    why: str


class Graph(TypedDict):
    """Members and links."""

    members: list[GraphMember]
    links: list[Link]
    silent: list[Silent]


class Ping(TypedDict):
    """How long answers took, in nanoseconds; null is none."""

    to: Called
    rounds: list[int | None]
    sent: int
    received: int
    loss: float
    min: int | None
    avg: int | None
    max: int | None


class Party(Called):
    """A member as the policy sees it; `policy` is the version that it has."""

    roles: list[str]
    tags: list[str]
    policy: int | None


class Policy(TypedDict):
    """Who may do what; `issued` is null where no operator has said anything yet."""

    version: int
    rules: list[Document]
    issued: int | None


class Limits(TypedDict):
    """What actuators are limited to; `issued` as of `Policy`."""

    version: int
    limit: list[Document]
    issued: int | None


class Item(TypedDict):
    """What is at a key that all share: a value and who wrote it when, a set's members, or both."""

    key: str
    value: NotRequired[Any]
    by: NotRequired[str]
    name: NotRequired[str]
    at: NotRequired[int]
    members: NotRequired[list[Any]]


class Items(TypedDict):
    """Some of them; `next` is the `after` of the following, and null on the last."""

    items: list[Item]
    next: str | None
