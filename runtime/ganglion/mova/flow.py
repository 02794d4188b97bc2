# SPDX-License-Identifier: GPL-3.0-or-later
"""Where steps lead, of a protocol or a branch: what is never reached, goes round for ever, or decides nothing."""

from ganglion.mova.model import Model, Protocol, Reference, Step, walk
from ganglion.mova.source import Report
from ganglion.units import duration
from ganglion.words import _

#: Actions that neither wait nor ask the world: a run is through them in microseconds.
_QUICK = frozenset(("condition", "set", "publish", "emit", "log", "parallel", "call"))
#: Steps of a circle that are named; more would not be read.
_NAMED = 8


def ways(steps: list[Step]) -> list[set[int]]:
    """The steps that each step leads to, by their indices; the number of steps stands for the end.

    Where a step goes that has failed for good is not among them. What names a step that is not there is left out.
    """
    indices = {step.id: i for i, step in enumerate(steps)}
    return [_ways(step, i, indices) for i, step in enumerate(steps)]


def _ways(step: Step, i: int, steps: dict[str, int]) -> set[int]:
    if step.action == "end":
        return set()
    following = i + 1 if step.next is None else steps.get(step.next.name, i + 1)
    conditions = step.conditions
    if step.action != "condition" or conditions is None:
        return {following}
    found = {steps[rule.next.name] for rule in conditions.rules if rule.next is not None and rule.next.name in steps}
    if conditions.default is not None:
        return {*found, steps.get(conditions.default.name, following)}
    # A flat list that names no step goes to `next_step` where it is true, and to what follows where it is not.
    return {*found, following} if found or conditions.logic else {following, i + 1}


class Quick:
    """What a run is through at once.

    Attributes:
        names: The protocols in which nothing waits or asks, nor in those that they call.
    """

    def __init__(self, of: Model) -> None:
        self._protocols = {protocol.name: list(walk(protocol.steps)) for protocol in of.protocols}
        self.names = set(self._protocols)
        while slow := {name for name in self.names if not all(map(self._goes_on, self._protocols[name]))}:
            self.names -= slow

    def step(self, step: Step) -> bool:
        """Whether nothing in a step waits."""
        return all(map(self._goes_on, walk([step])))

    def sets(self, steps: list[Step]) -> bool:
        """Whether something counts, in steps or in what they call."""
        waiting, seen = list(walk(steps)), set[str]()
        while waiting:
            step = waiting.pop()
            if step.action == "set":
                return True
            new = [name for name in called(step) if name not in seen]
            seen.update(new)
            waiting += [each for name in new for each in self._protocols[name]]
        return False

    def _goes_on(self, step: Step) -> bool:
        quick = step.action in _QUICK or (step.action == "wait" and duration(step.raw.get("for", "1s")) == 0)
        return quick and all(name in self.names for name in called(step))


def called(step: Step) -> list[str]:
    """The protocols that a step itself calls or has for branches."""
    named = [each.name for each in step.branches if isinstance(each, Reference)]
    return [step.raw["protocol"], *named] if step.action == "call" else named


def flow(protocol: Protocol, quick: Quick, report: Report) -> None:
    """Adds what is wrong with the way through a protocol whose references are right."""
    name = "" if protocol.fallback is None else protocol.fallback.name
    fallback = next((i for i, step in enumerate(protocol.steps) if step.id == name), 0)
    _flow(protocol.steps, fallback, quick, report)


def _flow(steps: list[Step], fallback: int, quick: Quick, report: Report) -> None:
    graph = ways(steps)
    reached = _reached(graph, fallback)
    for i, step in enumerate(steps):
        for branch in step.branches:
            if not isinstance(branch, Reference):
                _flow(branch, 0, quick, report)  # what fails in it is the failure of this step
        if i not in reached:
            report.add(
                "MV401",
                step.place,
                _("the step {id!r} is never reached").format(id=step.id),
                _("lead to it from another step, or remove it"),
            )
        elif step.action == "condition" and len(graph[i]) == 1:
            report.add(
                "MV403",
                step.place,
                _("the condition {id!r} leads to the same step whatever holds").format(id=step.id),
                _("name a step with next_step_id or next_step"),
            )
    for circle in _circles(steps, graph, quick):
        if reached.issuperset(circle):
            names = ", ".join(steps[i].id for i in circle[:_NAMED])
            more = ", …" if len(circle) > _NAMED else ""
            report.add(
                "MV402",
                steps[circle[0]].place,
                _("the steps {names} go round in a circle in which nothing waits or asks").format(names=names + more),
                _("a run is cut there after max_steps; let a step wait, or lead out of it"),
            )


def _reached(graph: list[set[int]], fallback: int) -> set[int]:
    """The steps that a run may come to: from the first one, and from where it goes on after a failure."""
    reached: set[int] = set()
    waiting = [0, fallback]
    while waiting:
        i = waiting.pop()
        if i < len(graph) and i not in reached:
            reached.add(i)
            waiting += graph[i]
    return reached


def _circles(steps: list[Step], graph: list[set[int]], through: Quick) -> list[list[int]]:
    """Circles of quick steps that a run cannot leave, or in which nothing changes that a condition could see.

    One in which a `set` counts, and from which there is a way out, ends by itself.
    """
    quick = {i for i, step in enumerate(steps) if through.step(step)}
    inner = {i: graph[i] & quick for i in quick}
    found = []
    for circle in components(inner):
        if len(circle) == 1 and circle[0] not in inner[circle[0]]:
            continue
        sets = through.sets([steps[i] for i in circle])
        leaves = any(not graph[i] <= set(circle) for i in circle)
        if not sets or not leaves:
            found.append(circle)
    return found


def components(graph: dict[int, set[int]]) -> list[list[int]]:
    """The strongly connected components, each in the order of the steps (Kosaraju)."""
    back: dict[int, set[int]] = {i: set() for i in graph}
    for i, targets in graph.items():
        for target in targets:
            back[target].add(i)
    seen: set[int] = set()
    order = [i for start in sorted(graph) for i in _finished(graph, start, seen)]
    seen = set()
    components = (sorted(_finished(back, start, seen)) for start in reversed(order))
    return sorted(component for component in components if component)


def _finished(graph: dict[int, set[int]], start: int, seen: set[int]) -> list[int]:
    """What is reached from a start and was not seen before, in the order in which a search is done with it."""
    if start in seen:
        return []
    seen.add(start)
    done: list[int] = []
    path = [(start, iter(sorted(graph[start])))]
    while path:
        i, targets = path[-1]
        following = next((target for target in targets if target not in seen), None)
        if following is None:
            done.append(i)
            path.pop()
        else:
            seen.add(following)
            path.append((following, iter(sorted(graph[following]))))
    return done
