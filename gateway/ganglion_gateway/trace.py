# SPDX-License-Identifier: GPL-3.0-or-later
"""The path of one event, from a sensor to a webhook or a node, a line a stage with its time. Pure: rows to lines."""

from collections.abc import Sequence
from typing import Any

from ganglion.units import MILLISECOND
from ganglion_gateway.rows import sensor_of
from ganglion_gateway.store import relays
from ganglion_gateway.store.webhooks import DEAD, DELIVERED

#: Those of every trace; an event that was for another node has a line of the stage `node` behind them.
STAGES = ("sensor", "trigger", "prompt", "condition", "guardian", "actuator", "mesh", "gateway", "webhook")

DONE = "done"
PENDING = "pending"  # it has not happened yet
FAILED = "failed"
SKIPPED = "skipped"  # the run had no such step, or went another way

Line = dict[str, Any]
_Row = dict[str, Any]


def trace(
    event: _Row,
    episode: dict[str, Any] | None,
    attempts: Sequence[_Row],
    *,
    acts: Sequence[_Row] = (),
    relay: _Row | None = None,
    node: str,
    endpoints: dict[str, str],
) -> dict[str, Any]:
    """The document of `/api/v1/traces/{event}`.

    Args:
        event: A row of `events`.
        episode: Of the run that published it, where its node has told it.
        attempts: Its webhooks and their attempts.
        acts: What the node's guardian has done by itself about that run.
        relay: Its row of `relays`, where it was for another node.
        node: The node's name.
        endpoints: What people call the endpoints, by id.
    """
    ended = acts or ([event] if event["cls"] == "guardian" else [])
    lines = [
        *_run(event, episode, node),
        *map(_act, ended),
        *_way(event),
        *_webhooks(attempts, endpoints),
        *_relay(relay),
    ]
    first = min((line["at"] for line in lines if line["at"] is not None), default=event["timestamp"])
    for line in lines:
        line["since_ms"] = None if line["at"] is None else _ms(line["at"] - first)
    statuses = {line["status"] for line in lines}
    return {
        "event": {
            "id": event["id"],
            "node": {"id": event["node"], "name": node},
            "class": event["cls"],
            "topic": event["topic"],
            "value": event["value"],
            "timestamp": event["timestamp"],
            "run": event["run"],
        },
        "status": next((status for status in (FAILED, PENDING) if status in statuses), DONE),
        "lines": lines,
    }


def _line(
    stage: str, status: str, detail: str, *, at: int | None = None, took: int | None = None, step: str = ""
) -> Line:
    line: Line = {"stage": stage, "status": status, "at": at, "took_ms": None if took is None else _ms(took)}
    line["detail"] = detail
    if step:
        line["step"] = step
    return line


def _ms(nanoseconds: int) -> float:
    return round(nanoseconds / MILLISECOND, 3)


def _run(event: _Row, episode: dict[str, Any] | None, node: str) -> list[Line]:
    """From the sensor to the actuator: what the node's episode tells."""
    stages = STAGES[: STAGES.index("mesh")]
    if not event["run"]:
        return [_line(stage, SKIPPED, "no script published this event") for stage in stages]
    if episode is None:
        return [_line(stage, PENDING, f"{node} has not told the run {event['run']} yet") for stage in stages]
    lines = _start(episode)
    steps = [step for step in _list(episode.get("steps")) if isinstance(step, dict)]
    for stage, action, tell in (
        ("prompt", "prompt", _prompt),
        ("condition", "condition", _condition),
        ("guardian", "actuate", _guardian),
        ("actuator", "actuate", _actuator),
    ):
        found = [tell(step, _map(step.get("detail"))) for step in steps if _acted(step, action)]
        lines += found or [_line(stage, SKIPPED, "the run has no such step")]
    return lines


def _acted(step: dict[str, Any], action: str) -> bool:
    return step.get("action") == action and step.get("status") != "skipped"


def _start(episode: dict[str, Any]) -> list[Line]:
    cause = _map(episode.get("event"))
    at, started = _time(cause.get("timestamp")), _time(episode.get("started"))
    topic = str(cause.get("topic", ""))
    sensor = sensor_of(topic) if topic.startswith("sensor/") else topic
    trigger = str(episode.get("trigger") or "")
    script = f"{episode.get('script', '')}/{episode.get('protocol', '')}".strip("/")
    waited = started - at if at is not None and started is not None else None
    return [
        _line("sensor", DONE, f"{sensor or 'no event'} = {_show(cause.get('value'))}", at=at),
        _line("trigger", DONE, f"{trigger or 'started'} → {script}", at=started, took=waited),
    ]


def _prompt(step: dict[str, Any], detail: dict[str, Any]) -> Line:
    if otherwise := detail.get("otherwise"):
        told = f"otherwise: {otherwise}"
    elif step.get("status") == "failed":
        told = str(detail.get("error", "failed"))
    else:
        tokens = detail.get("tokens")
        if isinstance(tokens, dict):
            tokens = sum(count for count in tokens.values() if isinstance(count, int))
        told = f"{detail.get('model') or 'model'}, {'unknown' if tokens is None else tokens} tokens"
        told += f": {_show(detail.get('result'))}"
    return _step("prompt", step, told)


def _condition(step: dict[str, Any], detail: dict[str, Any]) -> Line:
    return _step("condition", step, f"→ {detail['next']}" if "next" in detail else str(detail.get("error", "no match")))


def _guardian(step: dict[str, Any], detail: dict[str, Any]) -> Line:
    actuator = detail.get("actuator", step.get("id"))
    if "accepted" not in detail:
        return _line("guardian", FAILED, str(detail.get("error", "it did not answer")), at=_time(step.get("started")))
    verdict = "accepted" if detail["accepted"] else "refused"
    reason = f" ({detail['reason']})" if detail.get("reason") else ""
    return _line("guardian", DONE, f"{actuator}: {verdict}{reason}", at=_time(step.get("started")), step=_id(step))


def _actuator(step: dict[str, Any], detail: dict[str, Any]) -> Line:
    if not detail.get("accepted"):
        return _line("actuator", SKIPPED, "the guardian did not let it")
    line = _step("actuator", step, f"{detail.get('actuator', _id(step))} = {_show(detail.get('value'))}")
    if line["at"] is not None and line["took_ms"] is not None:
        line["at"] = _time(step.get("ended"))
    return line


def _act(row: _Row) -> Line:
    """What the guardian did when nobody had asked it to, after the run perhaps."""
    said, actuator = _map(row["value"]), row["topic"].partition("/")[2]
    failure = said.get("failure")
    detail = f"{actuator} = {_show(said.get('value'))} by itself: {said.get('reason', '')}"
    return _line(
        "guardian", FAILED if failure else DONE, f"{detail}; {failure}" if failure else detail, at=row["timestamp"]
    )


def _step(stage: str, step: dict[str, Any], detail: str) -> Line:
    at, ended = _time(step.get("started")), _time(step.get("ended"))
    took = ended - at if at is not None and ended is not None else None
    attempts = step.get("attempts")
    again = f" (attempt {attempts})" if isinstance(attempts, int) and attempts > 1 else ""
    status = {"completed": DONE, "failed": FAILED}.get(str(step.get("status")), PENDING)
    return _line(stage, status, detail + again, at=at, took=took, step=_id(step))


def _way(event: _Row) -> list[Line]:
    """Through the mesh, into the database."""
    took = event["received"] - event["sealed"]
    skew = " (the clocks of node and gateway differ)" if took < 0 else ""
    stored = event["stored"] - event["received"]
    return [
        _line("mesh", DONE, f"signed by the node, taken by the gateway{skew}", at=event["sealed"], took=max(took, 0)),
        _line("gateway", DONE, f"stored as {event['id']}", at=event["received"], took=stored),
    ]


def _webhooks(attempts: Sequence[_Row], endpoints: dict[str, str]) -> list[Line]:
    """One line an endpoint, told by its last attempt."""
    last: dict[str, _Row] = {row["endpoint"]: row for row in attempts}
    if not last:
        return [_line("webhook", SKIPPED, "no endpoint asked for it")]
    lines = []
    for endpoint, row in last.items():
        name = endpoints.get(endpoint, endpoint)
        tries = f", attempt {row['attempts']}" if row["attempts"] > 1 else ""
        if row["state"] == DELIVERED:
            line = _line(
                "webhook", DONE, f"{name} took it: HTTP {row['status']}{tries}", at=row["at"], took=row["took"]
            )
        elif row["state"] == DEAD:
            line = _line("webhook", FAILED, f"{name}: given up{tries}: {row['error'] or 'too old'}", at=row["at"])
        elif row["at"] is None:
            line = _line("webhook", PENDING, f"{name}: waits")
        else:
            line = _line("webhook", PENDING, f"{name}: {row['error']}{tries}; it is tried again")
        lines.append({**line, "endpoint": endpoint})
    return lines


def _relay(row: _Row | None) -> list[Line]:
    """To the node it was for; nothing where it was for the gateway alone."""
    if row is None:
        return []
    if row["state"] == relays.DELIVERED:
        return [_line("node", DONE, f"{row['node']} took it", at=row["ended"])]
    if row["state"] == relays.DEAD:
        return [_line("node", FAILED, f"{row['node']}: given up: {row['error']}", at=row["ended"])]
    return [
        _line("node", PENDING, f"{row['node']}: {row['error'] or 'waits for one node of that name or id to be there'}")
    ]


def _show(value: Any) -> str:
    text = str(value) if not isinstance(value, float) else f"{value:g}"
    return text if len(text) <= 120 else text[:119] + "…"


def _time(value: Any) -> int | None:
    return value if type(value) is int else None


def _id(step: dict[str, Any]) -> str:
    return str(step.get("id", ""))


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
