# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a step: what it names, and what its action needs."""

from typing import Any

from ganglion.mova.check_condition import check_conditions
from ganglion.mova.check_trigger import is_filter
from ganglion.mova.diagnostic import Place
from ganglion.mova.model import Reference, Step, conditions
from ganglion.mova.names import Names
from ganglion.mova.schema import expand
from ganglion.mova.source import inside
from ganglion.mova.template import PLACEHOLDER
from ganglion.words import _
from ganglion_micro.topic import is_name

_NAMED = (("tool_api_id", "MV203"), ("preset", "MV205"), ("protocol", "MV204"))


def check_step(step: Step, names: Names) -> None:
    """Reports what is wrong with it; where it goes, and its conditions, are the protocol's."""
    raw, report = step.raw, names.report
    for key, code in _NAMED:
        if isinstance(raw.get(key), str):
            names.known(code, Reference(raw[key], inside(step.place, raw, key)))
    if isinstance(raw.get("save"), str):
        names.target(raw["save"], inside(step.place, raw, "save"))
    match step.action:
        case "condition":
            # Those of a wrong type, or with parts of one, are reported by `shape`
            if step.conditions is None and raw.get("conditions") in (None, []):
                remedy = _("a step of action condition needs at least one")
                place = inside(step.place, raw, "conditions")
                report.add("MV101", place, _("the condition has no 'conditions'"), remedy)
        case "prompt":
            _prompt(step, names)
        case "read":
            names.listed("sensor", raw.get("sensor"), inside(step.place, raw, "sensor"))
        case "actuate":
            names.listed("actuator", raw.get("actuator"), inside(step.place, raw, "actuator"))
        case "set":
            _set(step, names)
        case "publish":
            if sum(key in raw for key in ("topic", "mqtt")) != 1:
                message = _("a publish step names one of `topic` (of the mesh) and `mqtt` (a plain topic)")
                report.add("MV113", step.place, message)
                return
            if "to" in raw and "mqtt" in raw:
                message = _("`to` has no meaning beside `mqtt`: a plain message is for whoever listens")
                report.add("MV113", inside(step.place, raw, "to"), message)
            _topic("mqtt" if "mqtt" in raw else "topic", step, names)
        case "emit":
            _topic("topic", step, names)
        case "wait":
            _wait(step, names)


def _prompt(step: Step, names: Names) -> None:
    raw = step.raw
    tools = raw.get("tools")
    at = inside(step.place, raw, "tools")
    for i, each in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(each, str):
            names.known("MV203", Reference(each, inside(at, tools, i)))

    def wrong(place: Place, message: str, hint: str = "") -> None:
        names.report.add("MV210", place, message, hint)

    if "schema" in raw:
        expand(raw["schema"], inside(step.place, raw, "schema"), wrong)


def _set(step: Step, names: Names) -> None:
    values: Any = step.raw.get("values")
    at = inside(step.place, step.raw, "values")
    for key, value in values.items() if isinstance(values, dict) else ():
        names.target(key, inside(at, values, key))
        if isinstance(value, str):
            names.expression(value, inside(at, values, key))


def _topic(key: str, step: Step, names: Names) -> None:
    """Reports a topic that nothing can be said on, whatever its placeholders stand for."""
    topic = step.raw.get(key)
    if not isinstance(topic, str) or not topic.strip():
        return  # which `shape` reports
    if not is_name(PLACEHOLDER.sub("x", topic.removeprefix("mqtt:") if key == "topic" else topic)):
        message = _("{text!r} is no topic").format(text=topic)
        remedy = _("+ and # are for who listens: write the topic out")
        names.report.add("MV211", inside(step.place, step.raw, key), message, remedy)


def _wait(step: Step, names: Names) -> None:
    raw, report = step.raw, names.report
    if ("for" in raw) == bool({"event", "until"} & raw.keys()):
        report.add("MV113", step.place, _("a wait step has `for`, or `event` or `until` or both"))
    elif "for" in raw and "timeout" in raw:
        report.add("MV113", inside(step.place, raw, "timeout"), _("timeout has no meaning beside `for`"))
    elif "until" in raw and "event" not in raw and "timeout" not in raw:
        message = _("waiting for a condition alone needs a timeout")
        remedy = _("only other branches can make it true: give it a `timeout`, or name the `event` to look at")
        report.add("MV101", step.place, message, remedy)
    if isinstance(raw.get("event"), str) and "{" not in raw["event"] and not is_filter(raw["event"]):
        message = _("{text!r} is no topic filter").format(text=raw["event"])
        remedy = _("+ and # stand for whole levels, # at the end only")
        report.add("MV211", inside(step.place, raw, "event"), message, remedy)
    until = conditions(inside(step.place, raw, "until"), raw.get("until"))
    if until is not None:
        check_conditions(until, (), names)
