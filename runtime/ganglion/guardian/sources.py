# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has set what limits an actuator: said in a refusal where it is not the node's own table, and listed. Pure."""

import re
from typing import Any

from ganglion.guardian.restriction import NODE
from ganglion.guardian.words import Rule
from ganglion.units import SECOND
from ganglion_micro.limits import same

_MINUTE = 60 * SECOND
_TIMES = ("min_on", "min_off", "max_on")


def misfit(rule: Rule, value: Any) -> str:
    """Why it may not have a value at any time; "" where it may."""
    if reason := rule.limits.misfit(value):
        return _of(rule, reason, _bounds(rule, value))
    return "" if same(value, rule.limits.safe) else rule.barred


def said(rule: Rule, reason: str) -> str:
    """A reason that names the keys of the limits behind it, as those of `ganglion_micro.limits` do."""
    return _of(rule, reason, set(re.findall("[a-z_]+", reason))) if reason else ""


def limits(rule: Rule) -> dict[str, dict[str, Any]]:
    """Each limit that holds, by its key: its `value`, times in seconds, and who it is `from`."""
    return {key: {"value": _value(rule, key), "from": source} for key, source in rule.sources.items()}


def _value(rule: Rule, key: str) -> Any:
    if key == "risk":
        return str(rule.risk)
    if key == "max_silence":
        return None if rule.max_silence is None else rule.max_silence / SECOND
    if key == "quiet_hours":
        return [f"{_clock(first)}-{_clock(end)}" for first, end in rule.limits.quiet]
    value = getattr(rule.limits, key)
    if key == "values":
        return list(value)
    return value / SECOND if key in _TIMES else value


def _clock(day: int) -> str:
    hours, minutes = divmod(day // _MINUTE, 60)
    return f"{hours:02}:{minutes:02}"


def _of(rule: Rule, reason: str, keys: set[str]) -> str:
    found = sorted({rule.sources[key] for key in keys & rule.sources.keys()} - {NODE})
    return f"{reason} (limit of {', '.join(found)})" if found else reason


def _bounds(rule: Rule, value: Any) -> set[str]:
    low, high = rule.limits.low, rule.limits.high
    if low is None or high is None:
        return {"values"}
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return set()
    return {"low" if value < low else "high"}
