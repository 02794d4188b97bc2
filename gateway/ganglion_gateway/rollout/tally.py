# SPDX-License-Identifier: GPL-3.0-or-later
"""How many nodes of each stage are how far. No I/O."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from ganglion_gateway.rollout.target import BAD, BEGUN, OUT, At, Target, Want
from ganglion_gateway.rollout.terms import Terms


@dataclass(slots=True)
class Tally:
    """One stage.

    Attributes:
        size: Nodes that are judged: neither skipped nor gone.
        committed: Those that have it for good.
        there: Those of them that are there, or sleep most of the time.
        bad: Those that failed or went back.
    """

    size: int = 0
    committed: int = 0
    there: int = 0
    bad: int = 0
    why: Counter[str] = field(default_factory=Counter)

    def reaches(self, terms: Terms) -> bool:
        """Whether enough have committed."""
        return self.committed >= terms.needed(self.size)

    def excess(self, terms: Terms, what: str) -> str:
        """Why it must not go on; "" while it may."""
        most = f"; most often: {self.why.most_common(1)[0][0]}" if self.why else ""
        may = terms.tolerate_stage.of(self.size)
        if self.bad > may:
            return f"{what}: {nodes(self.bad)} of {self.size} failed, and at most {may} may{most}"
        need = terms.needed(self.size)
        if self.size - self.bad < need:
            return f"{what}: {nodes(self.bad)} of {self.size} failed, and {need} have to commit{most}"
        return ""


def tallies(targets: Iterable[Target], stages: int, online: Collection[str]) -> list[Tally]:
    """One for each of so many stages."""
    found = [Tally() for _ in range(stages)]
    for target in targets:
        if not 0 <= target.stage < stages or target.state in OUT:
            continue
        tally = found[target.stage]
        tally.size += 1
        if target.state in BAD:
            tally.bad += 1
            tally.why[target.why or target.state.value] += 1
        elif target.state is At.COMMITTED:
            tally.committed += 1
            tally.there += target.sleeps or target.node in online
    return found


def is_flying(target: Target, online: Collection[str]) -> bool:
    """Whether a node is on the way now, and counts against how many may be at a time."""
    if target.want is not Want.RELEASE:
        return False
    return target.state in BEGUN or (target.state is At.WAITING and target.node in online)


def overdue(target: Target, *, now: int, patience: int, since: int, began: int, online: bool) -> str:
    """Why a node is given up; "" while it is not.

    Args:
        since: When it came or went last.
        began: When the gateway began to listen.
    """
    if target.want is not Want.RELEASE:
        return ""
    progress, turn = now - max(target.changed, began), now - max(target.changed, since, began)
    match target.state:
        case At.WAITING if online and turn > patience:
            return "is there, and has not begun: does its software know releases?"
        case At.COMMITTED if not online and not target.sleeps and turn > patience:
            return "was not heard any more after it had committed"
        case state if state in BEGUN and progress > patience and online:
            return f"stays at {state.value} and says no more"
        case state if state in BEGUN and progress > patience and not target.sleeps:
            return f"was not heard any more after {state.value}"
    return ""


def counts(targets: Iterable[Target]) -> dict[str, int]:
    """How many nodes are how far, those states that occur."""
    found = Counter(target.state for target in targets)
    return {state.value: found[state] for state in At if found[state]}


def nodes(count: int) -> str:
    """So many of them, in words."""
    return "1 node" if count == 1 else f"{count} nodes"
