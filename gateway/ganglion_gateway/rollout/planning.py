# SPDX-License-Identifier: GPL-3.0-or-later
"""Who would get a release and in which stage, who cannot and why: said beforehand, and what a rollout begins with.

The same nodes and the same id give the same plan, so that what was looked at is what is started. No I/O.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ganglion.sentences import joined, say
from ganglion_gateway.rollout.cohort import cut, ranked
from ganglion_gateway.rollout.contract import Release
from ganglion_gateway.rollout.target import At, Rollout, StageRow, Target
from ganglion_gateway.rollout.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A node that the selector means, as far as is known of it.

    Attributes:
        lacks: What it lacks for the release.
        weight: Bytes that the release's Ganglion takes there, beside its files.
        runs: Its version of Ganglion, and what it would run by the release; "" where nobody knows.
        free: Bytes that it could store; None where it does not say.
        has: It has said that it has the release for good.
        before: The release that it is to run now; None for its own configuration.
        busy: Id of a rollout that has not ended and that it is in; "" for none.
    """

    node: str
    name: str
    lacks: tuple[str, ...] = ()
    weight: int = 0
    runs: tuple[str, str] = ("", "")
    free: int | None = None
    online: bool = False
    sleeps: bool = False
    has: bool = False
    before: str | None = None
    busy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """See above.

    Attributes:
        cohorts: What each stage adds, in the order in which it comes to them.
        skipped: Those that cannot take it, and why.
    """

    rollout: str
    release: str
    name: str
    terms: Terms
    cohorts: tuple[tuple[Candidate, ...], ...]
    skipped: tuple[tuple[Candidate, str], ...]

    @property
    def chosen(self) -> list[Candidate]:
        """All that a stage comes to."""
        return [each for cohort in self.cohorts for each in cohort]

    @property
    def busy(self) -> list[Candidate]:
        """Those that another rollout has: while there are any, this one cannot begin."""
        return [each for each in self.chosen if each.busy]


def plan(rollout: str, release: Release, terms: Terms, candidates: Iterable[Candidate]) -> Plan:
    """What a rollout of this id would do."""
    by_node = {each.node: each for each in candidates}
    reasons = {node: misfit(each, release.size + each.weight) for node, each in by_node.items()}
    able = ranked(rollout, [node for node, why in reasons.items() if not why])
    ends = cut(len(able), [stage.percent for stage in terms.stages])
    starts = [0, *ends]
    return Plan(
        rollout=rollout,
        release=release.id,
        name=release.name,
        terms=terms,
        cohorts=tuple(
            tuple(by_node[node] for node in able[start:end]) for start, end in zip(starts, ends, strict=False)
        ),
        skipped=tuple((by_node[node], why) for node, why in sorted(reasons.items(), key=lambda each: each[0]) if why),
    )


def misfit(node: Candidate, size: int) -> str:
    """Why a node cannot take a release of so many bytes; "" where it can, as far as is known."""
    if node.lacks:
        return joined("; ", node.lacks)
    if node.free is not None and node.free < size:
        return say("it has {free} bytes free, and the release takes {size}", free=node.free, size=size)
    return ""


def begun(made: Plan, *, selector: str, by: str, now: int) -> tuple[Rollout, list[StageRow], list[Target]]:
    """The rollout of a plan, before anything has happened. Nodes beyond the last stage are none of it."""
    rollout = Rollout(
        id=made.rollout, release=made.release, name=made.name, selector=selector, terms=made.terms, by=by, created=now
    )
    stages = [
        StageRow(number=number, percent=stage.percent, soak=stage.soak, size=len(cohort))
        for number, (stage, cohort) in enumerate(zip(made.terms.stages, made.cohorts, strict=True))
    ]
    places = [(number, each) for number, cohort in enumerate(made.cohorts) for each in cohort]
    targets = [
        Target(node=each.node, stage=number, rank=rank, before=each.before, sleeps=each.sleeps, has=each.has)
        for rank, (number, each) in enumerate(places)
    ]
    targets += [
        Target(node=each.node, stage=-1, rank=len(places) + rank, state=At.SKIPPED, why=str(why), before=each.before)
        for rank, (each, why) in enumerate(made.skipped)
    ]
    return rollout, stages, targets
