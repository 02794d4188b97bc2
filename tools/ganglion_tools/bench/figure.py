# SPDX-License-Identifier: GPL-3.0-or-later
"""One measured number, beside what others reach in the same run and what was aimed at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A line of `ganglion bench`. Make one with `figure`, which works out `ratio` and `met`.

    Attributes:
        name: What was measured, of which implementation.
        unit: Of `value` and `peer_value`: `ns`, `1/s`, `MiB`, …
        value: A median.
        peer: What it is compared with; None where there is nothing to compare with.
        peer_value: The peer's median; None where it is not installed.
        ratio: value / peer_value.
        goal: For `ratio` where there is a peer, else for `value`; None where the figure only informs.
        met: Whether the goal is reached; None where there is none, or no way to tell.
    """

    name: str
    unit: str
    value: float
    peer: str | None
    peer_value: float | None
    ratio: float | None
    goal: float | None
    met: bool | None


def figure(
    *,
    name: str,
    unit: str,
    value: float,
    more_is_better: bool,
    peer: str | None = None,
    peer_value: float | None = None,
    goal: float | None = None,
) -> Figure:
    """A figure with its ratio, and whether its goal is met."""
    ratio = value / peer_value if peer_value else None
    judged = ratio if peer is not None else value
    met = None
    if goal is not None and judged is not None:
        met = judged >= goal if more_is_better else judged <= goal
    return Figure(name=name, unit=unit, value=value, peer=peer, peer_value=peer_value, ratio=ratio, goal=goal, met=met)
