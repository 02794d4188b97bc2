# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases of tests/conformance/mova, and each as the bytes that `support.mova_replay` replays.

A file there is a list of cases, and a new one is a part of the suite. Two are tables, whose rows become cases here.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion_micro import cbor
from support.mova import edge

HERE = Path(__file__).parents[1] / "conformance" / "mova"
EVENT = {"id": "e", "source": "s", "topic": "t", "value": None, "payload": None, "timestamp": 0}


def _operator(value: Any, operator: str, wanted: Any, holds: bool) -> dict[str, Any]:
    """A step that runs where a condition holds."""
    condition = {"variable": "x", "operator": operator}
    if wanted is not None or operator in ("equals", "not_equals"):
        condition["value"] = wanted
    step = {"id": "say", "action": "log", "message": "holds", "conditions": [condition]}
    return {
        "name": f"{value!r} {operator} {wanted!r}",
        "document": edge(f"- {_flow(step)}"),
        "session": {} if value == "absent" else {"x": value},
        "answers": [{"ok": None}] if holds else [],
        "expect": [{"log": {"message": "holds"}}] if holds else [],
    }


def _error(expression: str, message: str) -> dict[str, Any]:
    """A step whose expression has no value."""
    step = {"id": "set", "action": "set", "values": {"x": expression}}
    return {
        "name": f"{expression} fails",
        "document": edge(f"- {_flow(step)}"),
        "session": {"list": [1]},
        "answers": [],
        "expect": [],
        "done": {"status": "failed", "error": f"step set failed: {message}", "data": {"list": [1]}},
    }


def _flow(step: dict[str, Any]) -> str:
    return yaml.safe_dump(step, default_flow_style=True, width=9999, allow_unicode=True).strip()


_TABLES: dict[str, Callable[..., dict[str, Any]]] = {"operators": _operator, "expression_errors": _error}


def _cases(path: Path) -> list[dict[str, Any]]:
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [_TABLES[path.stem](*row) for row in rows] if path.stem in _TABLES else list(rows)


CASES = [case for path in sorted(HERE.glob("*.yaml")) for case in _cases(path)]


def recording(case: dict[str, Any]) -> bytes:
    """The case as the bytes that `replay` takes, here and under MicroPython."""
    plan = compile(load(case["document"], file="case.yaml")).encode()
    session = {"session_id": "s", "data": case["session"]} if "session" in case else None
    results = []
    for i, answer in enumerate(case["answers"]):
        branch = answer.get("branch", "")
        ((kind, value),) = ((key, item) for key, item in answer.items() if key != "branch")
        results.append([(i + 2) * 1_000_000, kind, value, branch])
    return cbor.encode([plan, "main", {**EVENT, **case.get("event", {})}, session, 1_000_000, results])
