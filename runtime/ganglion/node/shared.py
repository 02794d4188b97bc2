# SPDX-License-Identifier: GPL-3.0-or-later
"""What all members of the mesh share, as a node sees it: its methods `kv.*`, and its changes on the node's bus."""

import logging
from collections.abc import Callable
from typing import Any

from ganglion.bus import Bus
from ganglion.errors import InvalidError
from ganglion.mesh.client import MeshClient
from ganglion.mesh.kv import Kv, now_at
from ganglion.mesh.parameters import takes
from ganglion.mesh.state.effects import Change
from ganglion.node.seldom import Seldom
from ganglion.node.taps import Taps

_log = logging.getLogger(__name__)

#: Keys that have had an event. The bus remembers every topic, and others choose the keys.
MAX_KEYS = 1024
#: A key may have letters that a topic's name may not.
_NO_WILDCARDS = str.maketrans("+#\x00", "___")


class Shared:
    """Of one node.

    Args:
        mesh: Its membership; gets the methods here.
        taps: Let others watch its bus.
        now: Nanoseconds since the Unix epoch.
    """

    def __init__(self, mesh: MeshClient, bus: Bus, taps: Taps, now: Callable[[], int]) -> None:
        self._mesh = mesh
        self._bus = bus
        self._taps = taps
        self._now = now
        self._topics: set[str] = set()
        self._seldom = Seldom()
        kv = Kv(mesh.state, mesh.rights)
        serve = mesh.on_request
        serve("kv.get", kv.get, summary="what all share at a key (key)")
        serve("kv.list", kv.list, summary="what all share (prefix, after)")
        serve("kv.set", kv.set, summary="give a key (key) that all share a value (value)")
        serve("kv.delete", kv.delete, summary="remove what all share at a key (key)")
        serve("kv.add", kv.add, summary="put a member (member) into a set (key) that all share")
        serve("kv.remove", kv.remove, summary="take a member (member) out of a set (key) that all share")
        serve("kv.watch", self.watch, summary="changes of what all share (id, prefix, wait, end)")
        mesh.state.watchers.append(self._changed)

    @takes("id", "prefix", "wait", "end")
    async def watch(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """The events of keys that begin so: `Taps.watch`, with `prefix` in place of its filters.

        Raises:
            InvalidError: the prefix is no text; or see there.
        """
        prefix = params.get("prefix", "")
        if not isinstance(prefix, str):
            raise InvalidError(f"must be a text, not {prefix!r}", where="prefix")
        asked: dict[str, Any] = {name: value for name, value in params.items() if name in ("id", "wait", "end")}
        if prefix:
            asked["where"] = {"topic": {"$regex": f"^{literal(topic(prefix))}"}}
        return await self._taps.watch({**asked, "topic": "kv/#"}, peer)

    def _changed(self, change: Change) -> None:
        name = topic(change.key)
        if name not in self._topics:
            if len(self._topics) >= MAX_KEYS:
                if self._seldom.due("keys"):
                    said = "There were events of %d keys; %r has none, nor has any other new one."
                    _log.warning(said, MAX_KEYS, change.key)
                return
            self._topics.add(name)
        node, _ = self._mesh.state.author(change.kid)
        source = f"node:{node}" if node else ""
        try:
            self._bus.emit(name, now_at(self._mesh.state, change), timestamp=self._now(), source=source)
        except ValueError as error:
            if self._seldom.due("event"):
                _log.warning("A change of %r has no event: %s.", change.key, error)


def topic(key: str) -> str:
    """The topic of a key's events."""
    return f"kv/{key}".translate(_NO_WILDCARDS)


def literal(text: str) -> str:
    """A pattern that this text alone passes."""
    return "".join(f"\\{letter}" if letter in ".^$*+?{}[]\\|()" else letter for letter in text)
