# SPDX-License-Identifier: GPL-3.0-or-later
"""`[mesh]`: which mesh the node joins, by which ways it reaches others, and what it says to a group alone."""

import re
from dataclasses import dataclass

from ganglion.settings import duration_field
from ganglion_micro import gl1
from ganglion_micro.topic import is_filter


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshSection:
    """`[mesh]`. With neither key, a node that has no credential yet waits for an operator of the mesh that `id` names.

    Attributes:
        id: The mesh, 13 letters, as `ganglion devices pending` shows it.
        root: 26 letters of the mesh's root key, from there too, to be surer of it than by the id's 64 bits.
        links: Ways to others of the mesh beside the broker of `[mqtt]`: `lan` is UDP on every interface, `lan:eth0`
            on one, and the URL of another broker makes the node a bridge between the two.
        max_stale: How old the list of revoked keys may be for the node to obey commands.
        enrol_key: The text `gk1_…` that `ganglion enrol-key create` printed.
        enrol_key_file: A file that holds it, beside the configuration file unless absolute.
        confidential: A group of `ganglion group`, which alone reads what this node says; the gateway does too.
        confidential_topics: MQTT filters of the readings and events that are for the group alone; all where none is
            given. What the node tells of the runs of its scripts always is.
    """

    id: str | None = None
    root: str | None = None
    links: tuple[str, ...] = ("lan",)
    max_stale: int = duration_field("30d")
    enrol_key: str | None = None
    enrol_key_file: str | None = None
    confidential: str = ""
    confidential_topics: tuple[str, ...] = ("#",)

    def __post_init__(self) -> None:
        if self.confidential and not gl1.level(self.confidential):
            raise ValueError("confidential is the name of a group: 1 to 32 of a-z A-Z 0-9 _ -")
        if wrong := [topic for topic in self.confidential_topics if not is_filter(topic)]:
            raise ValueError(f"confidential_topics has {wrong[0]!r}, which is no filter of topics")
        if self.root is not None and not re.fullmatch("[a-z2-7]{26}", self.root):
            raise ValueError("root is 26 letters of base32, as `ganglion devices pending --json` shows it")
        if self.max_stale <= 0:
            raise ValueError("max_stale is a time, such as 30d")
