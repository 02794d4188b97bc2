# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of nodes: a selector and how they are choose which, a page of it at a time."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from ganglion.client import documents
from ganglion.client.operations import fleet
from ganglion.errors import InvalidError, RefusedError
from ganglion_gateway import verdict
from ganglion_gateway.dashboard import states, text
from ganglion_gateway.dashboard.fleet import tags
from ganglion_gateway.dashboard.jobs.start import start
from ganglion_gateway.dashboard.naming import Names
from ganglion_gateway.dashboard.parts import Action, Cell, Pages, Row, Table, button, card
from ganglion_gateway.dashboard.progress import spoken
from ganglion_gateway.dashboard.segments import Segments
from ganglion_gateway.dashboard.visit import Visit

#: Nodes of one page.
PAGE = 50
#: The choice of all of them.
_ALL = ""
#: Looks between two counts of the whole fleet.
_COUNT = 3
_MEBIBYTE = 1 << 20


class Nodes:
    """The table with what chooses."""

    def __init__(self, visit: Visit) -> None:
        self._visit, say = visit, visit.say
        self._say = say
        self._where = visit.query.get("where", "")
        health = visit.query.get("health", _ALL)
        captions = {_ALL: say("All")} | {word: states.health(word, say) for word in reversed(verdict.WORDS)}
        self._captions = captions
        self._looks = 0
        self._names = Names(visit)
        with card(say("Nodes")):
            with ui.element("div").classes("g-bar"):
                self._health = Segments(
                    captions, health if health in captions else _ALL, self._chosen, label=say("How nodes are")
                )
                ui.element("div").classes("g-space")
                if visit.may("operate"):
                    button(say("Run a job on these…"), self._run)
            self._selector = ui.input(
                placeholder=say("A selector: tag=fridge and board=esp32"), value=self._where, on_change=self._selected
            )
            self._selector.classes("g-input g-selector").props(
                f'dense outlined clearable debounce="400" data-find spellcheck="false" aria-label="{say("Selector")}" '
                'autocapitalize="off"'
            )
            self._wrong = ui.label("").classes("g-wrong").props('role="alert" data-role="wrong"')
            self._wrong.set_visibility(False)
            columns = (
                *(say("Node"), say("Health"), say("Software"), say("Release"), say("Tags"), say("Heard")),
                say("Vitals"),
            )
            with ui.element("div").classes("g-fleet g-stack") as self._shown:
                self._table = Table(columns, empty=say("No node is so."), label=say("Nodes"))
                begin = say("Make an enrol key below, and a node that is started with it stands here.")
                self._begin = ui.label(begin if visit.may("enrol") else "").classes("g-faint")
                self._pages = Pages(say, self.look)
            self._begin.set_visibility(False)

    async def look(self) -> None:
        """Shows the fleet as it is now. Raises: see `Visit.ask`."""
        call = fleet.get_nodes(
            where=self._where or None, health=self._health.value or None, limit=PAGE, cursor=self._pages.cursor
        )
        try:
            page = await self._visit.ask(call)
        except (InvalidError, RefusedError) as error:
            # What was listed before is not what the selector means: nothing is
            self._wrong.set_text(str(error))
            self._shown.set_visibility(False)
            self._wrong.set_visibility(True)
            return
        await self._names.learn(_releases(page["nodes"]))
        self._wrong.set_visibility(False)
        self._shown.set_visibility(True)
        now = self._visit.services.clock()
        self._begin.set_visibility(not page["nodes"] and not self._where and self._health.value == _ALL)
        self._table.update([self._row(node, now) for node in page["nodes"]])
        self._pages.update(page["next"])
        if self._looks % _COUNT == 0:
            await self._count()
        self._looks += 1

    async def _count(self) -> None:
        counts = await self._visit.ask(fleet.get_fleet_health(where=self._where or None))
        for word, caption in self._captions.items():
            number = counts["nodes"] if word == _ALL else counts["health"][word]
            self._health.caption(word, f"{caption} {number}")
            self._health.hide(word, not number and word != _ALL)

    def _row(self, node: documents.OneNode, now: int) -> Row:
        say = self._say
        actions: list[tuple[str, Action]] = []
        if self._visit.may("config") and node["revoked"] is None:
            actions.append((say("Tags…"), lambda: self._tag(node["id"])))
        known = self._visit.services.fleet.nodes.get(node["id"])
        why = verdict.findings(known, now, say=say)[:1] if known is not None else []
        cells = (
            Cell(node["name"], link=f"/nodes/{node['id']}", hint=node["id"], more=node["board"]),
            Cell(
                states.health(node["health"], say),
                state=states.COLOURS.get(node["health"], "idle"),
                more=why[0].text if why else "",
                hint=why[0].remedy if why else "",
            ),
            Cell(node["sw"]),
            self._release(node["release"]),
            Cell(", ".join(node["tags"])),
            Cell(text.ago(now - node["last_seen"], say), hint=text.iso(node["last_seen"])),
            self._vitals(node),
        )
        return Row(f"{node['name']}", cells, actions) if actions else Row(node["id"], cells)

    def _release(self, release: documents.Standing) -> Cell:
        desired, reported = release["desired"], release["reported"]
        wanted = desired["release"] if desired is not None else None
        runs = reported["release"] if reported is not None else None
        if wanted is None and (reported is None or (runs is None and reported["state"] == "committed")):
            return Cell("–")  # its own configuration alone, never having had another or again
        state = (
            spoken(self._say).get(reported["state"], reported["state"])
            if reported is not None
            else self._say("not told yet")
        )
        name = self._names.of
        more = state if runs == wanted else self._say("{state}: {release}").format(state=state, release=name(runs))
        link = "" if wanted is None else f"/releases/{wanted}"
        return Cell(name(wanted), link=link, more=more, hint=reported["why"] if reported is not None else "")

    def _vitals(self, node: documents.Node) -> Cell:
        vitals, say = node["vitals"], self._say
        found, hint = [], ""
        if isinstance(own := vitals.get("rss"), int | float):
            memory = say("memory {size}").format(size=f"{own / _MEBIBYTE:.0f} MiB")
        else:
            memory = "–"
        if isinstance(free := vitals.get("available"), int | float):
            hint = say("The node takes so much; {size} are free on its machine.").format(size=_size(free))
        if isinstance(heat := vitals.get("temperature"), int | float):
            found.append(f"{text.number(heat)} °C")
        if isinstance(signal := vitals.get("signal"), int | float):
            found.append(f"{text.number(signal)} dBm")
        up = vitals.get("up")
        if isinstance(up, int | float) and node["online"]:
            found.append(say("up {span}").format(span=" ".join(text.span(up, say).split()[:2])))
        return Cell(memory, more=" · ".join(found), hint=hint)

    async def _tag(self, node: str) -> None:
        if await tags.edit(self._visit, node):
            await self.look()

    async def _run(self) -> None:
        await start(self._visit, self._where or "all")

    async def _selected(self, event: Any) -> None:
        self._where = (event.value or "").strip()
        await self._again()

    async def _chosen(self, _: str) -> None:
        await self._again()

    async def _again(self) -> None:
        self._pages.begin()
        self._looks = 0
        said = {"where": self._where, "health": self._health.value}
        query = urlencode({name: value for name, value in said.items() if value})
        ui.navigate.history.replace(f"/fleet?{query}" if query else "/fleet")
        await self._visit.now(self.look)


def _releases(nodes: list[documents.OneNode]) -> Iterator[str | None]:
    for node in nodes:
        for release in (node["release"]["desired"], node["release"]["reported"]):
            yield None if release is None else release["release"]


def _size(value: float) -> str:
    return f"{value / _MEBIBYTE:.0f} MiB" if value < 10240 * _MEBIBYTE else f"{value / 2**30:.0f} GiB"
