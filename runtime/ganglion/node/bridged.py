# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's bridge to third parties: their readings come onto the bus and go to the gateway, marked as unsigned.

It has a connection of its own, so that a script's subscriptions to the same topics are not told twice.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from ganglion.bridge import Bridge, Dialect, Reading
from ganglion.bridge.device import Value
from ganglion.bridge.homeassistant import HomeAssistant
from ganglion.bridge.tasmota import Tasmota
from ganglion.bridge.zigbee2mqtt import Zigbee2Mqtt
from ganglion.bus import Bus
from ganglion.config.bridge import BridgeSection
from ganglion.errors import InvalidError, UnreachableError
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.parameters import takes
from ganglion.mesh.transport import Message
from ganglion.mova.trigger import KEPT, MQTT
from ganglion.mqtt.url import Addresses

_log = logging.getLogger(__name__)

#: Bytes of a message: Zigbee2MQTT's list of a large network has more than a megabyte.
_MAX_PACKET = 16 * 1024 * 1024
#: Channels that are reported; more devices than a house has are a mistake.
_MAX_STREAMS = 4096
#: Bytes of devices in one answer: a message of the mesh holds twice that.
_BYTES = 32 * 1024
#: Letters of a stream's name that the gateway takes.
_MAX_NAME = 128


def dialects(section: BridgeSection) -> list[Dialect]:
    """Those that a configuration asks for."""
    found: list[Dialect] = [Zigbee2Mqtt(base) for base in section.bases]
    if section.tasmota:
        found.append(Tasmota(section.tasmota))
    if section.homeassistant:
        found.append(HomeAssistant(section.homeassistant))
    return found


class BrokerBridge:
    """A `Bridge` on a broker.

    Args:
        brokers: Where the third parties are.
        section: What to read there.
        on_readings: Given what a message says, and whether the broker had kept it.
    """

    def __init__(
        self, brokers: Addresses, section: BridgeSection, on_readings: Callable[[list[Reading], bool], None]
    ) -> None:
        self.bridge = Bridge(dialects(section), lambda text: _log.warning("bridge: %s", text))
        self._on_readings = on_readings
        self._values: dict[tuple[str, str], Value] = {}
        self._filters: set[str] = set()
        self._transport = MqttTransport(brokers, max_packet=_MAX_PACKET)
        self._transport.on_messages = self._take
        self._ask()

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._transport.connected

    async def run(self) -> None:
        """Connects, and reconnects, until cancelled."""
        await self._transport.run()

    def documents(self) -> list[dict[str, Any]]:
        """The devices, each channel with its latest `value` where one came."""
        found = [device.document() for device in self.bridge.devices]
        for device in found:
            for name, channel in device["channels"].items():
                if (device["id"], name) in self._values:
                    channel["value"] = self._values[device["id"], name]
        return found

    async def set(self, device: str, channel: str, value: Any) -> str:
        """Sets a channel; returns the topic when the broker has the message. Whether it was obeyed, readings tell.

        Raises:
            UnreachableError: there is no connection now; nothing is sent later.
            NotFoundError, RefusedError, InvalidError: see `Bridge.set`.
        """
        topic, payload = self.bridge.set(device, channel, value)
        if not self.connected:
            raise UnreachableError("the broker of the bridge is not there: try again when it is")
        done = asyncio.Event()
        self._transport.publish(topic, payload, qos=1, on_done=done.set)
        await done.wait()
        return topic

    def _take(self, messages: list[Message]) -> None:
        for message in messages:
            if readings := self.bridge.take(message.topic, message.payload):
                self._keep(readings)
                self._on_readings(readings, message.retain)
        self._ask()

    def _keep(self, readings: list[Reading]) -> None:
        for device, channel, value, _ in readings:
            if (device, channel) in self._values or len(self._values) < _MAX_STREAMS:
                self._values[device, channel] = value

    def _ask(self) -> None:
        """Subscribes to what must be heard, and takes back what need not be any more."""
        wanted = self.bridge.filters
        for filter in sorted(wanted - self._filters):
            self._transport.subscribe(filter, 0)
        for filter in self._filters - wanted:
            self._transport.unsubscribe(filter)
        self._filters = wanted


class Bridged:
    """The bridge of a node.

    Args:
        bus: Where readings go, on `bridge/<device>/<channel>`.
        now: Nanoseconds since the Unix epoch.
        brokers: Where the third parties are.
        section: What to read there.
        publish: Sends a reading to the gateway: stream, value, time, topic on the bus.
    """

    def __init__(
        self,
        bus: Bus,
        now: Callable[[], int],
        brokers: Addresses,
        section: BridgeSection,
        publish: Callable[[str, Any, int, str], None],
    ) -> None:
        self._bus = bus
        self._now = now
        self._publish = publish
        self._streams: dict[tuple[str, str], int | None] = {}
        self._is_full = False
        self._line = BrokerBridge(brokers, section, self._emit)

    async def run(self) -> None:
        """Reads until cancelled."""
        await self._line.run()

    def serve(self, on_request: Callable[..., None]) -> None:
        """Registers the methods, by `MeshClient.on_request` or what is called like it."""
        on_request("bridge.devices", self.devices, summary="devices of third parties on plain MQTT topics")
        on_request("bridge.set", self.set, summary="set one (device, channel, value)")

    @takes("after")
    async def devices(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """What is there: `ganglion bridge devices` shows it.

        Args:
            params: `after`, the id of the last device of the page before: the `next` of an answer, while there is more.
        """
        after = params.get("after", "")
        page: list[dict[str, Any]] = []
        size = 0
        if not isinstance(after, str):
            raise InvalidError("is the id of a device", where="after")
        said = {"connected": self._line.connected, "unreadable": self._line.bridge.unreadable}
        for device in self._line.documents():
            if device["id"] <= after:
                continue
            if (weight := _weight(device)) > _BYTES:
                device["channels"] = {}  # it has more to say than a message holds
                weight = _weight(device)
            size += weight
            if size > _BYTES:
                return {**said, "devices": page, "next": page[-1]["id"]}
            page.append(device)
        return {**said, "devices": page}

    @takes("device", "channel", "value")
    async def set(self, params: dict[str, Any], peer: object) -> dict[str, Any]:
        """Sets a channel: `ganglion bridge set` asks for it."""
        device, channel = params.get("device"), params.get("channel")
        if not isinstance(device, str) or not isinstance(channel, str) or "value" not in params:
            raise InvalidError("bridge.set needs device, channel and value", where="params")
        return {"device": device, "channel": channel, "topic": await self._line.set(device, channel, params["value"])}

    def _emit(self, readings: list[Reading], kept: bool) -> None:
        now = self._now()
        for device, channel, value, _ in readings:
            handle = self._stream(device, channel)
            if handle is not None:
                name = f"{device}.{channel}"
                self._bus.emit(handle, value, timestamp=now, source=(KEPT if kept else MQTT) + name)
                self._publish(MQTT + name, value, now, f"bridge/{device}/{channel}")

    def _stream(self, device: str, channel: str) -> int | None:
        """The handle of a channel's topic; None for one that is not reported."""
        if (device, channel) not in self._streams:
            if len(self._streams) >= _MAX_STREAMS:
                if not self._is_full:
                    self._is_full = True
                    _log.warning("bridge: more than %d channels; the others are not reported", _MAX_STREAMS)
                return None
            fits = len(MQTT) + len(device) + len(channel) < _MAX_NAME
            if not fits:
                _log.warning("bridge: the name %s.%s is too long to be reported", device, channel)
            topic = f"bridge/{device}/{channel.replace('.', '/')}"
            self._streams[device, channel] = self._bus.topic(topic) if fits else None
        return self._streams[device, channel]


def _weight(document: dict[str, Any]) -> int:
    """Bytes as JSON, which are no fewer than those of CBOR."""
    return len(json.dumps(document, ensure_ascii=False).encode())
