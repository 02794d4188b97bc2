# SPDX-License-Identifier: GPL-3.0-or-later
"""Pauses, resumes and aborts a rollout. Who aborts is told first what will be taken back from whom."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from ganglion.client.call import Call
from ganglion.client.documents import Rollout
from ganglion.client.operations import rollouts
from ganglion_gateway.dashboard.dialogs import dialog
from ganglion_gateway.dashboard.parts import Action, button, field, tagged
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.rollout.target import ON_THE_WAY

_ON_THE_WAY = [state.value for state in ON_THE_WAY]


class Commands:
    """The buttons; none for who may only look.

    Attributes:
        done: Is called when something was done.
    """

    def __init__(self, visit: Visit, rollout: str) -> None:
        self._visit, self._id = visit, rollout
        self._counts: dict[str, int] = {}
        self.done: Callable[[], Awaitable[None]] | None = None
        say = visit.say
        with ui.element("div").classes("g-bar") as self._bar:
            self._pause = button(say("Pause"), self._doing(rollouts.post_rollouts_rollout_pause))
            self._resume = button(say("Resume"), self._doing(rollouts.post_rollouts_rollout_resume), main=True)
            self._abort = button(say("Abort"), self._ask)
        self._bar.set_visibility(False)

    def update(self, rollout: Rollout) -> None:
        """Offers what makes sense now."""
        self._counts = rollout["nodes"]
        state = rollout["state"]
        self._bar.set_visibility(self._visit.may("operate") and state in ("running", "paused"))
        self._pause.set_visibility(state == "running")
        self._resume.set_visibility(state == "paused")

    def _doing(self, command: Callable[[str], Call[Rollout]]) -> Action:
        async def do() -> None:
            await self._carry_out(command(self._id))

        return do

    async def _carry_out(self, call: Call[Rollout]) -> None:
        if await self._visit.attempt(call) is not None and self.done is not None:
            await self.done()

    async def _ask(self) -> None:
        say, counts = self._visit.say, self._counts
        under_way = sum(counts.get(state, 0) for state in _ON_THE_WAY)
        kept, pending = counts.get("committed", 0), counts.get("pending", 0)
        with dialog(say("End this rollout for good?")) as asking:
            with ui.element("ul").classes("g-consequences"):
                lines = (
                    (
                        under_way,
                        say.many(
                            "{count} node is on the way: it gets back what it had.",
                            "{count} nodes are on the way: they get back what they had.",
                            under_way,
                        ),
                    ),
                    (
                        pending,
                        say.many(
                            "{count} node is still to come: it keeps what it has.",
                            "{count} nodes are still to come: they keep what they have.",
                            pending,
                        ),
                    ),
                    (
                        kept,
                        say.many(
                            "{count} node has committed: it keeps that, unless you say otherwise here.",
                            "{count} nodes have committed: they keep that, unless you say otherwise here.",
                            kept,
                        ),
                    ),
                )
                for count, line in lines:
                    if count:
                        tagged("li", line.format(count=count))
            send_back = ui.checkbox(say("Send those that have committed back to what they had, too"))
            send_back.set_visibility(bool(kept))
            why = field(say("Why, for the report and the audit"))
            with ui.element("div").classes("g-bar"):
                button(say("Abort the rollout"), lambda: asking.submit(True)).classes("g-final")
                button(say("Cancel"), lambda: asking.submit(False))
        if await asking:
            call = rollouts.post_rollouts_rollout_abort(
                self._id, why=(why.value or "").strip(), send_back=bool(send_back.value)
            )
            await self._carry_out(call)
