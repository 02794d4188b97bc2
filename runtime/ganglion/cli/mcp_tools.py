# SPDX-License-Identifier: GPL-3.0-or-later
"""What a language model may do by MCP, in terms of the gateway's API. Whatever it changes counts as a model's wish.

Nothing of the protocol is here: each function takes a client of the gateway and plain values, and returns what JSON can
say. Lists are cut, as a model reads all that it is given.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

from ganglion.cli.gateway_client import GatewayClient
from ganglion.client.operations import consents, events, fleet
from ganglion.client.operations import rollouts as api
from ganglion.errors import GanglionError, InvalidError, NotFoundError
from ganglion.units import SECOND, duration

#: Entries of a list, and points of a history, that a model is given.
MAX_ENTRIES = 200
MAX_POINTS = 120
#: Seconds that a command may take, with the time that a person has for consent; and what only looks.
COMMAND = 290.0
_ASKED = 10.0
#: Letters of why a command is wished for.
_MAX_WHY = 200


def listed(gateway: GatewayClient, what: str, tag: str) -> dict[str, Any]:
    """Nodes in short, the last alerts, or the commands that wait for a person."""
    if what == "alerts":
        alerts = gateway.ask(events.get_events(class_="alert", limit=MAX_ENTRIES))["events"]
        return {"alerts": [{**_picked(each, "id", "node", "topic", "value"), "at": _time(each)} for each in alerts]}
    if what == "consents":
        return {"consents": gateway.ask(consents.get_consents(limit=MAX_ENTRIES))["consents"]}
    nodes = [node for node in gateway.pages(fleet.get_nodes(), "nodes") if not tag or tag in node["tags"]]
    short = [
        {
            **_picked(node, "name", "id", "board", "online", "tags"),
            "sensors": [*node["sensors"]],
            **({"leaves": [f"{node['name']}/{leaf['name']}" for leaf in node["leaves"]]} if node["leaves"] else {}),
        }
        for node in nodes
    ]
    return {"nodes": short[:MAX_ENTRIES], "of": len(short)}


def described(gateway: GatewayClient, node: str) -> dict[str, Any]:
    """A node or leaf with sensors, actuators and their risk, and scripts, as far as it is there to say so."""
    known = _known(gateway, node)
    told: dict[str, Any] = _picked(known, "name", "id", "board", "sw", "online", "tags", "leaves", "parent")
    told["sensors"] = {name: _picked(each, "value", "unit") for name, each in known["sensors"].items()}
    asked = {"actuators": "actuators.list", "scripts": "scripts.list"}
    if "parent" in known:  # the inventory has them, for who may only look, too
        told["actuators"], asked = known["actuators"], {"scripts": "scripts.list"}
    for key, method in asked.items():
        try:
            told[key] = _command(gateway, node, method, {})[key]
        except GanglionError as error:
            told[key] = f"unknown: {error}"
    return told


def read(gateway: GatewayClient, node: str, sensor: str) -> dict[str, Any]:
    """The newest value of a sensor, or of all of a node or leaf."""
    sensors = _known(gateway, node)["sensors"]
    if sensor and sensor not in sensors:
        raise InvalidError(f"{node} has no sensor {sensor!r}; it has {', '.join(sensors) or 'none yet'}")
    chosen = {sensor: sensors[sensor]} if sensor else sensors
    return {
        name: {"value": each["value"], "unit": each["unit"], "at": _moment(each["timestamp"])}
        for name, each in chosen.items()
    }


def commanded(
    gateway: GatewayClient, node: str, actuator: str, value: Any, why: str, seconds: float | None
) -> dict[str, Any]:
    """Asks a node's guardian on behalf of a model: its risk class decides, and where it says so a person."""
    params = {"actuator": actuator, "value": value, "advised": True, "why": why[:_MAX_WHY]}
    if seconds is not None:
        params["for"] = f"{seconds:g}s"
    if "/" in node:
        del params["why"]  # a leaf asks nobody: its risks are `low` and `never`
    done: dict[str, Any] = _command(gateway, node, "actuators.set", params, timeout=COMMAND)
    return done


def _known(gateway: GatewayClient, node: str) -> Mapping[str, Any]:
    """What the gateway knows of a node, or of a leaf as PARENT/LEAF.

    Raises:
        NotFoundError: there is no such leaf.
    """
    parent, _, name = node.partition("/")
    known: Mapping[str, Any] = gateway.ask(fleet.get_nodes_node(parent))
    if not name:
        return known
    leaves: dict[str, Mapping[str, Any]] = {leaf["name"]: leaf for leaf in known["leaves"]}
    if name not in leaves:
        raise NotFoundError(f"{parent} has no leaf {name!r}; it has {', '.join(leaves) or 'none'}")
    return leaves[name]


def _command(
    gateway: GatewayClient, node: str, method: str, params: Mapping[str, Any], *, timeout: float = _ASKED
) -> Any:
    """What a node answers, or a leaf, which is asked by its parent."""
    parent, _, leaf = node.partition("/")
    if leaf:
        method, params = "leaf.call", {"leaf": leaf, "method": method, "params": params}
    return gateway.command(parent, method, params, timeout=timeout)["result"]


def history(gateway: GatewayClient, node: str, sensor: str, since: str, now: int) -> dict[str, Any]:
    """What a sensor has read, as the means of at most `MAX_POINTS` spans of time."""
    begin = max(0, now - duration(since, where="since"))
    parent, _, leaf = node.partition("/")
    stream = f"leaf.{leaf}.{sensor}" if leaf else sensor
    told = gateway.ask(fleet.get_nodes_node_readings(parent, sensor=stream, since=begin, limit=10_000))
    readings = told["readings"]
    numbers = [each for each in readings if isinstance(each[1], int | float)]
    summary: dict[str, Any] = {"sensor": sensor, "unit": told["unit"], "readings": len(readings)}
    if not numbers:
        last = readings[-MAX_POINTS:]
        return {**summary, "points": [[_moment(at), value] for at, value in last]}
    values = [value for _, value in numbers]
    return {
        **summary,
        "least": min(values),
        "most": max(values),
        "mean": round(fmean(values), 6),
        "points": [[_moment(at), value] for at, value in _thinned(numbers)],
    }


def rollouts(gateway: GatewayClient, rollout: str) -> dict[str, Any]:
    """How a rollout goes, or all of them in short."""
    if not rollout:
        return {"rollouts": gateway.ask(api.get_rollouts(limit=20))["rollouts"]}
    return {**gateway.ask(api.get_rollouts_rollout_report(rollout))}


def _thinned(readings: Sequence[list[Any]]) -> list[list[Any]]:
    """The mean of each of some spans of equal length, at the time of its first reading."""
    first, last = readings[0][0], readings[-1][0]
    span = max(1, -(-(last - first + 1) // MAX_POINTS))
    spans: dict[int, list[list[Any]]] = {}
    for each in readings:
        spans.setdefault((each[0] - first) // span, []).append(each)
    return [[each[0][0], round(fmean(value for _, value in each), 6)] for each in spans.values()]


def _picked(document: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: document[key] for key in keys if key in document}


def _time(event: Mapping[str, Any]) -> str:
    return _moment(event["timestamp"])


def _moment(nanoseconds: int) -> str:
    """A time as RFC 3339 writes it; a node may say any number."""
    try:
        return datetime.fromtimestamp(nanoseconds // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(nanoseconds)
