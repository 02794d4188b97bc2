# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout as it is, with what of it is not saved yet and what is not told yet. It decides nothing. No I/O."""

from collections.abc import Iterable, Sequence

from ganglion_gateway.rollout.happening import Assign
from ganglion_gateway.rollout.target import At, Changes, Note, Rollout, StageRow, State, Stood, Target, Want


class Ledger:
    """See above.

    Attributes:
        rollout: The rollout.
        stages: In their order.
        targets: By node, in the order in which the rollout comes to them; those that were skipped, too.
        chosen: Those that were not.
    """

    def __init__(self, rollout: Rollout, stages: Sequence[StageRow], targets: Iterable[Target]) -> None:
        self.rollout = rollout
        self.stages = list(stages)
        self.targets = {each.node: each for each in sorted(targets, key=lambda each: each.rank)}
        self.chosen = [each for each in self.targets.values() if each.stage >= 0]
        self._untold = {each.node: each for each in self.targets.values() if not each.told}
        self._targets: dict[str, Target] = {}
        self._stages: dict[int, StageRow] = {}
        self._notes: list[Note] = []
        self._turned = False

    def changes(self) -> Changes | None:
        """What was changed since the last call; None for nothing."""
        if not (self._turned or self._targets or self._stages or self._notes):
            return None
        found = Changes(self.rollout, list(self._stages.values()), list(self._targets.values()), self._notes)
        self._targets, self._stages, self._notes, self._turned = {}, {}, [], False
        return found

    @property
    def untold(self) -> list[Assign]:
        """What nodes are to have and the delivery may not know."""
        return [
            Assign(node, self.rollout.release if each.want is Want.RELEASE else each.before, each.want, each.assigned)
            for node, each in self._untold.items()
        ]

    def touch(self, target: Target) -> None:
        """A node's row is another."""
        self._targets[target.node] = target

    def move(self, target: Target, state: At, now: int) -> None:
        """A node is so far."""
        if target.state is not state:
            target.state, target.changed = state, now
        self.touch(target)

    def want(self, target: Target, want: Want) -> None:
        """A node is to have something else, or what it has is none of this rollout's any more."""
        target.want, target.told = want, want is Want.NOTHING
        if target.told:
            self._untold.pop(target.node, None)
        else:
            self._untold[target.node] = target
        self.touch(target)

    def told(self, node: str, want: Want) -> Target | None:
        """The delivery knows it; None where the node is to have something else by now."""
        target = self._untold.get(node)
        if target is None or target.want is not want:
            return None
        del self._untold[node]
        target.told = True
        self.touch(target)
        return target

    def stand(self, stage: StageRow) -> None:
        """A stage's times are others."""
        if stage.passed:
            stage.state = Stood.PASSED
        else:
            stage.state = Stood.SOAKING if stage.held else Stood.RUNNING if stage.began else Stood.PENDING
        self._stages[stage.number] = stage

    def turn(self, state: State, why: str, now: int, detail: str = "") -> None:
        """The rollout is so from now on."""
        self.rollout.state, self.rollout.why = state, why
        if not state.is_live:
            self.rollout.ended = now
        self.note(now, "resumed" if state is State.RUNNING else state.value, detail or why)

    def advance(self) -> None:
        """The next stage is the one that it is in."""
        self.rollout.stage += 1
        self._turned = True

    def look(self, number: int) -> None:
        """Events of the fleet were looked at, up to this one."""
        if number > self.rollout.seen:
            self.rollout.seen = number
            self._turned = True

    def note(self, now: int, what: str, detail: str = "") -> None:
        """For the report."""
        self._notes.append(Note(now, what, detail))
