# SPDX-License-Identifier: GPL-3.0-or-later
"""What Home Assistant is to be told of the fleet, and what its commands mean. No I/O: topics and payloads in and out.

One retained message a device (`homeassistant/device/<id>/config`), one topic a value, one for whether a node is there.
The broker is the memory: what is announced there for this mesh and is no node of the fleet any more is deleted.
After the section "MQTT Discovery" of Home Assistant's documentation.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ganglion_gateway.fleet import Latest, Node
from ganglion_gateway.homeassistant.components import Component, components
from ganglion_micro.topic import is_name

#: Where Home Assistant looks for devices, and says that it has started.
PREFIX = "homeassistant"
STATUS = f"{PREFIX}/status"
#: Bytes of a discovery message that is looked at for what it announced.
_LONGEST = 256 * 1024
#: Messages of one look, and their bytes, but for those of the last device; the rest is of the next one.
_MOST, _MOST_BYTES = 20_000, 16 * 1024 * 1024


class Retained(NamedTuple):
    """A message that the broker is to keep; an empty one deletes what it keeps."""

    topic: str
    payload: bytes


class Command(NamedTuple):
    """What somebody at Home Assistant wants: a node by its id, one of its actuators, and the value for it.

    Attributes:
        leaf: That has the actuator; "" for the node itself.
    """

    node: str
    actuator: str
    value: Any
    leaf: str = ""


class _Device(NamedTuple):
    node: Node
    identity: tuple[str, str, str, str]  # what of the node is in its announcement, besides its capabilities
    caps: dict[str, Any]
    hidden: frozenset[str]  # streams that are for a group alone
    config: bytes
    components: Mapping[str, Component]  # by their part of the topics


class FleetView:
    """The fleet of one mesh, as Home Assistant sees it.

    Args:
        mesh: Its id: several meshes may announce on one broker.
        version: Of the software.
        groups: Those whose confidential values may be said all the same.
    """

    def __init__(self, mesh: str, version: str, *, groups: Collection[str] = ()) -> None:
        self._groups = frozenset(groups)
        self._base = f"ganglion/{mesh}"
        self._mine = f"{PREFIX}/device/ganglion_{mesh}_"
        self._mesh = mesh
        self._version = version
        self._devices: dict[str, _Device] = {}
        self._looked: dict[str, int] = {}  # the count of changes up to which a device was told of
        self._kept: dict[str, bytes] = {}
        self._found: dict[str, list[str]] = {}  # announcements of before this start, with their other topics
        self._gone: list[str] = []

    @property
    def presence(self) -> str:
        """Where the gateway says `online`, and its will `offline`."""
        return f"{self._base}/availability"

    @property
    def filters(self) -> list[str]:
        """What must be heard: our own announcements that the broker keeps, commands, and Home Assistant's start."""
        commands = [f"{self._base}/+/actuator/{levels}/set" for levels in ("+", "leaf/+/+")]
        return [STATUS, f"{PREFIX}/device/+/config", *commands]

    def again(self) -> None:
        """Everything is to be said once more: Home Assistant or the broker has started anew."""
        self._kept.clear()
        self._looked.clear()

    def look(self, nodes: Iterable[Node]) -> list[Retained]:
        """What has changed since the last look, or the beginning of that: who looks again is told the rest."""
        said = [Retained(self.presence, b"online")]
        there, size = set(), 0
        for node in nodes:
            id = node.ids[min(1, len(node.former))]  # the first that it had: another key is no other device
            if node.revoked is not None:
                continue
            known = self._devices.get(id)
            is_told = known is not None and known.node is node and self._looked.get(id) == node.changed
            if is_told or (known is not None and self._is_full(said, size)):
                there.add(id)
            elif self._device(id, node).components:
                there.add(id)
                if not self._is_full(said, size):
                    self._looked[id] = node.changed
                    now = list(self._state(id, self._devices[id]))
                    size += sum(len(each.payload) for each in now)
                    said += now
        for id in self._devices.keys() - there:
            self._remove(id)
        for config, topics in self._found.items():
            id = config[len(self._mine) : -len("/config")]
            if id not in there:
                self._gone += [config, *topics]
            else:
                own = {f"{self._base}/{id}/{topic}" for topic in ("availability", *self._devices[id].components)}
                self._gone += [topic for topic in topics if topic not in own]
        self._found.clear()
        changed = [each for each in said if self._kept.get(each.topic) != each.payload]
        self._kept |= dict(changed)
        gone, self._gone = [topic for topic in self._gone if topic not in self._kept], []
        return [Retained(topic, b"") for topic in gone] + changed

    @staticmethod
    def _is_full(said: list[Retained], size: int) -> bool:
        return len(said) >= _MOST or size >= _MOST_BYTES

    def take(self, topic: str, payload: bytes, *, retained: bool) -> Command | None:
        """A message; the command in it, if there is one.

        Raises:
            ValueError: it is a command that makes no sense; the message says why.
        """
        if topic == STATUS:
            if payload == b"online" and not retained:
                self.again()
            return None
        if topic.startswith(f"{PREFIX}/"):
            if retained:
                self._note(topic, payload)
            return None
        return self._command(topic, payload, retained=retained)

    def correct(self, command: Command) -> None:
        """The state of what was commanded is to be said again: who switched it sees what it has come to."""
        for id, device in self._devices.items():
            for topic, component in device.components.items():
                meant = component.actuator, component.leaf
                if device.node.id == command.node and meant == (command.actuator, command.leaf):
                    self._kept.pop(f"{self._base}/{id}/{topic}", None)
                    self._looked.pop(id, None)

    def _command(self, topic: str, payload: bytes, *, retained: bool) -> Command:
        id, _, rest = topic.removeprefix(f"{self._base}/").partition("/")
        device = self._devices.get(id)
        component = device.components.get(rest.removesuffix("/set")) if device is not None else None
        if device is None or component is None or not component.actuator:
            raise ValueError("no actuator that may be commanded")
        if retained:
            raise ValueError("a command that the broker had kept: send it without retain")
        try:
            value = component.wanted(payload.decode())
        except (ValueError, OverflowError):
            raise ValueError(f"{payload[:40]!r} is no value of it") from None
        return Command(device.node.id, component.actuator, value, component.leaf)

    def _note(self, topic: str, payload: bytes) -> None:
        """What the broker keeps of this mesh, from before this gateway started."""
        if not payload or not topic.startswith(self._mine):
            return
        states = []
        try:
            config = json.loads(payload) if len(payload) <= _LONGEST else {}
            listed = [each.get("stat_t") for each in config.get("cmps", {}).values()]
            states = [each for each in listed if isinstance(each, str) and self._is_own(each)]
        except (ValueError, AttributeError, RecursionError):
            pass  # it goes with its own topic alone
        id = topic[len(self._mine) : -len("/config")]
        self._found[topic] = [*states, f"{self._base}/{id}/availability"]

    def _is_own(self, topic: str) -> bool:
        return topic.startswith(f"{self._base}/") and is_name(topic)

    def _device(self, id: str, node: Node) -> _Device:
        identity = node.id, node.name, node.board, node.sw
        hidden = frozenset(stream for stream, latest in node.sensors.items() if not self._may_say(latest, unknown=True))
        known = self._devices.get(id)
        is_same = known is not None and known.node is node and known.caps is node.caps
        if known is None or not is_same or known.identity != identity or known.hidden != hidden:
            parts = {each.topic: each for each in components(node) if each.stream not in hidden}
            before = known.components if known is not None else {}
            config = self._config(id, node, parts, before)
            self._gone += [f"{self._base}/{id}/{topic}" for topic in before.keys() - parts.keys()]
            for topic in before.keys() - parts.keys():
                self._kept.pop(f"{self._base}/{id}/{topic}", None)
            self._devices[id] = known = _Device(node, identity, node.caps, hidden, config, parts)
        return known

    def _may_say(self, latest: Latest, *, unknown: bool) -> bool:
        """Whether a value may leave the mesh; where nobody knows whether it is confidential, it is `unknown`."""
        return unknown if latest.confidential is None else latest.confidential in ("", *self._groups)

    def _state(self, id: str, device: _Device) -> Iterator[Retained]:
        """All that is to be said of a device as it is now."""
        base = f"{self._base}/{id}"
        yield Retained(self._topic(id), device.config)
        yield Retained(f"{base}/availability", b"online" if device.node.online else b"offline")
        for topic, component in device.components.items():
            latest = device.node.sensors.get(component.stream)
            if latest is None or not self._may_say(latest, unknown=False):
                continue
            if (state := component.state(latest.value)) is not None:
                yield Retained(f"{base}/{topic}", state.encode("utf-8", "replace"))

    def _remove(self, id: str) -> None:
        device = self._devices.pop(id)
        self._looked.pop(id, None)
        base = f"{self._base}/{id}"
        topics = [self._topic(id), f"{base}/availability", *(f"{base}/{topic}" for topic in device.components)]
        self._gone += [topic for topic in topics if self._kept.pop(topic, None) is not None]

    def _topic(self, id: str) -> str:
        return f"{self._mine}{id}/config"

    def _config(self, id: str, node: Node, parts: Mapping[str, Component], before: Mapping[str, Component]) -> bytes:
        """The discovery message. A component that it had before, of its platform alone, is removed by it."""
        base = f"{self._base}/{id}"
        cmps: dict[str, Any] = {part.key: {"p": part.config["p"]} for part in before.values()}
        for topic, part in parts.items():
            unique = f"ganglion_{self._mesh}_{id}_{part.key}"
            command = {"cmd_t": f"{base}/{topic}/set"} if part.actuator else {}
            cmps[part.key] = {**part.config, "uniq_id": unique, "stat_t": f"{base}/{topic}", **command}
        document = {
            "dev": {
                "ids": [f"ganglion_{self._mesh}_{id}"],
                "name": node.name or id,
                "mf": "Ganglion",
                "mdl": node.board or "node",
                "sw": node.sw,
                "sn": node.id,
            },
            "o": {"name": "Ganglion", "sw": self._version},
            "avty": [{"t": self.presence}, {"t": f"{base}/availability"}],
            "avty_mode": "all",
            "cmps": cmps,
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
