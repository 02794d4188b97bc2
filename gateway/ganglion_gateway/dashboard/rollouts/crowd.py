# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a rollout by how far they are, and why those are where they are."""

from nicegui import ui

from ganglion.client.documents import RolloutNode
from ganglion.client.operations import rollouts
from ganglion_gateway.dashboard import reasons, text
from ganglion_gateway.dashboard.naming import Names
from ganglion_gateway.dashboard.parts import Action, Cell, Pages, Row, Table, attribute, card
from ganglion_gateway.dashboard.progress import ORDER, Bar, spoken, tone
from ganglion_gateway.dashboard.visit import Visit

#: Nodes of one page.
_PAGE = 25


class Crowd:
    """The card."""

    def __init__(self, visit: Visit, rollout: str) -> None:
        self._visit, self._rollout = visit, rollout
        self._words = spoken(visit.say)
        self._names = Names(visit)
        self._is_over = False
        self._state = visit.query.get("node", "")
        if self._state not in ORDER:
            self._state = ""
        say = visit.say
        with card(say("Nodes")):
            self._bar = Bar(say)
            with ui.element("div").classes("g-chips").props(f'role="group" aria-label="{attribute(say("State"))}"'):
                self._all = _Chip(say("all"), "", self._choosing(""))
                self._chips = {state: _Chip(self._words[state], tone(state), self._choosing(state)) for state in ORDER}
            columns = (say("Node"), say("Stage"), say("State"), say("Why"), say("Since"), say("Ran before"))
            with ui.element("div").classes("g-crowd"):
                self._table = Table(columns, empty=say("No node is so."), label=say("Nodes"))
            self._pages = Pages(say, self.look)

    def update(self, counts: dict[str, int], *, is_over: bool) -> None:
        """Shows how many are how far, `is_over` in a rollout that has ended."""
        self._is_over = is_over
        self._bar.update(counts, is_over=is_over)
        self._all.update(sum(counts.values()), chosen=not self._state)
        for state, chip in self._chips.items():
            chip.update(counts.get(state, 0), chosen=state == self._state)
            chip.colour(tone(state, is_over=is_over))

    async def look(self) -> None:
        """Shows who they are."""
        visit, now = self._visit, self._visit.services.clock()
        states = [self._state] if self._state else None
        call = rollouts.get_rollouts_rollout_nodes(self._rollout, limit=_PAGE, cursor=self._pages.cursor, state=states)
        found = await visit.ask(call)
        await self._names.learn(each["before"] for each in found["nodes"])
        self._table.update([self._row(each, now) for each in found["nodes"]])
        self._pages.update(found["next"])

    def _row(self, node: RolloutNode, now: int) -> Row:
        say, state = self._visit.say, node["state"]
        known = self._visit.services.fleet.nodes.get(node["node"])
        why = []
        for count, line in ((node["crashes"], say("crashes: {count}")), (node["alerts"], say("alerts: {count}"))):
            if count:
                why.append(line.format(count=count))
        if node["sent_back"]:
            why.append(say("gets back what it had"))
        said, before, changed = text.whole(reasons.told(node["why"], say)), node["before"], node["changed"]
        return Row(
            node["node"],
            (
                Cell(
                    text.whole(node["name"]),
                    state="good" if known is not None and known.online else "",
                    link=f"/nodes/{node['node']}",
                ),
                Cell("–" if node["stage"] is None else str(node["stage"])),
                Cell(self._words[state], state=tone(state, is_over=self._is_over)),
                # What the node says is in the node's words; below it is what is said of the node
                Cell(said or "; ".join(why), more="; ".join(why) if said else ""),
                Cell("–" if changed is None else text.ago(now - changed, say), hint=text.iso(changed or 0)),
                Cell(self._names.of(before), link=f"/releases/{before}")
                if before
                else Cell(say("its own configuration")),
            ),
        )

    def _choosing(self, state: str) -> Action:
        async def choose() -> None:
            self._state = state
            self._pages.begin()
            for each, chip in {"": self._all, **self._chips}.items():
                chip.choose(each == state)
            await self.look()

        return choose


class _Chip:
    """A state with its count, which shows its nodes alone."""

    def __init__(self, caption: str, tone: str, chosen: Action) -> None:
        self._chosen: bool | None = None
        self._tone = tone
        with ui.element("button").classes("g-button g-count").props('type="button"') as self._button:
            self._dot = ui.element("span").classes(f"g-dot g-{tone}").props('aria-hidden="true"') if tone else None
            self._count = ui.label("")
            self._count.tag = "b"
            ui.label(caption)
        self._button.on("click", chosen)

    def update(self, count: int, *, chosen: bool) -> None:
        self._count.set_text(text.number(count))
        self._button.set_visibility(bool(count) or chosen)
        self.choose(chosen)

    def colour(self, tone: str) -> None:
        """Gives its dot another colour."""
        if self._dot is not None and tone != self._tone:
            self._dot.classes(remove=f"g-{self._tone}", add=f"g-{tone}")
            self._tone = tone

    def choose(self, chosen: bool) -> None:
        if chosen is not self._chosen:
            self._chosen = chosen
            self._button.props(f'aria-pressed="{str(chosen).lower()}"')
