# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with an episode: it is kept small enough to be sent, made into a result, looked at when it comes in."""

import json
from typing import Any

from ganglion.errors import InvalidError
from ganglion.units import MILLISECOND

#: Characters of one step's result in an episode; the whole must fit a message of 64 KiB beside 127 others.
MAX_RESULT = 400
#: What may be long.
_LONG = frozenset((str, list, dict))


def bounded(episode: dict[str, Any]) -> dict[str, Any]:
    """The episode, with results cut that are too long to be sent; itself where there is none."""
    # Nearly every episode is short, and there is one for each event that fires: no call more than it takes
    if type(episode["event"]["value"]) not in _LONG:
        for step in episode["steps"]:
            for value in step["detail"].values():
                if type(value) in _LONG and (type(value) is not str or len(value) > MAX_RESULT):
                    return _bounded(episode)
        return episode
    return _bounded(episode)


def _bounded(episode: dict[str, Any]) -> dict[str, Any]:
    steps = episode["steps"]
    for i, step in enumerate(steps):
        for key, value in step["detail"].items():
            if type(value) in _LONG and (cut := _cut(value)) is not value:
                if steps is episode["steps"]:
                    steps = list(steps)
                if steps[i] is step:
                    steps[i] = {**step, "detail": dict(step["detail"])}
                steps[i]["detail"][key] = cut
    event = episode["event"]
    if type(event["value"]) in _LONG:
        event = {**event, "value": _cut(event["value"])}
    if steps is episode["steps"] and event["value"] is episode["event"]["value"]:
        return episode
    return {**episode, "event": event, "steps": steps}


def _cut(value: Any) -> Any:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return value if len(shown) <= MAX_RESULT else shown[:MAX_RESULT] + "…"


def result(episode: dict[str, Any], session_id: str, data: dict[str, Any]) -> dict[str, Any]:
    """The result of a run, as the language specifies it; with `omitted`, where steps are left out, their number."""
    made = {
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
    return made | ({"omitted": episode["omitted"]} if episode.get("omitted") else {})


def _result(detail: dict[str, Any]) -> Any:
    """What a step gave: its value where it has nothing else to say, else all of its detail.

    What is missing is named once, however often the step was filled in.
    """
    if not detail:
        return None
    if "missing" in detail:
        return detail | {"missing": list(dict.fromkeys(detail["missing"]))}
    return detail["result"] if detail.keys() == {"result"} else detail


def checked(document: Any, *, where: str) -> dict[str, Any]:
    """A document from outside, if it is an episode.

    Raises:
        InvalidError: it is none.
    """
    if not (
        _has(document, str, "script", "protocol", "status")
        and _timed(document)
        and isinstance(document.get("event"), dict)
        and isinstance(document.get("steps"), list)
        and all(_is_step(step) for step in document["steps"])
    ):
        raise InvalidError("is no trace of a run: `ganglion mova run … --trace FILE` writes one", where=where)
    found: dict[str, Any] = document
    return found


def _is_step(step: Any) -> bool:
    return (
        _has(step, str, "id", "action", "status")
        and _timed(step)
        and isinstance(step.get("attempts"), int)
        and isinstance(step.get("detail"), dict)
    )


def _timed(document: dict[str, Any]) -> bool:
    return _has(document, int, "started", "ended") and 0 <= document["started"] <= document["ended"] < 1 << 63


def _has(document: Any, kind: type, *keys: str) -> bool:
    return isinstance(document, dict) and all(isinstance(document.get(key), kind) for key in keys)
