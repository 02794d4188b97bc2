# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a protocol again on what an episode has recorded, and says where the new run differs.

The world answers as it did then: what models, tools and sensors gave stands in the episode's steps, and time goes by as
it did. So the differences come from the document, which was changed since.
"""

from collections import deque
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

from ganglion.errors import NotFoundError
from ganglion.mova.plan import Plan
from ganglion.mova.recording import NEVER, Recording, unknown
from ganglion.settings import nearest
from ganglion_micro import effects as e
from ganglion_micro.engine import Engine
from ganglion_micro.text import text

_RUN = "again"


def rerun(plan: Plan, recorded: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The episode of the new run, and what is different in it: status, steps, and what was said and set.

    Args:
        recorded: What `ganglion.mova.episode.checked` let pass.

    Raises:
        NotFoundError: the plan has no such protocol.
    """
    protocol = recorded["protocol"]
    if protocol not in plan.protocols:
        raise NotFoundError(f"there is no protocol {protocol!r} any more{nearest(protocol, plan.protocols)}")
    world = Recording(recorded)
    engine = Engine(plan.body)
    known = {"id": "", "source": "", "payload": recorded["event"].get("value"), **recorded["event"]}
    session = recorded.get("session")
    trigger = str(recorded.get("trigger", ""))
    effects = engine.start(protocol, known, session if isinstance(session, dict) else None, world.now, _RUN, trigger)
    episode = _played(engine, effects, world, str(recorded.get("error")))
    return episode, [*world.remarks, *_differences(recorded, episode, world.happened)]


def _played(engine: Engine, effects: list[Any], world: Recording, reason: str) -> dict[str, Any]:
    """The episode of a run that has these first effects. What comes first goes on first, as branches do on a node.

    Args:
        reason: Why the recorded run was ended from outside, if it was.
    """
    waiting: dict[str, tuple[int, Any]] = {}  # a run or branch -> when its result comes, and the result
    while True:
        while effects:
            effect = effects.pop(0)
            if effect.kind == e.DONE:
                episode: dict[str, Any] = effect.episode
                return episode
            if effect.kind == e.FORGET:
                if waiting.pop(effect.run, None) is None:  # it is about to be waited for, and is its last in the list
                    del effects[max(i for i, each in enumerate(effects) if each.run == effect.run)]
            elif effect.kind <= e.LOG:
                effects[:0] = engine.resume(effect.run, world.said(engine.runs[effect.run], effect), world.now)
            else:
                waiting[effect.run] = world.answer(engine.runs[effect.run], effect)
        run_id = min(waiting, key=lambda each: waiting[each][0])
        due, result = waiting.pop(run_id)
        deadline = engine.runs[_RUN].deadline or NEVER
        if due < min(deadline, world.cancelled):
            world.now = due
            effects = engine.resume(run_id, result, due)
        elif deadline < world.cancelled:
            effects = engine.expire(_RUN, deadline)
        elif world.cancelled < NEVER:
            effects = engine.cancel(_RUN, reason, world.cancelled)
        else:
            effects = engine.cancel(_RUN, unknown(engine.runs[run_id].record["id"]), world.now)


def _differences(then: dict[str, Any], now: dict[str, Any], happened: list[tuple[str, str, Any]]) -> list[str]:
    found = []
    if now["status"] != then["status"]:
        found.append(f"status: {now['status']}, was {then['status']}")
    if now["error"] != then.get("error"):
        found.append(f"error: {now['error'] or 'none'}, was {then.get('error') or 'none'}")
    # Which of two branches is ahead is chance: where there are some, each step and topic is compared by itself.
    in_order = not any(step["action"] == "parallel" for step in (*now["steps"], *then["steps"]))
    steps = _paired(now["steps"], then["steps"], None if in_order else lambda step: step["id"])
    for i, (new, old) in enumerate(steps, 1):
        if (said := _step(new)) != (was := _step(old)):
            found.append(f"step {i}: {said}, was {was}")
            break  # all that follows is another way
    known = then.get("happened")
    if isinstance(known, list):
        before = [(each.get("kind"), each.get("name"), each.get("value")) for each in known if isinstance(each, dict)]
    else:  # of a node, which tells what it has set and not what it has said
        before = [
            ("actuated", step["detail"]["actuator"], step["detail"].get("value"))
            for step in then["steps"]
            if "actuator" in step["detail"]
        ]
        happened = [each for each in happened if each[0] == "actuated"]
    for made, was_made in _paired(happened, before, None if in_order else lambda each: each[:2]):
        if made != was_made:
            found.append(f"{_made(made)}, was {_made(was_made)}")
    return found


def _paired(now: list[Any], then: list[Any], key: Callable[[Any], Any] | None) -> list[tuple[Any, Any]]:
    """Each with what it was, in their order; with a `key` in the order of then, those of each key for themselves."""
    if key is None:
        return list(zip_longest(now, then))
    left: dict[str, deque[Any]] = {}
    for each in now:
        left.setdefault(repr(key(each)), deque()).append(each)
    pairs = [(same.popleft() if (same := left.get(repr(key(each)))) else None, each) for each in then]
    return pairs + [(each, None) for same in left.values() for each in same]


def _step(step: dict[str, Any] | None) -> str:
    return "none" if step is None else f"{step['id']} {step['status']}"


def _made(happening: tuple[Any, Any, Any] | None) -> str:
    if happening is None:
        return "nothing"
    kind, name, value = happening
    return f"{kind} {name} {text(value)}"
