# SPDX-License-Identifier: GPL-3.0-or-later
"""The topics of Zigbee2MQTT: its list of devices with what each exposes, their states, whether they are there, `/set`.

After the pages "MQTT topics and messages" and "Exposes" of its documentation.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ganglion.bridge.device import MAX_CHANNELS, MAX_DEVICES, Channel, Device, Kind, Publication, Reading
from ganglion.bridge.payload import document, label, mapping, name_of, number, plain
from ganglion.bridge.units import ucum

#: The bit of `access` that says that a property can be set.
_SET = 2
#: Lists of features inside one another.
_DEPTH = 4
_KINDS = {"binary": Kind.BOOL, "numeric": Kind.NUMBER, "enum": Kind.TEXT, "text": Kind.TEXT}


class Zigbee2Mqtt:
    """One Zigbee2MQTT.

    Args:
        base: Its base topic.
    """

    def __init__(self, base: str = "zigbee2mqtt") -> None:
        self.devices: dict[str, Device] = {}
        self._base = base
        self._listed = False

    @property
    def filters(self) -> list[str]:
        """The list of devices first: the states that the broker has kept come when it is known what they mean."""
        return [f"{self._base}/#"] if self._listed else [f"{self._base}/bridge/devices"]

    def take(self, topic: str, payload: bytes) -> list[Reading]:
        if not payload or not topic.startswith(f"{self._base}/"):
            return []
        rest = topic[len(self._base) + 1 :]
        if rest == "bridge/devices":
            self._list(document(payload))
            return []
        if (device := self.devices.get(topic)) is not None:
            return _readings(device, mapping(document(payload)))
        of, _, last = topic.rpartition("/")
        if last == "availability" and (device := self.devices.get(of)) is not None:
            device.available = _is_online(plain(payload))
        return []

    def set(self, device: Device, channel: Channel, value: Any) -> Publication:
        return Publication(f"{device.id}/set", json.dumps({channel.name: channel.wanted(value)}).encode())

    def _list(self, listed: Any) -> None:
        if not isinstance(listed, list):
            raise ValueError("no list of devices")
        self._listed = True
        found: dict[str, Device] = {}
        for each in listed:
            device = _device(self._base, each)
            if device is not None and len(found) < MAX_DEVICES:
                known = self.devices.get(device.id)
                device.available = known.available if known is not None else None
                found[device.id] = device
        self.devices = found
        if (unread := len(listed) - len(found)) > 1:  # the coordinator is no device
            left = sum(1 for each in listed if isinstance(each, dict) and each.get("definition") is None)
            if unread > left:
                raise ValueError(f"{unread - left} devices of the list cannot be read")


def _device(base: str, listed: Any) -> Device | None:
    if not isinstance(listed, dict) or not isinstance(definition := listed.get("definition"), dict):
        return None  # the coordinator, and what Zigbee2MQTT itself does not know
    name = name_of(listed.get("friendly_name"))
    if name is None or name.partition("/")[0] == "bridge":
        return None
    model = f"{label(definition.get('vendor'))} {label(definition.get('model'))}".strip()
    device = Device(id=f"{base}/{name}", name=name, model=model)
    for channel in _channels(definition.get("exposes"), "", _DEPTH):
        if len(device.channels) >= MAX_CHANNELS:
            break
        device.channels.setdefault(channel.name, channel)
    return device


def _channels(exposes: Any, path: str, depth: int) -> Iterator[Channel]:
    """The channels of a list of exposes: those of `light`, `switch` and the like are in their features."""
    for expose in exposes if isinstance(exposes, list) and depth else ():
        if not isinstance(expose, dict):
            continue
        own = name_of(expose.get("property"))
        if "features" in expose:
            is_composite = expose.get("type") == "composite" and own is not None
            yield from _channels(expose["features"], f"{path}{own}." if is_composite else path, depth - 1)
        elif own is not None and isinstance(kind := expose.get("type"), str) and kind in _KINDS:
            yield _channel(expose, f"{path}{own}", _KINDS[kind], is_part=bool(path))


def _channel(expose: Mapping[str, Any], name: str, kind: Kind, *, is_part: bool) -> Channel:
    access = expose.get("access")
    listed = expose.get("values")
    values = tuple(each for each in listed if isinstance(each, str)) if isinstance(listed, list) else ()
    return Channel(
        name=name,
        kind=kind,
        unit=ucum(label(expose.get("unit"))) if kind is Kind.NUMBER else "",
        # Part of a whole, as x of a colour, is not set alone
        settable=isinstance(access, int) and bool(access & _SET) and not is_part,
        low=number(expose.get("value_min")),
        high=number(expose.get("value_max")),
        values=values[:MAX_CHANNELS],
        on=expose.get("value_on", True),
        off=expose.get("value_off", False),
    )


def _readings(device: Device, state: Mapping[str, Any]) -> list[Reading]:
    found = []
    for channel in device.channels.values():
        raw: Any = state
        for key in channel.name.split(".") if channel.name not in state else (channel.name,):
            raw = raw.get(key) if isinstance(raw, dict) else None
        if (value := channel.read(raw)) is not None:
            found.append(Reading(device.id, channel.name, value, channel.unit))
    return found


def _is_online(said: Any) -> bool | None:
    """Of `online`, or of `{"state": "online"}`, as versions differ."""
    state = said.get("state") if isinstance(said, dict) else said
    return {"online": True, "offline": False}.get(state) if isinstance(state, str) else None
