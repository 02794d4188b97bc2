# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one protocol once, here and now, on the ports that the caller gives."""

from typing import Any

from ganglion.bus import Bus
from ganglion.mova.loaded import Watch
from ganglion.mova.plan import Plan
from ganglion.mova.ports import Ports, Time, Tools
from ganglion.mova.shell import ScriptRunner


async def run_once(
    plan: Plan,
    protocol: str,
    *,
    bus: Bus,
    event: dict[str, Any],
    session: dict[str, Any] | None,
    ports: Ports,
    clock: Time,
    tools: Tools | None = None,
    watch: Watch | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The episode of the run, and the data of its session at the end.

    Args:
        bus: Where its steps wait for events; what `ports` emit goes there.
        event: `id source topic value payload timestamp`.
        session: `session_id` and `data` to begin with; None for what the document says.
        watch: As `ScriptRunner.run` has it.
    """
    runner = ScriptRunner(bus, ports, clock, tools=tools)
    runner.add(plan)
    try:
        done = await runner.run(plan.name, protocol, event, session, watch=watch)
    finally:
        await runner.aclose()
    return done.episode, done.data
