# SPDX-License-Identifier: GPL-3.0-or-later
"""Times contestants in turns, so that a machine that slows down slows all of them.

The correctness gate comes first: every contestant counts what it delivered or matched, and where a count is not what
was asked for there is no figure.
"""

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ganglion.errors import GanglionError

REPEATS = 7
ROUNDS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One way to do a thing.

    Attributes:
        name: `native`, `python`, or the peer's name.
        run: Does it so many times, and returns how many deliveries or matches it counted.
        expected: What it must count in one time.
    """

    name: str
    run: Callable[[int], int]
    expected: int


def nanoseconds(contestants: Iterable[Contestant], *, rounds: int = ROUNDS) -> dict[str, float]:
    """The median cost of one time, for each by name.

    Raises:
        GanglionError: a count is not what was expected.
    """
    contestants = list(contestants)
    taken: dict[str, list[float]] = {each.name: [] for each in contestants}
    for _ in range(REPEATS):
        for each in contestants:
            started = time.perf_counter_ns()
            counted = each.run(rounds)
            elapsed = time.perf_counter_ns() - started
            if counted != each.expected * rounds:
                raise GanglionError(
                    f"bench: {each.name} counted {counted} of {each.expected * rounds} events, so it has no figure"
                )
            taken[each.name].append(elapsed / rounds)
    return {name: statistics.median(costs) for name, costs in taken.items()}
