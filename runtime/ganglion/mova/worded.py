# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ganglion.mova.normal` makes of a document in the words that its author writes, for people to compare."""

from typing import Any


def worded(of: dict[str, Any]) -> dict[str, Any]:
    """The same document. What a step, a rule or a protocol leaves unsaid is not there."""
    return of | {"protocols": [_protocol(each) for each in of["protocols"]]}


def _protocol(protocol: dict[str, Any]) -> dict[str, Any]:
    made = {"name": protocol["name"]}
    handling = _said({"retry_count": protocol["retries"], "fallback_step_id": protocol["fallback"]})
    rest = {key: value for key, value in protocol.items() if key not in ("name", "retries", "fallback", "steps")}
    if not rest["policies"]:
        del rest["policies"]
    return (
        made
        | ({"error_handling": handling} if handling else {})
        | rest
        | {"steps": [_step(each) for each in protocol["steps"]]}
    )


def _step(step: dict[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in step.items() if key not in ("next", "conditions")}
    made |= _said({"next_step": step["next"], "conditions": _conditions(step["conditions"])})
    if "until" in step:
        made["until"] = _conditions(step["until"])
    if "branches" in step:
        made["branches"] = [
            branch if isinstance(branch, str) else [_step(each) for each in branch] for branch in step["branches"]
        ]
    return made


def _conditions(conditions: dict[str, Any] | None) -> dict[str, Any] | None:
    if conditions is None:
        return None
    made = {"logic": conditions["logic"], "rules": [_rule(each) for each in conditions["rules"]]}
    return made | _said({"default_next_step_id": conditions["default"]})


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    made = {key: rule[key] for key in ("variable", "operator", "value")}
    return made | _said({"next_step_id": rule["next"], "sub_conditions": _conditions(rule["conditions"])})


def _said(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
