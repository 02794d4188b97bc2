# SPDX-License-Identifier: GPL-3.0-or-later
"""What other nodes have published to this one or to a group of it: onto its bus, once each, on a topic that names the
sender.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ganglion.bus import Bus
from ganglion.errors import InvalidError, RefusedError
from ganglion.mesh.keyholder import EPISODE
from ganglion.mesh.member import Peer, Received
from ganglion_micro import gl1
from ganglion_micro.topic import is_name

#: Events whose second copy is known. The gateway has one under way at a time, so few would do.
_KNOWN = 256
#: Topics that one sender may make up: a bus forgets none.
MAX_TOPICS = 64


class Relayed:
    """Serves the method `bus.event`, which the gateway carries events to their node with, and hears groups.

    Args:
        bus: Where they go.
        now: Nanoseconds since the Unix epoch. It is when an event comes, as the clock of its sender is not ours.
    """

    def __init__(self, bus: Bus, now: Callable[[], int]) -> None:
        self._bus = bus
        self._now = now
        self._known: dict[str, None] = {}
        self._topics: dict[str, set[str]] = {}

    async def take(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """Emits on `from/NAME/TOPIC`, or `from/NODE-ID/TOPIC` where the sender's name cannot stand in a topic.

        Args:
            params: `id` of the event, `node` and `name` of its sender, `topic`, `value`.

        Raises:
            InvalidError: one is missing or is none.
            RefusedError: the sender has used too many topics.
        """
        identity, node, topic = (params.get(key) for key in ("id", "node", "topic"))
        if not (isinstance(identity, str) and isinstance(node, str) and gl1.is_node_id(node)):
            raise InvalidError("an event has an id and the node id of its sender", where="params")
        if not isinstance(topic, str) or not is_name(topic):
            raise InvalidError(f"{topic!r} is no topic of a bus", where="topic")
        if identity not in self._known:
            self._emit(node, params.get("name"), topic, params.get("value"))
            while len(self._known) >= _KNOWN:
                del self._known[next(iter(self._known))]
            self._known[identity] = None
        return {"id": identity}

    def hear(self, received: Received) -> None:
        """An event or a frame that another member has sealed for a group of this node. What has no topic is left."""
        peer, body = received.peer, received.body
        if received.kind == gl1.EVENT:
            said = [(body.get("topic"), body.get("value"))] if body.get("class") != EPISODE else []
        else:
            readings = body if isinstance(body, list) else []
            said = [(each[0], each[2]) for each in readings if isinstance(each, list) and len(each) == 3]
        for topic, value in said:
            if peer is not None and isinstance(topic, str) and is_name(topic):
                with suppress(RefusedError):
                    self._emit(received.node_id, peer.name, topic, value)

    def _emit(self, node: str, name: object, topic: str, value: object) -> None:
        topics = self._topics.setdefault(node, set())
        if topic not in topics and len(topics) >= MAX_TOPICS:
            raise RefusedError(f"{node} has spoken on {MAX_TOPICS} topics, and that is the limit")
        topics.add(topic)
        self._bus.emit(f"from/{_level(name, node)}/{topic}", value, timestamp=self._now(), source=f"node:{node}")


def _level(name: object, node: str) -> str:
    """The sender's name; its id where the name is no level of a topic, or looks like the id of another."""
    return name if isinstance(name, str) and gl1.level(name) and not gl1.is_node_id(name) else node
