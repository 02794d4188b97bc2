# SPDX-License-Identifier: GPL-3.0-or-later
"""`[bridge]`: which devices of third parties a node reads. Loaded where the file has the table."""

from dataclasses import dataclass

from ganglion_micro.topic import is_name


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeSection:
    """`[bridge]`: devices of third parties on plain MQTT topics, which the node reads and sets. "" is for none.

    Attributes:
        broker: Where they are, as in `[mqtt]`; without it the node's own broker.
        zigbee2mqtt: The base topic of a Zigbee2MQTT, or several in a list.
        tasmota: Where Tasmota devices announce themselves.
        homeassistant: The prefix of Home Assistant's discovery, where ESPHome and others announce themselves.
    """

    broker: str | tuple[str, ...] | None = None
    zigbee2mqtt: str | tuple[str, ...] = "zigbee2mqtt"
    tasmota: str = "tasmota/discovery"
    homeassistant: str = "homeassistant"

    def __post_init__(self) -> None:
        for topic in (*self.bases, self.tasmota, self.homeassistant):
            if topic and (not is_name(topic) or topic.endswith("/")):
                raise ValueError(f"{topic!r} is no topic: without + and #, and without / at its end")

    @property
    def bases(self) -> tuple[str, ...]:
        """The base topics of Zigbee2MQTT."""
        given = (self.zigbee2mqtt,) if isinstance(self.zigbee2mqtt, str) else self.zigbee2mqtt
        return tuple(base for base in given if base)
