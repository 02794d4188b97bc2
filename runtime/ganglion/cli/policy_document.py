# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy as people write it: a document of the mesh whose times are dates."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ganglion.cli import config_document
from ganglion.errors import InvalidError
from ganglion.mesh.policy import Policy
from ganglion.mesh.signed_config import POLICIES
from ganglion.units import SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(file: Path) -> tuple[Policy, bool]:
    """The policy in a file; see `config_document.read`."""
    return config_document.read(file, POLICIES, prepared=_timed, verify=lambda policy: None)


def written(made: Policy) -> str:
    """The same as YAML, for people to change."""
    return config_document.written({**made.document, "rules": [_dated(rule) for rule in made.document["rules"]]})


def _timed(root: dict[str, Any]) -> dict[str, Any]:
    """The document with the nanoseconds of its dates."""
    rules = root.get("rules")
    if not isinstance(rules, list):
        return root
    return {**root, "rules": [_with_nanoseconds(rule, i) for i, rule in enumerate(rules)]}


def _with_nanoseconds(rule: Any, i: int) -> Any:
    if not isinstance(rule, dict) or not isinstance(until := rule.get("until"), str):
        return rule
    where = f"policy.rules[{i}].until"
    try:
        date = datetime.fromisoformat(until)
    except ValueError:
        date = None
    if date is None or date.tzinfo is None:
        raise InvalidError(f"{until!r} is no time: write it as 2026-12-31T18:00:00Z", where=where)
    return {**rule, "until": (date - _EPOCH) // timedelta(microseconds=1) * 1000}


def _dated(rule: dict[str, Any]) -> dict[str, Any]:
    until = rule.get("until")
    if type(until) is not int or until % SECOND or until >= 253_402_300_800 * SECOND:  # the year 10000
        return rule
    return {**rule, "until": f"{datetime.fromtimestamp(until // SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"}
