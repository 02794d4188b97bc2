# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles a trigger: what a subscription of the bus compares, or what a timer or schedule waits for."""

from typing import Any

from ganglion.mova.compile_tool import session_path
from ganglion.mova.model import Trigger
from ganglion.mova.plan import mqtt_topic
from ganglion.mova.source import Map
from ganglion.mova.template import path
from ganglion.units import duration
from ganglion_micro import plan as p

#: Comparisons that are edges by what they mean.
_CROSSINGS = ("rises", "falls")
#: Keys beside `field` that look into the whole message.
_WHOLE = ("map", "dedupe", "session")


def compiled(trigger: Trigger, protocol: int, *, reads_payload: bool) -> list[Any]:
    """The array of a plan.

    Args:
        protocol: Its index in the plan.
        reads_payload: Whether a run may read `event.payload`, so that a field alone does not do.
    """
    raw = trigger.raw
    source, topic = _source(raw)
    where = _where(raw) if source in (p.SENSOR, p.EVENT, p.MQTT) else None
    has_schedule = source == p.SCHEDULED
    return [
        trigger.id,
        source,
        topic,
        raw.get("field", ""),
        where,
        duration(raw["every"]) if source == p.EVERY else 0,
        duration(raw["cooldown"]) if "cooldown" in raw and where is None else 0,
        protocol,
        [[session_path(to), path(found)] for to, found in raw.get("map", {}).items()],
        path(raw["dedupe"]) if "dedupe" in raw else None,
        raw.get("retained", False),
        "field" in raw and (reads_payload or any(key in raw for key in _WHOLE)),
        _schedule(raw) if has_schedule else None,
        ["session_id"] if source == p.INTENT else path(raw["session"]) if "session" in raw else None,
    ]


def may_read_payload(value: Any) -> bool:
    """Whether compiled steps and tools may read `event.payload`: a path in them leads there, or to all of `event`."""
    if isinstance(value, dict):
        return any(may_read_payload(each) for each in value.values())
    if not isinstance(value, list):
        return False
    # What else begins so, such as a list of words, costs a subscription and no more
    is_path = value[:1] == ["event"] and (len(value) == 1 or value[1] == "payload")
    return is_path or any(may_read_payload(each) for each in value)


def _source(raw: Map) -> tuple[int, str]:
    """The source of a trigger, and the topic of the bus that it comes on, if any."""
    if "sensor" in raw:
        return p.SENSOR, "sensor/" + raw["sensor"].replace(".", "/")
    if "event" in raw:
        return p.EVENT, raw["event"]
    if "mqtt" in raw:
        return p.MQTT, mqtt_topic(raw["mqtt"], raw.get("field", ""))
    if "intent" in raw:
        return p.INTENT, "intent/" + raw["intent"]
    if "webhook" in raw:
        return p.WEBHOOK, "webhook/" + raw["webhook"]
    if "start" in raw:
        return p.STARTED, ""
    if "every" in raw and raw.get("missed", "skip") == "skip":
        return p.EVERY, ""
    return p.SCHEDULED, ""


def _schedule(raw: Map) -> list[Any]:
    times = [raw.get(key, "") for key in ("cron", "at", "every", "timezone")]
    return [*times, raw.get("missed", "skip") == "run_once"]


def _where(raw: Map) -> list[Any] | None:
    operator = next((key for key in p.COMPARISONS if key in raw), "always")
    if operator == "always" and "every" not in raw:
        return None
    value = raw.get(operator)
    low = high = None
    if operator == "between":
        low, high = raw["between"]
    elif operator in ("above", "below", *_CROSSINGS):
        low = value
    held = duration(raw["for"]) if "for" in raw else 0
    edge = operator in _CROSSINGS or (
        operator not in ("changes", "always")
        and "every" not in raw
        and ("sensor" in raw or bool(held) or "hysteresis" in raw)
    )
    return [
        p.COMPARISONS.index(operator),
        low,
        high,
        value if operator == "equals" else None,
        edge,
        float(raw.get("hysteresis", 0)),
        held,
        duration(raw["cooldown"]) if "cooldown" in raw else 0,
        duration(raw["every"]) if "every" in raw else 0,
        duration(raw["window"]) if "window" in raw else 0,
    ]
