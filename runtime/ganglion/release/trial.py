# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release on trial is healthy. Pure.

It is when every script of the node is loaded, no run of one has failed, every sensor answers that answered before, and
the node has its link, as `link` judges it. It has its window for that, and is kept at its end if it still is so, also
where nobody was there to be linked with. A script that cannot be loaded or whose run fails ends the trial at once.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ganglion.units import SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What there is to see of a node.

    Attributes:
        refused: Scripts that are not loaded, with why.
        failed: What went wrong in runs of scripts since the start, the first.
        silent: Sensors that do not answer, with why.
        linked: Whether the node has its link, or had none before.
        unlinked: What of the link counts against the release; "" for nothing.
    """

    refused: Mapping[str, str] = field(default_factory=dict)
    failed: str = ""
    silent: Mapping[str, str] = field(default_factory=dict)
    linked: bool = False
    unlinked: str = ""


class Verdict(NamedTuple):
    """What is to be done.

    Attributes:
        state: `trial` (go on), `healthy` (go on), `committed`, `reverted`.
        why: Of the last.
    """

    state: str
    why: str = ""


class Trial:
    """One trial in one start.

    Args:
        window: Seconds.
        excused: Sensors that did not answer before, either.
        began: Nanoseconds of a clock that only goes on.
    """

    def __init__(self, window: int, excused: Collection[str], began: int) -> None:
        self._until = began + window * SECOND
        self._excused = frozenset(excused)

    def look(self, seen: Seen, now: int) -> Verdict:
        """By what is seen now."""
        if seen.refused:
            return Verdict("reverted", next(iter(seen.refused.values())))
        if seen.failed:
            return Verdict("reverted", seen.failed)
        silent = [(name, why) for name, why in seen.silent.items() if name not in self._excused]
        if now < self._until:
            return Verdict("healthy" if seen.linked and not silent else "trial")
        if not seen.linked and seen.unlinked:
            return Verdict("reverted", seen.unlinked)
        if not silent:
            return Verdict("committed")
        name, why = silent[0]
        return Verdict("reverted", f"the sensor {name} does not answer{f': {why}' if why else ''}")
