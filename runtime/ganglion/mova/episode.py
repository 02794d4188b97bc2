# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps an episode small enough to be sent, and turns one into the result that `ganglion mova run` prints."""

import json
from typing import Any

from ganglion.units import MILLISECOND

#: Characters of one step's result in an episode; the whole must fit a message of 64 KiB beside 127 others.
MAX_RESULT = 400


def bounded(episode: dict[str, Any]) -> dict[str, Any]:
    """The episode, with results cut that are too long to be sent. The steps are changed in place."""
    for step in episode["steps"]:
        if detail := step["detail"]:
            for key, value in detail.items():
                kind = type(value)
                if kind is dict or kind is list or (kind is str and len(value) > MAX_RESULT):
                    detail[key] = _cut(value)
    value = episode["event"]["value"]
    if isinstance(value, str | list | dict):
        episode["event"]["value"] = _cut(value)
    return episode


def _cut(value: Any) -> Any:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return value if len(shown) <= MAX_RESULT else shown[:MAX_RESULT] + "…"


def result(episode: dict[str, Any], session_id: str, data: dict[str, Any]) -> dict[str, Any]:
    """The result of a run, as the language specifies it."""
    return {
        "protocol": episode["protocol"],
        "session_id": session_id,
        "status": episode["status"],
        "error": episode["error"],
        "steps": [
            {
                "id": step["id"],
                "action": step["action"],
                "status": step["status"],
                "attempts": step["attempts"],
                "duration_ms": round((step["ended"] - step["started"]) / MILLISECOND, 3),
                "result": _result(step["detail"]),
            }
            for step in episode["steps"]
        ],
        "session": {"session_id": session_id, "data": data},
    }


def _result(detail: dict[str, Any]) -> Any:
    """What a step gave: its value where it has nothing else to say, else all of its detail."""
    if not detail:
        return None
    return detail["result"] if detail.keys() == {"result"} else detail
