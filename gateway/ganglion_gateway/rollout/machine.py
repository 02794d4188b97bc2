# SPDX-License-Identifier: GPL-3.0-or-later
"""One rollout: what happened and the time go in, what is to be saved and done comes out.

Nothing here awaits, reads a clock or writes. The order is the caller's part: `feed`, then save all of `changes` in one
transaction, then carry out `actions` and feed `Told` for each. Whoever is stopped in between makes a machine of what
was saved, and goes on: what was not told is told again, which changes nothing where it had been.
"""

from collections.abc import Iterable, Sequence

from ganglion.units import SECOND
from ganglion_gateway.rollout.bounds import Watch
from ganglion_gateway.rollout.contract import Report, Reported
from ganglion_gateway.rollout.happening import (
    Abort,
    Alerted,
    Assign,
    Crashed,
    Gone,
    Happening,
    Pause,
    Presence,
    Read,
    Resume,
    Told,
    refusal,
)
from ganglion_gateway.rollout.ledger import Ledger
from ganglion_gateway.rollout.tally import Tally, is_flying, nodes, overdue, tallies
from ganglion_gateway.rollout.target import (
    BAD,
    ON_THE_WAY,
    OUT,
    RANK,
    RUNS,
    At,
    Changes,
    Rollout,
    StageRow,
    State,
    Target,
    Want,
)

#: Nanoseconds after a restart in which no stage is passed: what nodes kept meanwhile comes first.
SETTLE = 60 * SECOND
#: Nanoseconds after its end in which it is written down what becomes of nodes that slept.
LISTENS = 7 * 86400 * SECOND


class Machine:
    """See above.

    Args:
        rollout: As it was saved last.
        stages: All of it, in their order.
        targets: All of it.
        now: The time; nobody is late before the patience has passed since.
        settled: The rollout is new, so there is nothing that could have been missed.

    Attributes:
        online: Nodes that are there, as far as it was told.
    """

    def __init__(
        self,
        rollout: Rollout,
        stages: Sequence[StageRow],
        targets: Iterable[Target],
        *,
        now: int,
        settled: bool = False,
    ) -> None:
        self._ledger = Ledger(rollout, stages, targets)
        self.rollout, self.stages = self._ledger.rollout, self._ledger.stages
        self.targets, self._chosen = self._ledger.targets, self._ledger.chosen
        self.online: set[str] = set()
        self._since: dict[str, int] = {}  # when a node came or went last
        self._began = now
        self._quiet = now if settled else now + SETTLE
        self._watch = Watch(rollout.terms.bounds)

    def feed(self, now: int, happenings: Iterable[Happening] = ()) -> None:
        """Takes what happened, the first first, and decides; also where nothing did, since time has passed."""
        for each in happenings:
            self._hear(each, now)
        if self.rollout.state.is_live:
            self._judge(now)

    def meet(self, present: Iterable[str]) -> None:
        """Who is there when the machine is made; nothing is decided."""
        self.online.update(node for node in present if node in self.targets)

    def changes(self) -> Changes | None:
        """What is to be saved before anything is done; None for nothing. It is not given twice."""
        return self._ledger.changes()

    @property
    def actions(self) -> list[Assign]:
        """What is to be done, once every change is saved."""
        return self._ledger.untold

    def look(self, number: int) -> None:
        """Events of the fleet up to this number were fed; it is saved with what they have changed."""
        self._ledger.look(number)

    def is_over(self, now: int) -> bool:
        """Whether nothing is left to do, and nothing to hear or it has taken too long."""
        if self.rollout.state.is_live or self._ledger.untold:
            return False
        returning = (each.state is At.COMMITTED and each.want is Want.BEFORE for each in self._chosen)
        asleep = (each.state in ON_THE_WAY for each in self._chosen)
        return now - self.rollout.ended > LISTENS or not (any(returning) or any(asleep))

    def _hear(self, happening: Happening, now: int) -> None:
        match happening:
            case Report():
                self._report(happening, now)
            case Presence(node=node, online=online):
                if node in self.targets and (node in self.online) is not online:
                    (self.online.add if online else self.online.discard)(node)
                    self._since[node] = now
            case Crashed(node=node, why=why):
                self._count(node, "crashes", self.rollout.terms.crashes, f"crashed: {why}" if why else "crashed", now)
            case Alerted(node=node):
                self._count(node, "alerts", self.rollout.terms.alerts, "has raised alerts", now)
            case Read(node=node, sensor=sensor, value=value):
                if node in self.targets:
                    self._watch.read(node, sensor, value, now)
            case Gone(node=node, why=why):
                target = self.targets.get(node)
                if target is not None and target.state not in BAD | OUT:
                    self._leave(target, why, now)
            case Told(node=node, want=want):
                self._told(node, want, now)
            case Pause() | Resume() | Abort() if not refusal(self.rollout, happening):
                self._obey(happening, now)

    def _obey(self, command: Pause | Resume | Abort, now: int) -> None:
        match command:
            case Pause(by=by):
                self._ledger.turn(State.PAUSED, f"by {by}", now)
            case Resume(by=by):
                self._ledger.turn(State.RUNNING, "", now, f"by {by}")
            case Abort(by=by, why=why, send_back=send_back):
                self._abort(f"by {by}: {why}" if why else f"by {by}", now, send_back=send_back)

    def _report(self, report: Report, now: int) -> None:
        target = self.targets.get(report.node)
        if target is None or target.state in OUT:
            return
        if report.release != self.rollout.release:
            is_back = target.want is Want.BEFORE and report.release == target.before
            if is_back and report.state is Reported.COMMITTED and target.state not in BAD | {At.BACK}:
                self._ledger.move(target, At.BACK, now)
            elif target.want is Want.RELEASE and target.told and report.at >= target.assigned:
                self._leave(target, "was given something else by somebody else", now)
            return
        if target.want is Want.NOTHING:
            if target.has is not (has := report.state is Reported.COMMITTED):
                target.has = has
                self._ledger.touch(target)
            return
        state = At(report.state.value)
        if target.state in BAD or (report.at < target.assigned and state is not At.COMMITTED):
            return  # what once failed has failed; and what was said of an earlier try is none of this one's
        if state in BAD:
            self._fail(target, state, report.why, now)
        elif (report.at, RANK[state]) > (target.heard, RANK.get(target.state, -1)):
            target.heard = report.at
            if state is not At.WAITING:
                target.changed = now  # said again, it is a sign of life
            self._ledger.move(target, state, now)

    def _told(self, node: str, want: Want, now: int) -> None:
        target = self._ledger.told(node, want)
        if target is not None and want is Want.BEFORE and target.state is At.WAITING:
            self._ledger.move(target, At.BACK, now)

    def _count(self, node: str, what: str, may: int | None, why: str, now: int) -> None:
        target = self.targets.get(node)
        if target is None or target.want is not Want.RELEASE or target.state not in RUNS:
            return
        count = getattr(target, what) + 1
        setattr(target, what, count)
        self._ledger.touch(target)
        if may is not None and count > may:
            self._fail(target, At.FAILED, why, now)

    def _judge(self, now: int) -> None:
        self._give_up(now)
        counts = self._tallies()
        if why := self._excess(counts):
            self._abort(why, now, send_back=self.rollout.terms.send_back)
            return
        while self.rollout.state is State.RUNNING:
            stage = self.stages[self.rollout.stage]
            if self._assign(stage, now):
                counts = self._tallies()
            if not self._passes(stage, counts[stage.number], now):
                return
            stage.passed = now
            self._ledger.stand(stage)
            if stage.number + 1 == len(self.stages):
                self._ledger.turn(State.COMPLETED, "", now)
                return
            self._ledger.advance()
            counts = self._tallies()
        self._passes(self.stages[self.rollout.stage], counts[self.rollout.stage], now)  # paused: it soaks on

    def _tallies(self) -> list[Tally]:
        """Of the stages that were begun."""
        return tallies(self._chosen, self.rollout.stage + 1, self.online)

    def _excess(self, counts: list[Tally]) -> str:
        terms = self.rollout.terms
        for number, tally in enumerate(counts, 1):
            if tally.size and (why := tally.excess(terms, f"stage {number}")):
                return why
            if not tally.size and self.stages[number - 1].size:
                return f"stage {number}: none of its nodes is left"
        bad, total = sum(tally.bad for tally in counts), sum(each.state not in OUT for each in self._chosen)
        may = terms.tolerate.of(total)
        return f"{bad} of all {nodes(total)} failed, and at most {may} may" if bad > may else ""

    def _assign(self, stage: StageRow, now: int) -> bool:
        """Has nodes of a stage get the release, as many as may be on the way; returns whether it was any."""
        if not stage.began:
            stage.began = now
            self._ledger.stand(stage)
            if stage.size:
                self._ledger.note(
                    now, "stage", f"{stage.number + 1} of {len(self.stages)} begins with {nodes(stage.size)}"
                )
        pending = [each for each in self._chosen if each.stage == stage.number and each.state is At.PENDING]
        if not pending:
            return False
        free = self.rollout.terms.at_once - sum(is_flying(each, self.online) for each in self._chosen)
        some = False
        for target in pending:
            if now < self._quiet and target.node not in self.online:
                continue  # whether it sleeps or was not heard yet is not known
            counted = target.node in self.online and not target.has
            if counted and free <= 0:
                continue
            free -= counted
            some = True
            target.assigned = target.changed = now
            self._ledger.want(target, Want.RELEASE)
            self._ledger.move(target, At.COMMITTED if target.has else At.WAITING, now)
        return some

    def _passes(self, stage: StageRow, tally: Tally, now: int) -> bool:
        if not stage.size:
            return True
        if tally.reaches(self.rollout.terms) is not bool(stage.held):
            stage.held = 0 if stage.held else now
            self._ledger.stand(stage)
            what = "soaking" if stage.held else "unsettled"
            have = "node has" if tally.size == 1 else "nodes have"
            self._ledger.note(
                now, what, f"stage {stage.number + 1}: {tally.committed} of {tally.size} {have} committed"
            )
        has_soaked = stage.held > 0 and now >= max(stage.held + stage.soak, self._quiet)
        return has_soaked and tally.there >= self.rollout.terms.needed(tally.size)

    def _give_up(self, now: int) -> None:
        """Those that are late, and those whose sensors read what they must not."""
        patience = self.rollout.terms.patience
        for target in self._chosen:
            if target.want is Want.RELEASE and target.state not in BAD:
                online, since = target.node in self.online, self._since.get(target.node, 0)
                why = overdue(target, now=now, patience=patience, since=since, began=self._began, online=online)
                if why:
                    self._fail(target, At.FAILED, why, now)
        for target, why in self._watch.broken(self.targets, now):
            self._fail(target, At.FAILED, why, now)

    def _fail(self, target: Target, state: At, why: str, now: int) -> None:
        """A node failed, and is to have what it had; one of a rollout that has ended is somebody else's."""
        target.why = why
        self._ledger.move(target, state, now)
        self._ledger.note(now, state.value, f"{target.node}: {why}" if why else target.node)
        if self.rollout.state.is_live:
            self._ledger.want(target, Want.BEFORE)

    def _leave(self, target: Target, why: str, now: int) -> None:
        """A node is none of the rollout's any more."""
        target.why = why
        self._ledger.want(target, Want.NOTHING)
        self._ledger.move(target, At.GONE, now)
        self._ledger.note(now, "gone", f"{target.node}: {why}")

    def _abort(self, why: str, now: int, *, send_back: bool) -> None:
        self._ledger.turn(State.ABORTED, why, now)
        for target in self._chosen:
            gets_back = target.state in ON_THE_WAY or (send_back and target.state is At.COMMITTED)
            if target.want is Want.RELEASE and gets_back:
                self._ledger.want(target, Want.BEFORE)
