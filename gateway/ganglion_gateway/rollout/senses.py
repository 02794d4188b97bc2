# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollout hears of its nodes: from the fleet in memory, and from what is stored of it."""

from collections.abc import Iterable
from typing import Any

from ganglion_gateway.fleet import Fleet, Node
from ganglion_gateway.leaves import leaf_of
from ganglion_gateway.rollout.contract import Report
from ganglion_gateway.rollout.happening import Alerted, Crashed, Gone, Happening, Presence, Read
from ganglion_gateway.rollout.machine import Machine
from ganglion_gateway.rollout.target import OUT, RUNS
from ganglion_gateway.store.rollouts import CRASH

#: Letters of why a node has crashed.
_WHY = 200
#: Kinds of crashes that are none of the software: the machine stopped.
_NO_FAULT = frozenset({"reset"})


class Senses:
    """The fleet as one rollout sees it: its nodes have the ids that they had when it began.

    Args:
        fleet: Everybody.
        machine: The rollout.
    """

    def __init__(self, fleet: Fleet, machine: Machine) -> None:
        self._fleet = fleet
        self._machine = machine

    def node(self, target: str) -> Node | None:
        """A node of the rollout, whatever its id is by now."""
        return self._fleet.nodes.get(self._fleet.now(target))

    def current(self, target: str) -> str:
        """The id that a node of the rollout has now."""
        return self._fleet.now(target)

    def present(self) -> list[str]:
        """Nodes of the rollout that are there."""
        return [id for id in self._machine.targets if (node := self.node(id)) is not None and node.online]

    def target(self, id: str) -> str | None:
        """Under which id the rollout knows a node; None where it does not."""
        if id in self._machine.targets:
            return id
        node = self._fleet.nodes.get(self._fleet.now(id))
        return None if node is None else next((each for each in node.ids if each in self._machine.targets), None)

    def now(self) -> list[Happening]:
        """Who has come or gone since it was asked last, and what those read who are judged by it."""
        found: list[Happening] = []
        if not self._machine.rollout.state.is_live:
            return found
        wanted = {bound.sensor for bound in self._machine.rollout.terms.bounds}
        for id, target in self._machine.targets.items():
            if target.state in OUT or (node := self.node(id)) is None:
                continue
            if node.revoked is not None:
                found.append(Gone(id, "was revoked"))
                continue
            if node.online is not (id in self._machine.online):
                found.append(Presence(id, node.online))
            if target.state in RUNS:
                found += [Read(id, sensor, value) for sensor, value in _readings(node, wanted, target.assigned)]
        return found

    def said(self, reports: Iterable[Report]) -> list[Happening]:
        """What nodes of it have reported."""
        return [report._replace(node=id) for report in reports if (id := self.target(report.node)) is not None]

    def stored(self, rows: Iterable[dict[str, Any]]) -> list[Happening]:
        """What these events of the fleet mean to it: nothing where they are of a leaf, or of before it came."""
        found: list[Happening] = []
        for row in rows:
            id = self.target(row["node"])
            if id is None or leaf_of(row) is not None or row["number"] <= self._machine.rollout.seen:
                continue
            if row["cls"] != CRASH:
                found.append(Alerted(id))
            elif (why := _crash(row, self._machine.targets[id].assigned)) is not None:
                found.append(Crashed(id, why))
        return found


def _readings(node: Node, wanted: Iterable[str], since: int) -> list[tuple[str, float]]:
    found = []
    for sensor in wanted:
        latest = node.sensors.get(sensor)
        if latest is not None and latest.timestamp >= since and isinstance(latest.value, int | float):
            found.append((sensor, float(latest.value)))
    return found


def _crash(row: dict[str, Any], since: int) -> str | None:
    """What is said of a crash; None of one that no release is to blame for: a power cut, or one of before."""
    said = row["value"] if isinstance(row["value"], dict) else {}
    at = said.get("at")
    if said.get("kind") in _NO_FAULT or (at if isinstance(at, int) else row["timestamp"]) < since:
        return None
    text = said.get("text") or said.get("error")
    lines = text.strip().splitlines() if isinstance(text, str) else []
    return lines[-1][:_WHY] if lines else ""
