# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge with all dialects, and messages in the form that the documentation of each third party shows."""

import json
from pathlib import Path
from typing import Any

from ganglion.bridge import Bridge
from ganglion.bridge.homeassistant import HomeAssistant
from ganglion.bridge.tasmota import Tasmota
from ganglion.bridge.zigbee2mqtt import Zigbee2Mqtt
from ganglion_micro.topic import matches

DATA = Path(__file__).parents[1] / "data" / "bridge"
LISTED = (DATA / "zigbee2mqtt_devices.json").read_bytes()
MESSAGES: dict[str, Any] = json.loads((DATA / "messages.json").read_text())


class Heard:
    """A bridge with all dialects, and what it said."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.bridge = Bridge([Zigbee2Mqtt(), Tasmota(), HomeAssistant()], self.complaints.append)

    def hears(self, topic: str, value: Any) -> dict[tuple[str, str], Any]:
        """What a message says, by device and channel; it must be one that was asked for."""
        assert any(matches(filter, topic) for filter in self.bridge.filters), topic
        payload = value if isinstance(value, bytes) else value if isinstance(value, str) else json.dumps(value)
        readings = self.bridge.take(topic, payload.encode() if isinstance(payload, str) else payload)
        return {(each.device, each.channel): each.value for each in readings}

    def device(self, id: str) -> Any:
        return next(device for device in self.bridge.devices if device.id == id)


def announced() -> Heard:
    """Everything that the examples have, announced."""
    heard = Heard()
    heard.hears("zigbee2mqtt/bridge/devices", LISTED)
    for topic, message in MESSAGES.items():
        if topic.endswith("/config"):
            heard.hears(topic, message)
    return heard
