# SPDX-License-Identifier: GPL-3.0-or-later
"""Protocols that call one another, or have one another for branches, and from which there is no way back."""

from ganglion.mova.flow import Quick, called, components, ways
from ganglion.mova.model import Model, Protocol, Reference, Step, walk
from ganglion.mova.source import Report
from ganglion.words import _
from ganglion_micro.engine import MAX_CALLS

#: Protocols of a circle that are named; more would not be read.
_NAMED = 8


def recursion(of: Model, quick: Quick, report: Report) -> None:
    """Adds the circles of protocols that no run comes out of: each calls the next whatever holds, or nothing in them
    could change what their conditions see. One that counts, and does not call itself in the end, is let be."""
    protocols = {protocol.name: protocol for protocol in of.protocols}
    names = list(protocols)
    index = {name: i for i, name in enumerate(names)}
    calls = {index[name]: {index[each] for each in _calls(protocols[name].steps)} for name in names}
    circles = [each for each in components(calls) if len(each) > 1 or each[0] in calls[each[0]]]
    for circle in circles:
        inner = {names[i]: protocols[names[i]] for i in circle}
        steps = [step for protocol in inner.values() for step in walk(protocol.steps)]
        if _endless(inner) or (quick.names >= inner.keys() and not quick.sets(steps)):
            shown = ", ".join(list(inner)[:_NAMED]) + (", …" if len(inner) > _NAMED else "")
            report.add(
                "MV402",
                next(step.place for step in steps if any(name in inner for name in called(step))),
                _("the protocols {names} call one another without end").format(names=shown),
                _("a run fails where {most} are inside one another; call only where a condition holds").format(
                    most=MAX_CALLS
                ),
            )


def _endless(protocols: dict[str, Protocol]) -> set[str]:
    """Those of a circle that cannot be run to their end."""
    endless = set(protocols)
    while ending := {name for name in endless if _ends(protocols[name].steps, endless)}:
        endless -= ending
    return endless


def _ends(steps: list[Step], endless: set[str]) -> bool:
    """Whether there is a way through steps on which none of these protocols is called."""
    graph = ways(steps)
    seen: set[int] = set()
    waiting = [0]
    while waiting:
        i = waiting.pop()
        if i >= len(steps):
            return True
        if i in seen or (steps[i].conditions is None and _never_done(steps[i], endless)):
            continue
        if steps[i].action == "end":
            return True
        seen.add(i)
        waiting += graph[i]
    return False


def _never_done(step: Step, endless: set[str]) -> bool:
    if step.action == "call":
        return step.raw["protocol"] in endless
    return any(
        each.name in endless if isinstance(each, Reference) else not _ends(each, endless) for each in step.branches
    )


def _calls(steps: list[Step]) -> set[str]:
    return {name for step in walk(steps) for name in called(step)}
