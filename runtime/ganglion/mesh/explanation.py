# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a policy says what it says: of each rule, for people, what it applies to or what keeps it from applying."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ganglion.mesh.policy import Decision, Party, Policy, Rule
from ganglion.units import SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A decision, and what each rule had to do with it.

    Attributes:
        decision: What `Policy.judge` says.
        position: Of the rule that decided, counted from 1; None where none did.
        why: Of each rule in order, why it does not apply; "" where it does.
    """

    decision: Decision
    position: int | None
    why: tuple[str, ...]


def explain(
    policy: Policy, verb: str, resource: str, *, by: Party, at: Party, now: int, params: Mapping[str, Any]
) -> Explanation:
    """Explains one decision. Arguments: see `Policy.judge`."""
    decision = policy.judge(verb, resource, by=by, at=at, now=now, params=params)
    names = [rule.name for rule in policy.rules]
    return Explanation(
        decision=decision,
        position=None if decision.rule is None else names.index(decision.rule) + 1,
        why=tuple(_why_not(rule, verb, resource, by, at, now, params) for rule in policy.rules),
    )


def _why_not(rule: Rule, verb: str, resource: str, by: Party, at: Party, now: int, params: Mapping[str, Any]) -> str:
    if by.words.isdisjoint(rule.who):
        return f"it is about {_any(rule.who)}, and who asks is {_listed(by)}"
    if verb not in rule.may:
        return f"it is about {_any(rule.may)}, not {verb}"
    if not rule.concerns(verb, resource):
        return f"it is about {_any(rule.what)}, not {resource}"
    if at.words.isdisjoint(rule.at):
        return f"it holds at {_any(rule.at)}, and who judges is {_listed(at)}"
    if rule.until is not None and not rule.holds(now):
        return f"it has ended on {datetime.fromtimestamp(rule.until // SECOND, UTC):%Y-%m-%d %H:%M} UTC"
    if not rule.asks(params):
        wanted = ", ".join(f"{name}={_any(tuple(map(_said, values)))}" for name, values in rule.params)
        return f"it needs the parameters {wanted}"
    return ""


def _said(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _any(words: tuple[str, ...]) -> str:
    return " or ".join(words)


def _listed(party: Party) -> str:
    return ", ".join(sorted(party.words - {"*"})) or "nobody in particular"
