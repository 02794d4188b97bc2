# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of a rollout as a picture: what each adds, how far that is, what may fail, and the clock of its soak."""

from nicegui import ui

from ganglion.client.documents import Rollout, Stage
from ganglion.units import SECOND
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.parts import attribute, card, tagged
from ganglion_gateway.dashboard.progress import Bar
from ganglion_gateway.dashboard.rollouts.states import Standing, adds
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.rollout.target import BAD, OUT
from ganglion_gateway.rollout.terms import Terms

_BAD = [state.value for state in BAD]
_OUT = [state.value for state in OUT]


class Stages:
    """The card."""

    def __init__(self, visit: Visit, rollout: Rollout) -> None:
        self._visit = visit
        terms = Terms.of(rollout["terms"])
        with card(visit.say("Stages")), ui.element("ol").classes("g-steps"):
            self._stages = [_Stage(visit, stage, terms) for stage in rollout["stages"]]

    def update(self, rollout: Rollout, now: int) -> None:
        """Shows how far it is."""
        live = rollout["state"] in ("running", "paused")
        for shown, stage in zip(self._stages, rollout["stages"], strict=True):
            shown.update(stage, live=live, current=live and stage["number"] == rollout["stage"])
        self.tick(now)

    def tick(self, now: int) -> None:
        """The clocks go on, with nothing asked."""
        for stage in self._stages:
            stage.tick(now)


class _Stage:
    def __init__(self, visit: Visit, stage: Stage, terms: Terms) -> None:
        self._say, self._terms = visit.say, terms
        self._stage: Stage = stage
        self._live = True
        say = visit.say
        name = say("Stage {number}").format(number=stage["number"])
        with ui.element("li").classes("g-step").props(f'aria-label="{attribute(name)}"') as self._box:
            with ui.element("div").classes("g-step-head"):
                ui.label(name).classes("g-faint")
                self._standing = Standing(say, stage=True)
            with ui.element("div").classes("g-step-size"):
                tagged("b", f"{stage['percent']:g} %")
                ui.label(adds(stage["size"], say)).classes("g-faint")
            self._bar = Bar(say, mark=terms.quorum)
            self._far = ui.label("").props('data-role="far"')
            self._failed = ui.label("").props('data-role="failed"')
            with ui.element("div").classes("g-soak"), ui.element("span") as self._clock:
                pass
            self._soak = ui.label("").classes("g-faint").props('data-role="soak"')

    def update(self, stage: Stage, *, live: bool, current: bool) -> None:
        say, counts = self._say, stage["nodes"]
        self._stage, self._live = stage, live
        self._standing.update(stage["state"])
        self._box.classes(add="g-current") if current else self._box.classes(remove="g-current")
        within = {state: count for state, count in counts.items() if state not in _OUT}
        self._bar.update(within, is_over=not live)
        size = sum(within.values())
        bad, may = sum(counts.get(state, 0) for state in _BAD), self._terms.tolerate_stage.of(size)
        line = say("{count} of {size} committed, {needed} needed")
        needed = self._terms.needed(size)
        self._far.set_text(line.format(count=counts.get("committed", 0), size=size, needed=needed) if size else "")
        line = say("{count} failed, {may} may").format(count=bad, may=may)
        self._failed.set_text(line if size else "")
        self._failed.classes(add="g-alarm") if bad > may else self._failed.classes(remove="g-alarm")

    def tick(self, now: int) -> None:
        say, stage = self._say, self._stage
        soak = text.span(stage["soak"] / SECOND, say)
        over = (now - stage["held"]) if stage["held"] else 0
        share = 1.0 if stage["state"] == "passed" or not stage["soak"] else min(1.0, over / stage["soak"])
        if stage["state"] == "passed":
            line = say("was well for {span}").format(span=soak)
        elif not self._live:
            line = say("not reached")
            if stage["state"] == "aborted":
                line = say("ended before it was well for {span}").format(span=soak)
            share = 0.0
        elif not stage["held"]:
            line, share = say("then is to be well for {span}").format(span=soak), 0.0
        elif share < 1:
            left = text.span((stage["soak"] - over) / SECOND, say)
            line = say("well so far, {left} left of {span}").format(left=left, span=soak)
        else:
            line = say("has soaked; waits for its nodes to be there")
        self._soak.set_text(line)
        self._clock.style(f"width: {share * 100:.1f}%")
