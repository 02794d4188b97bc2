# SPDX-License-Identifier: GPL-3.0-or-later
"""The components of a node in Home Assistant: one for each sensor and actuator that its birth names. No I/O."""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ganglion.bridge.units import theirs
from ganglion_gateway.fleet import Node
from ganglion_gateway.leaves import leaf_documents
from ganglion_micro.gl1 import level

#: How the gateway calls the stream of an actuator's values.
ACTUATOR = "actuator."
#: Components of one device, and bytes that they may take in its announcement, with the topics and ids that are made of
#: each name, 150 bytes before each; a node that names more has them left out, so that this is one message that brokers
#: take.
MAX_COMPONENTS = 200
_MAX_SAID = 120 * 1024
_BEFORE = 150
#: Letters of a name.
_MAX_NAME = 100
#: Letters of a state that Home Assistant takes.
MAX_STATE = 255
#: The risk of an actuator that Home Assistant may command. What asks for a person's consent, or is never set from
#: afar, is shown alone: who commands over an unsigned broker is not known.
_COMMANDED = "low"
#: Device class by unit, where a unit is of one thing alone; and what of it only grows.
_CLASSES = {
    "°C": "temperature",
    "°F": "temperature",
    "W": "power",
    "kW": "power",
    "VA": "apparent_power",
    "V": "voltage",
    "mV": "voltage",
    "A": "current",
    "mA": "current",
    "Hz": "frequency",
    "lx": "illuminance",
    "hPa": "atmospheric_pressure",
    "Wh": "energy",
    "kWh": "energy",
}
_GROWING = {"energy"}
#: Device class by a word of the name, where the unit says too little: the unit that it must have.
_WORDS = {"humidity": "%", "battery": "%", "moisture": "%", "co2": "ppm", "pm2_5": "µg/m³", "pm10": "µg/m³"}
_RENAMED = {"co2": "carbon_dioxide", "pm2_5": "pm25"}
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One entity.

    Attributes:
        key: Within its device; stays the same as long as the sensor or actuator has its name.
        config: As discovery says it, without topics and ids.
        stream: Where its value is among the node's sensors.
        topic: Its part of the topics, as in `sensor/fridge/temperature`.
        actuator: The name of what may be commanded; "" for what is only shown.
        leaf: Of which it is; "" for the node's own.
    """

    key: str
    config: Mapping[str, Any]
    stream: str
    topic: str
    actuator: str = ""
    leaf: str = ""

    def state(self, value: Any) -> str | None:
        """The value as its state topic has it; None where it has none now."""
        platform = self.config["p"]
        if platform in ("binary_sensor", "switch"):
            return None if not isinstance(value, bool | int | float) else "ON" if value else "OFF"
        if isinstance(value, bool | int | float):
            if not math.isfinite(value):
                return None
            number = int(value) if value == int(value) and abs(value) < 2**53 else value
            return json.dumps(number)
        if platform == "number" or value is None or "stat_cla" in self.config:
            return None
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return text[:MAX_STATE]

    def wanted(self, text: str) -> Any:
        """The value that a command asks for.

        Raises:
            ValueError: it is none that this component has.
        """
        match self.config["p"]:
            case "switch" if text in ("ON", "OFF"):
                return text == "ON"
            case "number":
                number = float(text)
                if not self.config["min"] <= number <= self.config["max"]:
                    raise ValueError(text)
                return int(number) if number == int(number) else number
            case "select" if text in self.config["ops"]:
                return text
        raise ValueError(text)


def stream_of(leaf: str, actuator: str) -> str:
    """Where the values of an actuator are among the sensors of the node; `leaf` is "" for the node's own."""
    return f"leaf.{leaf}.{ACTUATOR}{actuator}" if leaf else f"{ACTUATOR}{actuator}"


def components(node: Node) -> list[Component]:
    """Those of a node, by the birth that it signed. What makes no sense in it is left out."""
    found: dict[str, Component] = {}
    said = 0
    own = *_sensors(node.caps.get("sensors")), *_actuators(node.caps.get("actuators"))
    for component in (*own, *_of_leaves(node)):
        named = 2 * len(component.key) + 2 * len(component.topic) + 3 * _BEFORE
        said += len(json.dumps(component.config)) + named
        if len(found) == MAX_COMPONENTS or said > _MAX_SAID:
            break
        found[component.key] = component
    return list(found.values())


def _sensors(said: Any) -> Iterator[Component]:
    for name, about in sorted(said.items()) if isinstance(said, dict) else ():
        unit = about.get("unit") if isinstance(about, dict) else None
        if not isinstance(unit, str) or not _fits(name):
            continue
        config: dict[str, Any] = {"p": "sensor" if unit else "binary_sensor", "name": _label(name)}
        if (shown := theirs(unit)) is not None:
            config["unit_of_meas"] = shown
        if device_class := _class(name, shown or ""):
            config["dev_cla"] = device_class
        if unit:
            config["stat_cla"] = "total_increasing" if device_class in _GROWING else "measurement"
        yield Component(key=_key("sensor", name), config=config, stream=name, topic=_topic("sensor", name))


def _of_leaves(node: Node) -> Iterator[Component]:
    for leaf in leaf_documents(node):
        if level(leaf["name"]):  # it is one of a topic
            yield from _actuators(leaf["actuators"], leaf["name"])


def _actuators(said: Any, leaf: str = "") -> Iterator[Component]:
    before = f"leaf.{leaf}." if leaf else ""
    for name, about in sorted(said.items()) if isinstance(said, dict) else ():
        if not isinstance(about, dict) or not _fits(name) or (leaf and not level(name)):
            continue
        config = _actuator(about)
        if config is None:
            continue
        is_commanded = about.get("risk") == _COMMANDED
        if not is_commanded:
            config = {"p": "binary_sensor" if config["p"] == "switch" else "sensor"}
        yield Component(
            key=_key("actuator", before + name),
            config={**config, "name": _label(f"{leaf}.{name}" if leaf else name)},
            stream=stream_of(leaf, name),
            topic=_topic("actuator", before + name),
            actuator=name if is_commanded else "",
            leaf=leaf,
        )


def _actuator(about: Mapping[str, Any]) -> dict[str, Any] | None:
    low, high, values = about.get("low"), about.get("high"), about.get("values")
    if isinstance(low, int | float) and isinstance(high, int | float) and -math.inf < low < high < math.inf:
        # The guardian knows no steps; without one Home Assistant has whole numbers alone
        return {"p": "number", "min": low, "max": high, "step": 0.01 if high - low <= 100 else 1}
    if not isinstance(values, list) or not values or len(values) > MAX_COMPONENTS:
        return None
    if all(isinstance(each, bool) for each in values):
        return {"p": "switch"}
    if all(isinstance(each, str) and 0 < len(each) <= MAX_STATE for each in values):
        return {"p": "select", "ops": values}
    return None


def _class(name: str, unit: str) -> str | None:
    word = next((word for word, of in _WORDS.items() if word in name.lower() and of == unit), None)
    return _CLASSES.get(unit) if word is None else _RENAMED.get(word, word)


def _fits(name: Any) -> bool:
    return isinstance(name, str) and 0 < len(name) <= _MAX_NAME and name.isprintable()


def _label(name: str) -> str:
    return name.replace(".", " ").replace("_", " ")


def _key(kind: str, name: str) -> str:
    return ".".join(_level(level, level) for level in f"{kind}_{name}".split("."))


def _topic(kind: str, name: str) -> str:
    """Below the node's: a level for each part of a name, since NATS has no `.` in a level."""
    return "/".join([kind, *(_level(level, level) for level in name.split("."))])


def _level(text: str, name: str) -> str:
    """As it is where topics and ids may have it; else letters and a hash, so that no two names become one."""
    if _PLAIN.fullmatch(text):
        return text
    return (
        f"{re.sub('[^A-Za-z0-9_-]', '_', text)[:60]}_{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"
    )
