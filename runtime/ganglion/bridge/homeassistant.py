# SPDX-License-Identifier: GPL-3.0-or-later
"""The discovery of Home Assistant's MQTT integration, read: what ESPHome and others announce there.

Both forms are read, a message a component and a message a device. After the section "MQTT Discovery" of its
documentation; templates that do more than pick a value are not followed, and such a channel is left out.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ganglion.bridge.announced import expanded
from ganglion.bridge.device import MAX_CHANNELS, MAX_DEVICES, Channel, Device, Kind, Publication, Reading
from ganglion.bridge.payload import document, label, mapping, name_of, number, plain
from ganglion.bridge.template import pick, steps
from ganglion.bridge.units import ucum

_SLUG = re.compile(r"[^a-z0-9]+")
_KINDS = {
    "sensor": None,
    "binary_sensor": Kind.BOOL,
    "switch": Kind.BOOL,
    "light": Kind.BOOL,
    "fan": Kind.BOOL,
    "number": Kind.NUMBER,
    "select": Kind.TEXT,
    "text": Kind.TEXT,
}
#: Who announces what is read elsewhere, or is our own.
_OTHERS = {"zigbee2mqtt", "ganglion"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entity:
    """A component: where its state is and where commands go."""

    device: str
    channel: Channel
    state: str
    way: tuple[str | int, ...]
    command: str
    is_json: bool  # a light whose commands are JSON


class HomeAssistant:
    """What is announced below a prefix.

    Args:
        prefix: Of the discovery topics.
    """

    def __init__(self, prefix: str = "homeassistant") -> None:
        self.devices: dict[str, Device] = {}
        self._prefix = prefix
        self._entities: dict[str, list[_Entity]] = {}  # by the topic that announced them
        self._states: dict[str, list[_Entity]] = {}
        self._presence: dict[str, dict[str, tuple[str, str]]] = {}  # topic -> device -> there, gone
        self._owners: dict[str, str] = {}  # id -> what its maker identifies it by

    @property
    def filters(self) -> list[str]:
        found = [f"{self._prefix}/+/+/config", f"{self._prefix}/+/+/+/config"]
        return [*found, *self._states, *self._presence]

    def take(self, topic: str, payload: bytes) -> list[Reading]:
        if topic.startswith(f"{self._prefix}/") and topic.endswith("/config"):
            self._forget(topic)
            if payload:
                self._announce(topic, mapping(document(payload)))
            return []
        if payload and (presence := self._presence.get(topic)) is not None:
            said = plain(payload)
            for id, (there, gone) in presence.items():
                if isinstance(said, str) and id in self.devices:
                    self.devices[id].available = {there: True, gone: False}.get(said)
        if not payload or (entities := self._states.get(topic)) is None:
            return []
        said = plain(payload)
        values = [(entity, entity.channel.read(pick(said, entity.way))) for entity in entities]
        return [
            Reading(entity.device, entity.channel.name, value, entity.channel.unit)
            for entity, value in values
            if value is not None
        ]

    def set(self, device: Device, channel: Channel, value: Any) -> Publication:
        wanted = channel.wanted(value)
        entity = next(
            each
            for entities in self._entities.values()
            for each in entities
            if each.device == device.id and each.channel is channel
        )
        text = wanted if isinstance(wanted, str) else json.dumps(wanted)
        return Publication(entity.command, (json.dumps({"state": text}) if entity.is_json else text).encode())

    def _announce(self, topic: str, config: Mapping[str, Any]) -> None:
        levels = topic[len(self._prefix) + 1 :].split("/")
        if len(levels) not in (3, 4):
            return
        for key, component, about in _components(levels, expanded(config)):
            if label(_map(about.get("origin")).get("name")).lower() in _OTHERS:
                return
            device = self._device(_map(about.get("device")), about, levels[-2])
            if device is not None:
                self._add(topic, device, key, component, about)
                self._drop_if_bare(device)

    def _add(self, topic: str, device: Device, key: str, component: str, about: Mapping[str, Any]) -> None:
        state, command = (name_of(about.get(each)) or "" for each in ("state_topic", "command_topic"))
        template = about.get("value_template", "")
        is_json = component == "light" and about.get("schema") == "json"
        way = ("state",) if is_json else steps(template) if template and isinstance(template, str) else ()
        if component not in _KINDS or not (state or command) or way is None or len(device.channels) >= MAX_CHANNELS:
            return
        name = _SLUG.sub("_", (label(about.get("name")) or key).lower()).strip("_") or key
        name = f"{name}_{_SLUG.sub('_', key.lower())}" if name in device.channels else name
        if name_of(name) is None or name in device.channels:
            return
        channel = _channel(name, component, about, is_settable=bool(command))
        entity = _Entity(device=device.id, channel=channel, state=state, way=way, command=command, is_json=is_json)
        device.channels[name] = channel
        self._entities.setdefault(topic, []).append(entity)
        if state:
            self._states.setdefault(state, []).append(entity)

    def _device(self, said: Mapping[str, Any], about: Mapping[str, Any], object_id: str) -> Device | None:
        identifiers = said.get("identifiers") or said.get("connections") or object_id
        owner = json.dumps(identifiers)
        name = label(said.get("name")) or object_id
        slug = _SLUG.sub("_", name.lower()).strip("_") or "device"
        id = f"homeassistant/{slug}"
        if self._owners.get(id, owner) != owner:  # two devices of one name
            id = f"{id}_{_SLUG.sub('_', owner.lower()).strip('_')}"[:100]
        device = self.devices.get(id)
        if device is None:
            if len(self.devices) >= MAX_DEVICES or self._owners.get(id, owner) != owner:
                return None
            model = f"{label(said.get('manufacturer'))} {label(said.get('model'))}".strip()
            device = self.devices[id] = Device(id=id, name=name, model=model)
            self._owners[id] = owner
        for each in _availability(about):
            if topic := name_of(each.get("topic")):
                there = label(each.get("payload_available")) or "online"
                gone = label(each.get("payload_not_available")) or "offline"
                self._presence.setdefault(topic, {})[id] = (there, gone)
        return device

    def _forget(self, topic: str) -> None:
        """What a topic announced is announced anew, or gone."""
        for entity in self._entities.pop(topic, ()):
            device = self.devices[entity.device]
            device.channels.pop(entity.channel.name, None)
            if entity.state:
                left = [each for each in self._states[entity.state] if each is not entity]
                self._states[entity.state] = left
                if not left:
                    del self._states[entity.state]
            self._drop_if_bare(device)

    def _drop_if_bare(self, device: Device) -> None:
        """A device without a channel is none."""
        if not device.channels:
            del self.devices[device.id]
            del self._owners[device.id]
            for there in self._presence.values():
                there.pop(device.id, None)
            self._presence = {topic: of for topic, of in self._presence.items() if of}


def _components(levels: list[str], config: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Key, kind and settings of each component, with what it has in common with the others of its device."""
    if levels[0] != "device":
        yield levels[-2], levels[0], config
        return
    common = {key: value for key, value in config.items() if key != "components"}
    for key, own in list(_map(config.get("components")).items())[:MAX_CHANNELS]:
        if isinstance(own, dict) and isinstance(own.get("platform"), str) and len(own) > 1:
            yield key, own["platform"], {**common, **own}


def _channel(name: str, component: str, about: Mapping[str, Any], *, is_settable: bool) -> Channel:
    unit = label(about.get("unit_of_measurement"))
    kind = _KINDS[component]
    if kind is None:  # a sensor: numbers have a unit or a class of states
        kind = Kind.NUMBER if unit or about.get("state_class") else Kind.TEXT
    listed = about.get("options")
    options = tuple(each for each in listed if isinstance(each, str)) if isinstance(listed, list) else ()
    on, off = about.get("payload_on", "ON"), about.get("payload_off", "OFF")
    is_number = component == "number"
    return Channel(
        name=name,
        kind=kind,
        unit=ucum(unit) if kind is Kind.NUMBER else "",
        settable=is_settable,
        low=number(about.get("min", 1 if is_number else None)),
        high=number(about.get("max", 100 if is_number else None)),
        values=options[:MAX_CHANNELS],
        on=on if isinstance(on, str) else "ON",
        off=off if isinstance(off, str) else "OFF",
    )


def _availability(about: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = about.get("availability")
    found = listed if isinstance(listed, list) else [listed] if isinstance(listed, dict) else []
    if "availability_topic" in about:
        found = [{**about, "topic": about["availability_topic"]}]
    return [each for each in found if isinstance(each, dict)]


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
