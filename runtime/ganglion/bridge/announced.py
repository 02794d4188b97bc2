# SPDX-License-Identifier: GPL-3.0-or-later
"""Discovery messages of Home Assistant written out: abbreviations to words, and `~` in topics to what it stands for."""

from collections.abc import Mapping
from typing import Any

#: Those that are looked at here; there are many more.
WORDS = {
    "avty": "availability",
    "avty_mode": "availability_mode",
    "avty_t": "availability_topic",
    "cmd_t": "command_topic",
    "cmps": "components",
    "dev": "device",
    "dev_cla": "device_class",
    "o": "origin",
    "ops": "options",
    "p": "platform",
    "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available",
    "pl_off": "payload_off",
    "pl_on": "payload_on",
    "stat_cla": "state_class",
    "stat_t": "state_topic",
    "t": "topic",
    "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement",
    "val_tpl": "value_template",
}
#: Within `device`.
DEVICE_WORDS = {
    "cns": "connections",
    "cu": "configuration_url",
    "hw": "hw_version",
    "ids": "identifiers",
    "mdl": "model",
    "mf": "manufacturer",
    "sa": "suggested_area",
    "sn": "serial_number",
    "sw": "sw_version",
}
#: Within `origin`.
ORIGIN_WORDS = {"sw": "sw_version", "url": "support_url"}


def expanded(config: Mapping[str, Any]) -> dict[str, Any]:
    """A discovery message, of a component or of a device, with every abbreviation of it written out."""
    found = _component(config)
    for key, words in (("device", DEVICE_WORDS), ("origin", ORIGIN_WORDS)):
        if isinstance(found.get(key), dict):
            found[key] = _renamed(found[key], words)
    if isinstance(components := found.get("components"), dict):
        found["components"] = {
            key: _component(each) if isinstance(each, dict) else each for key, each in components.items()
        }
    return found


def _component(config: Mapping[str, Any]) -> dict[str, Any]:
    found = _renamed(config, WORDS)
    listed = found.get("availability")
    if isinstance(listed, list):
        found["availability"] = [_renamed(each, WORDS) if isinstance(each, dict) else each for each in listed]
    elif isinstance(listed, dict):
        found["availability"] = [_renamed(listed, WORDS)]
    if isinstance(base := found.pop("~", None), str):
        for settings in (found, *(each for each in found.get("availability") or () if isinstance(each, dict))):
            for key, value in settings.items():
                if key.endswith("topic") and isinstance(value, str):
                    settings[key] = _based(value, base)
    return found


def _renamed(config: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    return {words.get(key, key): value for key, value in config.items()}


def _based(topic: str, base: str) -> str:
    if topic.startswith("~"):
        topic = base + topic[1:]
    return topic[:-1] + base if topic.endswith("~") else topic
