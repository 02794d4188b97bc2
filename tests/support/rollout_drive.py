# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout over simulated nodes in virtual time, its gateway killed at any point and gone on from what was saved."""

import copy
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from ganglion.errors import GanglionError
from ganglion.units import SECOND
from ganglion_gateway.rollout.contract import Report
from ganglion_gateway.rollout.happening import Alerted, Crashed, Gone, Happening, Presence, Told
from ganglion_gateway.rollout.machine import Machine
from ganglion_gateway.rollout.planning import Candidate, begun, plan
from ganglion_gateway.rollout.target import At, Rollout, StageRow, Target, Want
from ganglion_gateway.rollout.terms import Stage, Terms
from support.rollouts import Field

MINUTE = 60 * SECOND
START = 1_800_000_000 * SECOND


def terms(*percents: float, soak: int = 10 * MINUTE, **fields: Any) -> Terms:
    """Terms with these stages."""
    return Terms(stages=tuple(Stage(percent=each, soak=soak) for each in percents or (10, 100)), **fields)


def at_once(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


class KilledError(Exception):
    """The gateway is dead."""


class Drive:
    """A gateway: its machine, what it has on the disk, and its end wherever a test wants it.

    Args:
        kill: Called with the number of each point where a gateway may end; true ends it there.
    """

    def __init__(
        self,
        field: Field,
        agreed: Terms | None = None,
        *,
        release: str = "r2",
        rollout: str = "rollout",
        kill: Callable[[int], bool] = lambda point: False,
        look: Callable[["Drive"], None] = lambda drive: None,
    ) -> None:
        self.field, self.now, self.points, self._kill, self._look = field, START, 0, kill, look
        self._inbox: list[Report] = []
        self._events: list[Happening] = []  # what the gateway stores of itself: crashes and alerts
        field.hear.append(self._inbox.append)
        candidates = [Candidate(node=node, name=node, before=sim.release) for node, sim in field.nodes.items()]
        self.plan = plan(rollout, field.releases[release], agreed or terms(), candidates)
        made = begun(self.plan, selector="all", by="tester", now=START)
        self.disk = copy.deepcopy(made)
        self.notes: list[str] = []
        self.deaths = 0
        self.machine = Machine(*made, now=START, settled=True)
        self._meet()
        self._live([])

    @property
    def rollout(self) -> Rollout:
        return self.disk[0]

    @property
    def stages(self) -> list[StageRow]:
        return self.disk[1]

    @property
    def targets(self) -> list[Target]:
        return self.disk[2]

    def node(self, node: str) -> Target:
        """What is on the disk of a node."""
        return next(each for each in self.targets if each.node == node)

    def states(self) -> dict[str, At]:
        return {each.node: each.state for each in self.targets}

    def cohort(self, number: int) -> list[str]:
        return [each.node for each in self.plan.cohorts[number]]

    def happen(self, *happenings: Happening) -> None:
        """Something happens now, and the gateway acts on it."""
        self._events += [each for each in happenings if isinstance(each, Crashed | Alerted)]
        self._live([each for each in happenings if not isinstance(each, Crashed | Alerted)])

    def run(self, minutes: float, *, step: int = 20 * SECOND) -> None:
        """Lets time pass."""
        end = self.now + round(minutes * MINUTE)
        while self.now < end:
            self.now += step
            self.happen(*self.field.step(self.now))

    def _live(self, happenings: Iterable[Happening]) -> None:
        try:
            self._act(happenings)
        except KilledError:
            self.deaths += 1
            del self._inbox[:]
            self.machine = Machine(*copy.deepcopy(self.disk), now=self.now)
            self._meet()
            self._live([])

    def _meet(self) -> None:
        """What a gateway that begins learns: who is there, and everybody's last word."""
        self.machine.feed(self.now, [Presence(node, sim.online) for node, sim in self.field.nodes.items()])
        self._inbox += at_once(self.field.said(0))

    def _act(self, happenings: Iterable[Happening]) -> None:
        heard = [*self._inbox, *happenings, *self._events[self.machine.rollout.seen :]]
        del self._inbox[:]
        self.machine.look(len(self._events))
        self.machine.feed(self.now, heard)
        self._save()
        while actions := self.machine.actions:
            told: list[Happening] = []
            for action in actions:
                self._point()
                try:
                    at_once(self.field.assign(action.node, action.release, by=self.rollout.id))
                except GanglionError as error:
                    told.append(Gone(action.node, str(error)))
                except OSError:
                    continue
                else:
                    told.append(Told(action.node, action.want))
                self._look(self)
            self._point()
            self.machine.feed(self.now, told)
            self._save()
            if len(told) < len(actions):
                break  # again in a while

    def _save(self) -> None:
        self._point()
        if (changes := self.machine.changes()) is not None:
            stages = {each.number: each for each in self.disk[1]} | {each.number: each for each in changes.stages}
            targets = {each.node: each for each in self.disk[2]} | {each.node: each for each in changes.targets}
            self.disk = copy.deepcopy((changes.rollout, list(stages.values()), list(targets.values())))
            self.notes += [f"{note.what} {note.detail}".strip() for note in changes.notes]
        self._point()

    def _point(self) -> None:
        self.points += 1
        if self._kill(self.points):
            raise KilledError


def sent_back(drive: Drive) -> list[str]:
    """Nodes that are to have what they had."""
    return [each.node for each in drive.targets if each.want is Want.BEFORE]
