# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one protocol once, here and now, with the engine and the ports that the caller gives."""

import asyncio
import random
from typing import Any

from ganglion.mova.http import HttpTools
from ganglion.mova.perform import Performer
from ganglion.mova.plan import Plan
from ganglion.mova.ports import Ports, Time, Tools
from ganglion.units import SECOND
from ganglion_micro import effects as e
from ganglion_micro.engine import Engine


async def run_once(
    plan: Plan,
    protocol: str,
    *,
    event: dict[str, Any],
    session: dict[str, Any] | None,
    ports: Ports,
    clock: Time,
    tools: Tools | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The episode of the run, and the data of its session at the end.

    Args:
        event: `id source topic value payload timestamp`.
        session: `session_id` and `data` to begin with; None for what the document says.
    """
    performer = Performer(ports, tools or HttpTools())
    engine = Engine(plan.body, random.random)
    effects = engine.start(protocol, event, session, clock.now())
    while effects[0].kind != e.DONE:
        effect = effects[0]
        deadline = engine.runs[effect.run].deadline
        left = (deadline - clock.now()) / SECOND if deadline else None
        try:
            async with asyncio.timeout(left):
                result = await _perform(performer, effect, plan.name)
        except TimeoutError:
            effects = engine.expire(effect.run, clock.now())
        else:
            effects = engine.resume(effect.run, result, clock.now())
    done = effects[0]
    return done.episode, done.data


async def _perform(performer: Performer, effect: Any, source: str) -> Any:
    if effect.kind == e.WAIT:
        await asyncio.sleep(effect.ns / SECOND)
        return None
    if effect.kind <= e.LOG:
        return performer.at_once(effect, source)
    return await performer.awaited(effect, source)
