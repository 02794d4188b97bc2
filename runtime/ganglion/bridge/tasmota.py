# SPDX-License-Identifier: GPL-3.0-or-later
"""The topics of Tasmota: `tele/…/STATE`, `SENSOR` and `LWT`, `stat/…/RESULT` and `POWER`, `cmnd/…`, and its discovery.

After the page "MQTT" of its documentation. Discovery tells names, models and other topics than the usual; what a device
has is known by what it sends, so that one whose discovery is off is read too.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ganglion.bridge.device import MAX_CHANNELS, MAX_DEVICES, Channel, Device, Kind, Publication, Reading
from ganglion.bridge.payload import document, label, mapping, name_of, plain
from ganglion.bridge.units import ucum

_POWER = re.compile(r"POWER\d{0,2}")
#: Commands with a number that a device also reports under the same name: their least and greatest.
_NUMBERS = {"Dimmer": (0.0, 100.0), "CT": (153.0, 500.0), "FanSpeed": (0.0, 3.0)}
#: The unit of a field by its name, where no field of the same message says another.
_UNITS = {
    "Temperature": "°C",
    "DewPoint": "°C",
    "Humidity": "%",
    "Pressure": "hPa",
    "SeaPressure": "hPa",
    "Illuminance": "lx",
    "CarbonDioxide": "ppm",
    "eCO2": "ppm",
    "PM2.5": "µg/m³",
    "PM10": "µg/m³",
    "Distance": "cm",
    "Power": "W",
    "ApparentPower": "VA",
    "ReactivePower": "var",
    "Voltage": "V",
    "Current": "A",
    "Frequency": "Hz",
    "Total": "kWh",
    "Today": "kWh",
    "Yesterday": "kWh",
    "RSSI": "%",
    "Signal": "dBm",
    "UptimeSec": "s",
}
#: Maps inside one another in a message.
_DEPTH = 4


class Tasmota:
    """The Tasmota devices of a broker.

    Args:
        discovery: Where they announce themselves.
    """

    def __init__(self, discovery: str = "tasmota/discovery") -> None:
        self.devices: dict[str, Device] = {}
        self._discovery = discovery
        self._roots: dict[str, str] = {}  # where a device's messages are -> its id
        self._configs: dict[str, str] = {}  # where it announces itself -> its id
        self._commands: dict[str, str] = {}  # id -> where it takes commands
        self._words: dict[str, tuple[str, str]] = {}  # id -> what it says when it is there, and when it is gone

    @property
    def filters(self) -> list[str]:
        usual = [f"{self._discovery}/+/config", "tele/+/STATE", "tele/+/SENSOR", "tele/+/LWT", "stat/+/+"]
        return usual + [f"{root}/+" for root in self._roots if _usual(root) is None]

    def take(self, topic: str, payload: bytes) -> list[Reading]:
        root, _, leaf = topic.rpartition("/")
        if leaf == "config" and root.rpartition("/")[0] == self._discovery:
            self._announce(topic, payload)
            return []
        if leaf == "LWT":
            self._will(root, payload)
        elif leaf in ("STATE", "SENSOR", "RESULT"):
            return self._report(root, mapping(document(payload)), is_result=leaf == "RESULT")
        elif _POWER.fullmatch(leaf):
            return self._report(root, {leaf: plain(payload)}, is_result=False)
        return []

    def set(self, device: Device, channel: Channel, value: Any) -> Publication:
        wanted = channel.wanted(value)
        text = wanted if isinstance(wanted, str) else f"{wanted:g}"
        return Publication(f"{self._commands[device.id]}/{channel.name}", text.encode())

    def _announce(self, topic: str, payload: bytes) -> None:
        """Discovery: a device that is there, or an empty message for one that is to be forgotten."""
        if not payload:
            self._forget(self._configs.pop(topic, None))
            return
        config = mapping(document(payload))
        name, full, prefixes = name_of(config.get("t")), name_of(config.get("ft")), config.get("tp")
        if name is None or full is None or not isinstance(prefixes, list) or len(prefixes) != 3:
            raise ValueError("no discovery message of Tasmota: t, ft or tp is missing")
        for token, key in (("%topic%", "t"), ("%hostname%", "hn"), ("%id%", "mac")):
            full = full.replace(token, label(config.get(key)))
        roots = [name_of(full.replace("%prefix%", label(prefix)).rstrip("/")) for prefix in prefixes]
        if None in roots:
            raise ValueError("its topics are none")
        command, state, telemetry = (str(root) for root in roots)
        device = self._known(f"tasmota/{name}", name)
        if device is None:
            return
        if (before := self._configs.get(topic)) not in (None, device.id):
            self._forget(before)
        self._configs[topic] = device.id
        self._commands[device.id] = command
        self._roots |= {state: device.id, telemetry: device.id}
        self._words[device.id] = label(config.get("onln")) or "Online", label(config.get("ofln")) or "Offline"
        device.name, device.model = label(config.get("dn")) or name, label(config.get("md"))
        relays = config.get("rl")
        several = isinstance(relays, list) and sum(1 for relay in relays if relay) > 1
        for number, relay in enumerate(relays[:32] if isinstance(relays, list) else (), 1):
            if relay:
                self._channel(device, f"POWER{number}" if several else "POWER", "OFF", {})

    def _forget(self, id: str | None) -> None:
        if id is not None:
            self.devices.pop(id, None)
            self._commands.pop(id, None)
            self._words.pop(id, None)
            self._roots = {root: of for root, of in self._roots.items() if of != id}

    def _known(self, id: str, name: str) -> Device | None:
        """The device of an id, new where there is room for it."""
        if (known := self.devices.get(id)) is None and len(self.devices) < MAX_DEVICES:
            known = self.devices[id] = Device(id=id, name=name)
            self._commands[id] = f"cmnd/{name}"
        return known

    def _at(self, root: str) -> Device | None:
        if (id := self._roots.get(root)) is not None:
            return self.devices.get(id)
        name = _usual(root)
        return None if name is None or name_of(name) is None else self._known(f"tasmota/{name}", name)

    def _will(self, root: str, payload: bytes) -> None:
        said = plain(payload)
        if isinstance(said, str) and (device := self._at(root)) is not None:
            there, gone = self._words.get(device.id, ("Online", "Offline"))
            device.available = {there: True, gone: False}.get(said)

    def _report(self, root: str, report: Mapping[str, Any], *, is_result: bool) -> list[Reading]:
        """What a message has in it. The answer to a command may be of anything, such as settings."""
        fields = list(_fields(report, "", _DEPTH))
        if is_result:  # what switches is said on a topic of its own as well
            fields = [(name, raw) for name, raw in fields if name in _NUMBERS]
        found: list[Reading] = []
        if not fields or (device := self._at(root)) is None:
            return found
        for name, raw in fields:
            channel = device.channels.get(name) or self._channel(device, name, raw, report)
            if channel is not None and (value := channel.read(raw)) is not None:
                found.append(Reading(device.id, name, value, channel.unit))
        return found

    def _channel(self, device: Device, name: str, raw: Any, report: Mapping[str, Any]) -> Channel | None:
        """What a field is, by its name and its first value; None where it is nothing to be read."""
        if len(device.channels) >= MAX_CHANNELS or name_of(name) is None:
            return None
        if raw in ("ON", "OFF"):
            is_relay = _POWER.fullmatch(name) is not None
            channel = Channel(name=name, kind=Kind.BOOL, settable=is_relay, on="ON", off="OFF")
        elif type(raw) in (int, float):
            low, high = _NUMBERS.get(name, (None, None))
            unit = _unit(name, report)
            channel = Channel(name=name, kind=Kind.NUMBER, unit=unit, settable=name in _NUMBERS, low=low, high=high)
        else:
            return None
        device.channels[name] = channel
        return channel


def _usual(root: str) -> str | None:
    """The device whose messages are there by the usual full topic, `%prefix%/%topic%/`."""
    prefix, _, name = root.partition("/")
    return name if prefix in ("tele", "stat") and name and "/" not in name else None


def _fields(report: Mapping[str, Any], path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Every value with its way there, as in `ENERGY.Power`; those of a list by their number."""
    for key, raw in report.items():
        name = f"{path}{key}"
        if isinstance(raw, list):
            raw = {str(number): each for number, each in enumerate(raw[:MAX_CHANNELS], 1)}
        if isinstance(raw, dict) and depth:
            yield from _fields(raw, f"{name}.", depth - 1)
        elif not isinstance(raw, dict):
            yield name, raw


def _unit(name: str, report: Mapping[str, Any]) -> str:
    word = next((word for word in reversed(name.split(".")) if word in _UNITS), "")
    word = "PM2.5" if name.endswith("PM2.5") else word
    if word in ("Temperature", "DewPoint") and report.get("TempUnit") in ("C", "F", "K"):
        return ucum({"C": "°C", "F": "°F", "K": "K"}[report["TempUnit"]])
    if word in ("Pressure", "SeaPressure") and report.get("PressureUnit"):
        return ucum(label(report["PressureUnit"]))
    return ucum(_UNITS.get(word, ""))
