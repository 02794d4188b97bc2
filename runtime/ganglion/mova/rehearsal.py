# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one protocol once in virtual time, in a world that answers what the caller says. Nothing else is reached."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from ganglion.bus import Bus
from ganglion.mova.plan import Plan
from ganglion.mova.shell import ScriptRunner
from ganglion.mova.stage import Happening, Stage
from ganglion.mova.timetable import Timetable
from ganglion.mova.virtual import VirtualLoop
from ganglion.units import SECOND

#: Virtual nanoseconds after which a run is ended that waits for what nothing brings about.
LENGTH = 24 * 3600 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a run finds.

    Attributes:
        value: Of the event that starts it, and its payload.
        data: The session to begin with.
        sensors: The value of each sensor that may be read.
        llm: What a model answers, as the `llm` of a test: `down`, an answer, or a list of them.
        tools: The body that each tool answers with.
    """

    value: Any = None
    data: dict[str, Any] = field(default_factory=dict)
    sensors: dict[str, Any] = field(default_factory=dict)
    llm: Any = "down"
    tools: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What became of it.

    Attributes:
        episode: What it did, step by step.
        data: The session at its end; None where it was ended.
        happened: All that it has done to the world.
        elapsed: Virtual nanoseconds.
    """

    episode: dict[str, Any]
    data: dict[str, Any] | None
    happened: list[Happening]
    elapsed: int


def rehearse(plan: Plan, protocol: str, world: World) -> Run:
    """Runs a protocol of a plan, which was compiled for it alone.

    Raises:
        KeyError: the plan has no such protocol.
    """
    random.seed(0)  # the jitter of retries
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        stage = Stage(Bus(), loop, {"llm": world.llm, "tools": world.tools})
        stage.sensors.update(world.sensors)
        data = runner.run(_play(plan, protocol, stage, world))
    episode = stage.episodes[0]
    if data is None:
        hours = LENGTH // (3600 * SECOND)
        episode = {**episode, "error": f"after {hours} h of virtual time it still waited, and was ended"}
    return Run(episode=episode, data=data, happened=stage.happened, elapsed=loop.elapsed)


async def _play(plan: Plan, protocol: str, stage: Stage, world: World) -> dict[str, Any] | None:
    loop = stage.loop
    loop.deadline = lambda: stage.bus.deadline
    loop.fire = stage.bus.advance
    scripts = ScriptRunner(stage.bus, stage, stage, tools=stage, timetable=Timetable(stage.now, look=None))
    scripts.add(plan)
    now = stage.now()
    event = {
        "id": f"rehearsal@{now}",
        "source": "rehearsal",
        "topic": "rehearsal",
        "value": world.value,
        "payload": world.value,
        "timestamp": now,
    }
    session = {"session_id": "rehearsal", "data": world.data}
    try:
        async with asyncio.timeout(LENGTH / SECOND):
            return (await scripts.run(plan.name, protocol, event, session)).data
    except TimeoutError:
        return None
    finally:
        loop.deadline = lambda: None
        await scripts.aclose()
