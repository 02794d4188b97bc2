# SPDX-License-Identifier: GPL-3.0-or-later
"""What sensors of nodes must read while a release runs there, and since when they do not. No I/O."""

from collections.abc import Mapping, Sequence

from ganglion_gateway.rollout.target import RUNS, Target, Want
from ganglion_gateway.rollout.terms import Bound


class Watch:
    """All nodes of a rollout, by what they read last."""

    def __init__(self, bounds: Sequence[Bound]) -> None:
        self._bounds = bounds
        self._wrong: dict[tuple[str, int], int] = {}

    def read(self, node: str, sensor: str, value: float, now: int) -> None:
        """A reading."""
        for index, bound in enumerate(self._bounds):
            if bound.sensor == sensor:
                if bound.holds(value):
                    self._wrong.pop((node, index), None)
                else:
                    self._wrong.setdefault((node, index), now)

    def broken(self, targets: Mapping[str, Target], now: int) -> list[tuple[Target, str]]:
        """Nodes that have read what they must not for too long, and which bound that breaks."""
        found = []
        for (node, index), since in list(self._wrong.items()):
            target, bound = targets[node], self._bounds[index]
            if target.want is not Want.RELEASE or target.state not in RUNS:
                self._wrong[node, index] = now  # it is judged by what it reads once the release runs
            elif now - since > bound.lasting:
                found.append((target, f"{bound.sensor} does not stay {bound.order} {bound.value:g}"))
        return found
