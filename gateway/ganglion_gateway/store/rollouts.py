# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts, stored as one thing each: what one gateway saves, another has not changed meanwhile, or it is refused."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import GanglionError, RefusedError
from ganglion.sentences import say
from ganglion_gateway.rollout.target import BAD, At, Changes, Rollout, StageRow, State, Stood, Target, Want
from ganglion_gateway.rollout.terms import Terms
from ganglion_gateway.settings import Retention
from ganglion_gateway.store import audit
from ganglion_gateway.store.database import Database, Row, insert_or_update
from ganglion_gateway.store.rollout_tables import rollout_notes, rollout_stages, rollout_targets, rollouts
from ganglion_gateway.store.tables import events

#: Rows of one statement: databases take only so many values at once.
_CHUNK = 500
#: What is written into the audit, too.
_AUDITED = frozenset({"stage", "paused", "resumed", "aborted", "completed"})
#: Events by which the health of a node is judged.
CRASH, ALERT = "crash", "alert"


class OvertakenError(GanglionError):
    """Somebody else has saved the rollout meanwhile: it is to be read again."""

    retry = True


@dataclass(frozen=True, slots=True)
class Save:
    """What is to be saved, as rows: what they were made of may go on meanwhile.

    Attributes:
        version: That which is replaced.
    """

    rollout: Row
    version: int
    stages: list[Row]
    targets: list[Row]
    notes: list[Row]

    @classmethod
    def of(cls, changes: Changes, *, is_over: bool) -> "Save":
        """The rows of changes."""
        rollout = changes.rollout
        return cls(
            rollout={**_row(rollout), "version": rollout.version + 1, "open": not is_over},
            version=rollout.version,
            stages=[{**asdict(each), "rollout": rollout.id} for each in changes.stages],
            targets=[_target_row(each, rollout) for each in changes.targets],
            notes=[{**asdict(each), "rollout": rollout.id} for each in changes.notes],
        )


def _row(rollout: Rollout) -> Row:
    return {**asdict(rollout), "terms": rollout.terms.document()}


def _target_row(target: Target, rollout: Rollout) -> Row:
    may = target.stage >= 0 and target.state is not At.GONE and (rollout.state.is_live or not target.told)
    return {**asdict(target), "rollout": rollout.id, "claimed": target.node if may else None}


async def create(
    connection: AsyncConnection, rollout: Rollout, stages: Sequence[StageRow], targets: Sequence[Target]
) -> None:
    """A new rollout.

    Raises:
        IntegrityError: another one has one of its nodes, or its id.
    """
    await connection.execute(insert(rollouts), [{**_row(rollout), "open": True}])
    await connection.execute(insert(rollout_stages), [{**asdict(each), "rollout": rollout.id} for each in stages])
    rows = [_target_row(each, rollout) for each in targets]
    for start in range(0, len(rows), _CHUNK):
        await connection.execute(insert(rollout_targets), rows[start : start + _CHUNK])


async def save(connection: AsyncConnection, what: Save, *, actor: str) -> None:
    """What has changed, all or nothing.

    Args:
        actor: Who did it, for the audit.

    Raises:
        OvertakenError: it was changed by somebody else since it was read.
    """
    id = what.rollout["id"]
    mine = (rollouts.c.id == id) & (rollouts.c.version == what.version)
    done = await connection.execute(update(rollouts).where(mine).values(**what.rollout))
    if done.rowcount != 1:
        raise OvertakenError(
            say("rollout {rollout} was changed by somebody else meanwhile: look at it again", rollout=id)
        )
    if what.stages:
        await connection.execute(insert_or_update(connection, rollout_stages, ["rollout", "number"]), what.stages)
    for start in range(0, len(what.targets), _CHUNK):
        statement = insert_or_update(connection, rollout_targets, ["rollout", "node"])
        await connection.execute(statement, what.targets[start : start + _CHUNK])
    if not State(what.rollout["state"]).is_live:
        left = (rollout_targets.c.rollout == id) & rollout_targets.c.told
        await connection.execute(update(rollout_targets).where(left).values(claimed=None))
    if what.notes:
        await connection.execute(insert(rollout_notes), what.notes)
    for note in what.notes:
        if note["what"] in _AUDITED:
            detail = {"detail": note["detail"]} if note["detail"] else {}
            action = f"rollout.{note['what']}"
            await audit.record(connection, at=note["at"], actor=actor, action=action, target=id, detail=detail)


async def check(connection: AsyncConnection, rollout: str, version: int) -> None:
    """Lets a transaction go on where a rollout is as it was saved last.

    Raises:
        OvertakenError: somebody has saved it since.
    """
    known = (await connection.execute(select(rollouts.c.version).where(rollouts.c.id == rollout))).scalar()
    if known != version:
        raise OvertakenError(
            say("rollout {rollout} was changed by somebody else meanwhile: look at it again", rollout=rollout)
        )


async def versions(database: Database) -> dict[str, int]:
    """Those on which something is left to do or to hear, with the version that is saved."""
    rows = await database.all(select(rollouts.c.id, rollouts.c.version).where(rollouts.c.open))
    return {row["id"]: row["version"] for row in rows}


async def load(database: Database, rollout: str) -> tuple[Rollout, list[StageRow], list[Target]] | None:
    """All of a rollout, as of one moment; None where there is none."""
    while True:
        row = await find(database, rollout)
        if row is None:
            return None
        mine = rollout_stages.c.rollout == rollout
        stages = await database.all(select(rollout_stages).where(mine).order_by(rollout_stages.c.number))
        targets = await database.all(select(rollout_targets).where(rollout_targets.c.rollout == rollout))
        again = await find(database, rollout)
        if again is not None and again["version"] == row["version"]:
            break
    fields = {name: value for name, value in row.items() if name not in ("number", "open")}
    return (
        Rollout(**{**fields, "terms": Terms.of(row["terms"]), "state": State(row["state"])}),
        [StageRow(**_without(each, "rollout") | {"state": Stood(each["state"])}) for each in stages],
        [
            Target(**_without(each, "rollout", "claimed") | {"state": At(each["state"]), "want": Want(each["want"])})
            for each in targets
        ],
    )


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


async def find(database: Database, rollout: str) -> Row | None:
    """The row of one."""
    return await database.one(select(rollouts).where(rollouts.c.id == rollout))


async def page(database: Database, *, state: str | None, before: int | None, limit: int) -> list[Row]:
    """Rollouts, the newest first."""
    statement = select(rollouts).order_by(rollouts.c.number.desc()).limit(limit)
    if state is not None:
        statement = statement.where(rollouts.c.state == state)
    return await database.all(statement if before is None else statement.where(rollouts.c.number < before))


async def stages_of(database: Database, rollout: str) -> list[Row]:
    """The stages of one, in their order."""
    mine = rollout_stages.c.rollout == rollout
    return await database.all(select(rollout_stages).where(mine).order_by(rollout_stages.c.number))


async def counts(database: Database, rollout: str) -> dict[int, dict[str, int]]:
    """How many nodes are how far, by stage; under -1 those that were skipped."""
    column = rollout_targets.c
    statement = select(column.stage, column.state, func.count().label("count")).where(column.rollout == rollout)
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for row in await database.all(statement.group_by(column.stage, column.state)):
        found[row["stage"]][row["state"]] = row["count"]
    return found


async def nodes(database: Database, rollout: str, *, states: Sequence[str], after: int | None, limit: int) -> list[Row]:
    """Its nodes in the order in which it comes to them, from behind the rank `after`."""
    column = rollout_targets.c
    statement = select(rollout_targets).where(column.rollout == rollout).order_by(column.rank).limit(limit)
    if states:
        statement = statement.where(column.state.in_(states))
    return await database.all(statement if after is None else statement.where(column.rank > after))


async def notes(database: Database, rollout: str, *, after: int | None, limit: int) -> list[Row]:
    """What happened in it, the first first, from behind the number `after`."""
    column = rollout_notes.c
    statement = select(rollout_notes).where(column.rollout == rollout).order_by(column.number).limit(limit)
    return await database.all(statement if after is None else statement.where(column.number > after))


async def newest_note(database: Database) -> int:
    """The number of the newest; 0 where there is none."""
    return int(await database.scalar(select(func.max(rollout_notes.c.number))) or 0)


async def notes_since(database: Database, number: int, *, limit: int) -> list[Row]:
    """What happened in any rollout, from behind a number, in order."""
    column = rollout_notes.c.number
    return await database.all(select(rollout_notes).where(column > number).order_by(column).limit(limit))


async def busy(database: Database, wanted: Collection[str]) -> dict[str, str]:
    """Those of these nodes that a rollout has, with its id."""
    found: dict[str, str] = {}
    listed = list(wanted)
    for start in range(0, len(listed), _CHUNK):
        claimed = rollout_targets.c.claimed.in_(listed[start : start + _CHUNK])
        statement = select(rollout_targets.c.claimed, rollout_targets.c.rollout).where(claimed)
        found |= {row["claimed"]: row["rollout"] for row in await database.all(statement)}
    return found


async def newest_event(database: Database) -> int:
    """The number of the last event of the fleet; 0 before any."""
    return await database.scalar(select(func.max(events.c.number))) or 0


async def judging_events(database: Database, after: int, *, limit: int) -> list[Row]:
    """Crashes and alerts from behind a number, the first first."""
    column = events.c
    wanted = (column.number > after) & column.cls.in_([CRASH, ALERT])
    statement = select(column.number, column.node, column.cls, column.value, column.source, column.timestamp).where(
        wanted
    )
    return await database.all(statement.order_by(column.number).limit(limit))


async def summary(database: Database) -> tuple[dict[str, int], dict[str, int]]:
    """Rollouts by state, and the nodes of those that are open by theirs: for metrics."""
    states = await database.all(select(rollouts.c.state, func.count().label("count")).group_by(rollouts.c.state))
    column = rollout_targets.c
    statement = select(column.state, func.count().label("count")).join(rollouts, rollouts.c.id == column.rollout)
    far = await database.all(statement.where(rollouts.c.open).group_by(column.state))
    return {row["state"]: row["count"] for row in states}, {row["state"]: row["count"] for row in far}


async def due(database: Database) -> dict[str, int]:
    """When the stage of each running rollout would have passed at best, had its nodes taken no time: for metrics."""
    stage = rollout_stages.c
    here = (stage.rollout == rollouts.c.id) & (stage.number == rollouts.c.stage)
    statement = select(rollouts.c.id, stage.began, stage.soak).join(rollout_stages, here)
    rows = await database.all(statement.where(rollouts.c.state == State.RUNNING.value, stage.began > 0))
    return {row["id"]: row["began"] + row["soak"] for row in rows}


async def prune(connection: AsyncConnection, keep: Retention, now: int) -> None:
    """Deletes rollouts that are over for as long as the audit is kept, with all that is known of them."""
    over = (~rollouts.c.open, rollouts.c.ended < now - keep.audit_age)
    await connection.execute(delete(rollouts).where(*over))


def conflict(others: dict[str, str]) -> RefusedError:
    """What is said where other rollouts have nodes that a new one wants."""
    ids = sorted(set(others.values()))
    names = ", ".join(ids[:5])
    if len(others) == 1:
        return RefusedError(
            say(
                "1 of these nodes is in rollout {names}, which has not ended: wait for it, abort it, or leave them out "
                "by the selector",
                names=names,
            )
        )
    return RefusedError(
        say(
            "{count} of these nodes are in rollout {names}, which has not ended: wait for it, abort it, or leave them "
            "out by the selector",
            count=len(others),
            names=names,
        )
    )


#: States of a node that a report names one by one.
TOLD_OF = (*sorted(state.value for state in BAD), At.SKIPPED.value, At.GONE.value)
