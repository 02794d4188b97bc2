# SPDX-License-Identifier: GPL-3.0-or-later
"""A document as plain data in one spelling, whichever of its forms and spellings it was written in."""

from typing import Any

from ganglion.mova.forms import PARTS, Part, unsaid
from ganglion.mova.model import Conditions, Model, Protocol, Reference, Rule, Step, Tool, Trigger, conditions

#: Keys that the model has read; the others are the action's own and stay as they are.
_STEP = ("id", "action", "next_step", "next_step_id", "conditions", "until", "branches")
_PROTOCOL = ("name", "steps", "error_handling", "policies")
_TOOL = ("id", "name", "url", "endpoint")
_TRIGGER = ("id", "run")


def normal(of: Model) -> dict[str, Any]:
    """The model as maps, lists and values of JSON.

    Where a step goes is `next`; conditions have `logic` (AND where the document says none), `rules` and `default`.
    """
    return {
        "name": of.name,
        **{key: of.root[key] for key in ("description", "tests") if key in of.root},
        "protocols": [_protocol(each) for each in of.protocols],
        "tools": [_tool(each) for each in of.tools],
        "triggers": [_trigger(each) for each in of.triggers],
        "presets": dict(of.presets),
        "session": of.data,
        "profile": of.profile,
        "requires": {"sensors": of.sensors, "actuators": of.actuators},
        **{part.flat: _objects(of, part) for part in PARTS if part.what not in ("protocol", "tool")},
    }


def _objects(of: Model, part: Part) -> list[dict[str, Any]]:
    """The objects of one kind, by the keys of `classes`."""
    made = []
    for number, (_, raw) in enumerate(of.parts[part.what], 1):
        named = {part.renamed.get(key, key): value for key, value in raw.items()}
        missing = unsaid(part.what, "", number)
        made.append({part.renamed.get(key, key): value for key, value in missing.items()} | named)
    return made


def _protocol(protocol: Protocol) -> dict[str, Any]:
    return {
        "name": protocol.name,
        "retries": protocol.retries,
        "fallback": _name(protocol.fallback),
        "policies": dict(protocol.policies),
        "steps": [_step(each) for each in protocol.steps],
        **_rest(protocol.raw, _PROTOCOL),
    }


def _step(step: Step) -> dict[str, Any]:
    made = {
        "id": step.id,
        "action": step.action,
        "next": _name(step.next),
        "conditions": None if step.conditions is None else _conditions(step.conditions),
        **_rest(step.raw, _STEP),
    }
    if (until := conditions(step.place, step.raw.get("until"))) is not None:
        made["until"] = _conditions(until)
    if step.branches:
        made["branches"] = [
            branch.name if isinstance(branch, Reference) else [_step(each) for each in branch]
            for branch in step.branches
        ]
    return made


def _conditions(conditions: Conditions) -> dict[str, Any]:
    return {
        "logic": conditions.logic or "AND",
        "rules": [_rule(each) for each in conditions.rules],
        "default": _name(conditions.default),
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "variable": rule.variable,
        "operator": rule.operator,
        "value": rule.value,
        "next": _name(rule.next),
        "conditions": None if rule.nested is None else _conditions(rule.nested),
    }


def _tool(tool: Tool) -> dict[str, Any]:
    name = tool.raw.get("name", tool.id)
    return {"id": tool.id, "name": name, "url": tool.url, **_rest(tool.raw, _TOOL)}


def _trigger(trigger: Trigger) -> dict[str, Any]:
    return {"id": trigger.id, "run": _name(trigger.run), **_rest(trigger.raw, _TRIGGER)}


def _name(reference: Reference | None) -> str | None:
    return None if reference is None else reference.name


def _rest(raw: dict[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key not in known}
