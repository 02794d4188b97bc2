# SPDX-License-Identifier: GPL-3.0-or-later
"""Where operators plan, begin and look at rollouts: nodes and releases in, documents out."""

import secrets
from collections.abc import Sequence
from typing import Any

from ganglion.errors import NotFoundError
from ganglion.release.requires import is_older
from ganglion.sentences import joined, say
from ganglion_gateway.fleet import Fleet, Node
from ganglion_gateway.rollout.contract import Release, Releases, Reported
from ganglion_gateway.rollout.controller import Controller
from ganglion_gateway.rollout.planning import Candidate, Plan, plan
from ganglion_gateway.rollout.target import State, Stood
from ganglion_gateway.rollout.terms import Terms
from ganglion_gateway.selecting import chosen, parse, strange
from ganglion_gateway.store import rollouts as store
from ganglion_gateway.store.database import Database, Row

#: Ends of the sensors that read how many bytes could be stored, of nodes whose vitals do not say it.
_FREE = ".disk_available"
#: Nodes and notes of a report; pages have the rest.
_REPORTED = 200


class Desk:
    """See above.

    Args:
        database: Has the rollouts.
        fleet: Has the nodes.
        releases: Has the releases.
        controller: Runs the rollouts.

    Attributes:
        controller: Runs the rollouts.
    """

    def __init__(self, database: Database, fleet: Fleet, releases: Releases, controller: Controller) -> None:
        self._database = database
        self._fleet = fleet
        self._releases = releases
        self.controller = controller

    async def plan(self, release: str, selector: str, terms: Terms, *, id: str | None = None) -> Plan:
        """What a rollout would do, and nothing is done.

        Args:
            release: Its id, or what else people call it.
            id: What the rollout is to be called; the same one has the same cohorts.

        Raises:
            InvalidError: the selector is none.
            NotFoundError: there is no such release, or nobody is meant.
            UnfitError: several releases are meant.
        """
        meant, found = parse(selector), await self._releases.find(release)
        nodes = chosen(meant, self._fleet.nodes.values())
        if not nodes:
            why = joined("; ", strange(meant, list(self._fleet.nodes.values()))[:3])
            raise NotFoundError(why or say("no node is {selector}", selector=selector))
        made = await self._candidates(found, nodes)
        return plan(id or secrets.token_hex(4), found, terms, made)

    async def start(
        self, release: str, selector: str, terms: Terms, *, by: str, id: str | None = None
    ) -> dict[str, Any]:
        """Plans and begins; the document of the rollout. Raises: see `plan` and `Controller.start`."""
        made = await self.plan(release, selector, terms, id=id)
        await self.controller.start(made, selector=selector.strip(), by=by)
        return await self.document(made.rollout)

    async def _candidates(self, release: Release, nodes: Sequence[Node]) -> list[Candidate]:
        ids = [node.id for node in nodes]
        assigned = await self._releases.assigned(ids)
        last = {report.node: report for report in await self._releases.standing(ids)}
        busy = await store.busy(self._database, [id for node in nodes for id in node.ids])
        found = []
        for node in nodes:
            said = last.get(node.id)
            has = said is not None and (said.release, said.state) == (release.id, Reported.COMMITTED)
            found.append(
                Candidate(
                    node=node.id,
                    name=node.name,
                    lacks=tuple(release.lacking(board=node.board, sw=node.sw, caps=node.caps)),
                    weight=release.weight(node.caps),
                    runs=(node.sw.rpartition("/")[2], release.brings(node.sw, node.caps)),
                    free=_free(node),
                    online=node.online,
                    sleeps=node.sleeps > 0,
                    has=has,
                    before=assigned.get(node.id),
                    busy=next((busy[id] for id in node.ids if id in busy), ""),
                )
            )
        return found

    def planned(self, made: Plan, selector: str) -> dict[str, Any]:
        """The document of a plan."""
        nodes = [each for cohort in made.cohorts for each in cohort]
        return {
            "id": made.rollout,
            "release": made.release,
            "name": made.name,
            "selector": selector.strip(),
            "terms": made.terms.document(),
            "nodes": len(nodes),
            "stages": [
                {"number": number, "percent": stage.percent, "soak": stage.soak, "size": len(cohort)}
                | {"nodes": [_planned(each) for each in cohort]}
                for number, (stage, cohort) in enumerate(zip(made.terms.stages, made.cohorts, strict=True), 1)
            ],
            "asleep": [each.node for each in nodes if each.sleeps and not each.online],
            "away": [each.node for each in nodes if not (each.sleeps or each.online)],
            "versions": [_version(each) for each in nodes if all(each.runs) and each.runs[0] != each.runs[1]],
            "already": [each.node for each in nodes if each.has],
            "space_unknown": [each.node for each in nodes if each.free is None],
            "busy": [{"node": each.node, "name": each.name, "rollout": each.busy} for each in made.busy],
            "skipped": [{"node": each.node, "name": each.name, "why": why} for each, why in made.skipped],
            "unknown": strange(parse(selector), list(self._fleet.nodes.values())),
        }

    async def document(self, rollout: str) -> dict[str, Any]:
        """A rollout, in numbers.

        Raises:
            NotFoundError: there is none of this id.
        """
        return await self._document(await self._find(rollout))

    async def page(
        self, *, state: str | None, before: int | None, limit: int
    ) -> tuple[list[Row], list[dict[str, Any]]]:
        """Rollouts, the newest first: their rows, and their documents."""
        rows = await store.page(self._database, state=state, before=before, limit=limit)
        return rows, [await self._document(row) for row in rows]

    async def _document(self, row: Row) -> dict[str, Any]:
        counts = await store.counts(self._database, row["id"])
        stages = await store.stages_of(self._database, row["id"])
        live = State(row["state"]).is_live
        total: dict[str, int] = {}
        for some in counts.values():
            for state, count in some.items():
                total[state] = total.get(state, 0) + count
        fields = ("id", "release", "name", "selector", "state", "why", "by", "created", "terms")
        return {name: row[name] for name in fields} | {
            "ended": row["ended"] or None,
            "stage": row["stage"] + 1,
            "stages": [_stage(each, counts.get(each["number"], {}), live=live) for each in stages],
            "nodes": total,
        }

    async def nodes(self, rollout: str, *, states: Sequence[str], after: int | None, limit: int) -> list[Row]:
        """Its nodes, in the order in which it comes to them. Raises: see `document`."""
        await self._find(rollout)
        return await store.nodes(self._database, rollout, states=states, after=after, limit=limit)

    def node(self, row: Row) -> dict[str, Any]:
        """The document of one of them."""
        fields = ("node", "state", "why", "before", "crashes", "alerts")
        times = {name: row[name] or None for name in ("assigned", "changed")}
        stage = row["stage"] + 1 if row["stage"] >= 0 else None
        sent_back, sleeps = row["want"] == "before", row["sleeps"]
        return (
            {name: row[name] for name in fields}
            | times
            | {
                "name": self._fleet.name(row["node"]),
                "stage": stage,
                "sent_back": sent_back,
                "sleeps": sleeps,
            }
        )

    async def notes(self, rollout: str, *, after: int | None, limit: int) -> list[Row]:
        """What happened in it, the first first. Raises: see `document`."""
        await self._find(rollout)
        return await store.notes(self._database, rollout, after=after, limit=limit)

    async def report(self, rollout: str) -> dict[str, Any]:
        """All that somebody wants to read when it is over. Raises: see `document`."""
        document = await self.document(rollout)
        troubled = await store.nodes(self._database, rollout, states=store.TOLD_OF, after=None, limit=_REPORTED)
        notes = await store.notes(self._database, rollout, after=None, limit=_REPORTED)
        return document | {"troubled": [self.node(row) for row in troubled], "notes": [self.note(row) for row in notes]}

    def note(self, row: Row) -> dict[str, Any]:
        """The document of what happened."""
        return note_document(self._fleet, row)

    async def _find(self, rollout: str) -> Row:
        row = await store.find(self._database, rollout)
        if row is None:
            raise NotFoundError(
                say("there is no rollout {rollout}: `ganglion rollout list` shows those there are", rollout=rollout)
            )
        return row


def note_document(fleet: Fleet, row: Row) -> dict[str, Any]:
    """What happened; the node that it is of by its name, which what is stored has by its id."""
    node, colon, why = row["detail"].partition(":")
    return {"at": row["at"], "what": row["what"], "detail": f"{fleet.name(node)}{colon}{why}"}


def is_live(document: dict[str, Any]) -> bool:
    """Whether a rollout may still come to nodes."""
    return State(document["state"]).is_live


def _planned(each: Candidate) -> dict[str, Any]:
    return {name: getattr(each, name) for name in ("node", "name", "online", "sleeps")}


def _version(each: Candidate) -> dict[str, Any]:
    """That a node would run another version of Ganglion."""
    before, after = each.runs
    return {"node": each.node, "name": each.name, "before": before, "after": after, "older": is_older(after, before)}


def _stage(row: Row, counts: dict[str, int], *, live: bool) -> dict[str, Any]:
    stood = Stood(row["state"])
    fields = {name: row[name] for name in ("percent", "soak", "size")}
    fields["state"] = (stood if live else stood.ended).value
    times = {name: row[name] or None for name in ("began", "held", "passed")}
    return {"number": row["number"] + 1} | fields | times | {"nodes": counts}


def _free(node: Node) -> int | None:
    """Bytes that a node could store; None where it does not say.

    Its vitals are of where it keeps its state, and so a release; a sensor is of wherever it was pointed to.
    """
    kept = node.facts.vitals.get("disk")
    if isinstance(kept, int | float) and kept >= 0:
        return int(kept)
    said = [latest.value for sensor, latest in node.sensors.items() if sensor.endswith(_FREE)]
    numbers = [int(value) for value in said if isinstance(value, int | float) and value >= 0]
    return min(numbers, default=None)
