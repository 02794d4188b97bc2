# SPDX-License-Identifier: GPL-3.0-or-later
"""How a node is and why, what runs there, its vitals, its release, and its leaves."""

from typing import Any

from nicegui import ui

from ganglion.client import documents
from ganglion.client.operations import fleet
from ganglion.units import SECOND
from ganglion_gateway.dashboard import states, text
from ganglion_gateway.dashboard.naming import Names
from ganglion_gateway.dashboard.pairs import Pairs
from ganglion_gateway.dashboard.parts import Cell, Row, Table, card
from ganglion_gateway.dashboard.progress import spoken
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.verdict import SOON

_MEBIBYTE = 1 << 20


class State:
    """The cards."""

    def __init__(self, visit: Visit, node: str) -> None:
        self._visit, self._say, self._node = visit, visit.say, node
        self._told: list[documents.Finding] | None = None
        self._names = Names(visit)
        say = visit.say
        with card(say("How it is")).classes("g-first"):
            self._health = Pairs()
            self._findings = ui.element("ul").classes("g-findings")
        with card(say("What it is")):
            self._facts = Pairs()
        with card(say("Vitals")):
            self._vitals = Pairs()
            self._silent = ui.label(say("It has not said how it is.")).classes("g-faint")
        self._release_card = card(say("Release"))
        with self._release_card:
            self._release = Pairs()
        self._leaves_card = card(say("Leaves"))
        with self._leaves_card:
            self._leaves = Table((say("Leaf"), say("State"), say("Board"), say("Heard")), empty="", label=say("Leaves"))

    async def look(self) -> None:
        """Shows it as it is now. Raises: see `Visit.ask`."""
        node = await self._visit.ask(fleet.get_nodes_node(self._node))
        why = await self._visit.ask(fleet.get_nodes_node_why(self._node, language=self._visit.language))
        desired, reported = node["release"]["desired"], node["release"]["reported"]
        await self._names.learn(each["release"] for each in (desired, reported) if each)
        now = self._visit.services.clock()
        self._say_health(node, why, now)
        self._say_facts(node, now)
        self._say_vitals(node["vitals"], node["vitals_at"], now)
        self._say_release(node["release"], now)
        self._say_leaves(node["leaves"], now)

    def _say_health(self, node: documents.Node, why: documents.Why, now: int) -> None:
        say = self._say
        there = say("online") if node["online"] else say("offline")
        self._health.update(
            {
                say("Health"): Cell(states.health(why["health"], say), state=states.COLOURS.get(why["health"], "idle")),
                say("Presence"): Cell(there, state="good" if node["online"] else "idle"),
                say("Heard"): Cell(text.ago(now - node["last_seen"], say), hint=text.iso(node["last_seen"])),
            }
        )
        if why["findings"] != self._told:
            self._told = why["findings"]
            self._findings.clear()
            self._findings.set_visibility(bool(self._told))
            with self._findings:
                for each in why["findings"]:
                    level = each["level"]
                    line = ui.element("li").classes(f"g-finding g-finding-{level}").props(f'data-level="{level}"')
                    with line:
                        ui.label(each["text"])
                        if each["remedy"]:
                            ui.label(each["remedy"]).classes("g-faint")

    def _say_facts(self, node: documents.Node, now: int) -> None:
        say, left = self._say, node["credential_expires"] - now
        ends = say("in {span}").format(span=text.span(left // SECOND, say)) if left > 0 else say("is over")
        wrong = say("wrong") if node["clock"] == "bad" else say("right, as far as it is known")
        tags = ", ".join(node["tags"]) or "–"
        own = ", ".join(node["tags_removed"])
        self._facts.update(
            {
                say("Board"): Cell(node["board"] or "–"),
                say("Software"): Cell(node["sw"] or "–"),
                say("Tags"): Cell(tags, more=say("still in its credential: {tags}").format(tags=own) if own else ""),
                say("Credential ends"): Cell(
                    ends,
                    state="bad" if left <= 0 else "warn" if left < SOON else "",
                    hint=text.iso(node["credential_expires"]),
                ),
                say("Clock"): Cell(wrong, state="warn" if node["clock"] == "bad" else ""),
                say("Seen first"): Cell(text.iso(node["first_seen"])),
                **self._started(node, now),
            }
        )

    def _started(self, node: documents.Node, now: int) -> dict[str, Cell]:
        """When it was started last, as far as it has said how long it runs."""
        up, at = _number(node["vitals"], "up"), node["vitals_at"]
        if up is None or at is None:
            return {}
        began = at - int(up * SECOND)
        return {self._say("Started"): Cell(text.iso(began), more=text.ago(now - began, self._say))}

    def _begun(self, reset: object) -> str:
        """Why it began, where that is worth a word; as `ganglion.node.crashes` and boards say it."""
        say = self._say
        known = {
            "start": "",
            "error": say("after an error"),
            "native": say("after an error of native code"),
            "oom": say("after its machine had no memory left"),
            "watchdog": say("after its watchdog had ended it"),
            "killed": say("after it was killed"),
            "reset": say("after its machine had stopped"),
        }
        return known.get(reset, text.whole(reset)) if isinstance(reset, str) else ""

    def _say_vitals(self, vitals: dict[str, Any], at: int | None, now: int) -> None:
        say = self._say
        shown: dict[str, Cell] = {}
        if (up := _number(vitals, "up")) is not None:
            shown[say("Runs for")] = Cell(text.span(up, say), more=self._begun(vitals.get("reset")))
        for name, caption, of in (
            ("rss", say("Memory of its own"), ""),
            ("available", say("Free memory"), "total"),
            ("disk", say("Free space"), ""),
        ):
            if (value := _number(vitals, name)) is not None:
                whole = _number(vitals, of)
                shown[caption] = Cell(_size(value) if whole is None else f"{_size(value)} / {_size(whole)}")
        for name, caption, unit in (
            ("temperature", say("Temperature"), " °C"),
            ("signal", say("Signal"), " dBm"),
            ("load", say("Load"), ""),
        ):
            if (value := _number(vitals, name)) is not None:
                shown[caption] = Cell(f"{text.number(value)}{unit}")
        if vitals:
            spool, lost = _number(vitals, "spool") or 0, _number(vitals, "lost") or 0
            shown[say("Events that wait")] = Cell(text.number(spool), state="warn" if spool >= 1000 else "")
            shown[say("Events lost")] = Cell(text.number(lost), state="warn" if lost else "")
            shown[say("Said")] = Cell(text.ago(now - (at or 0), say))
        self._vitals.update(shown)
        self._silent.set_visibility(not shown)

    def _say_release(self, release: documents.Standing, now: int) -> None:
        say, desired, reported = self._say, release["desired"], release["reported"]
        self._release_card.set_visibility(bool(desired or reported))
        shown: dict[str, Cell] = {}
        if desired:
            wanted = self._names.of(desired["release"]) if desired["release"] else say("its own configuration")
            shown[say("Is to run")] = Cell(
                wanted,
                link=f"/releases/{desired['release']}" if desired["release"] else "",
                more=say("{ago}, by {who}").format(ago=text.ago(now - desired["at"], say), who=desired["by"]),
            )
        if reported:
            shown[say("Says")] = Cell(
                spoken(say).get(reported["state"], reported["state"]),
                more=self._names.of(reported["release"]) if reported["release"] else "",
            )
            if reported["why"]:
                shown[say("Why")] = Cell(reported["why"])
        self._release.update(shown)

    def _say_leaves(self, leaves: list[documents.Leaf], now: int) -> None:
        say = self._say
        rows = []
        for leaf in leaves:
            there = say("online") if leaf["online"] else say("away")
            heard = text.ago(now - leaf["last_seen"], say) if leaf["last_seen"] else "–"
            cells = (
                Cell(leaf["name"], hint=leaf["id"], more=leaf["sw"]),
                Cell(there, state="good" if leaf["online"] else "idle"),
                Cell(leaf["board"] or "–"),
                Cell(heard),
            )
            rows.append(Row(leaf["name"], cells))
        self._leaves.update(rows)
        self._leaves_card.set_visibility(bool(rows))


def _number(vitals: dict[str, Any], name: str) -> float | None:
    value = vitals.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _size(value: float) -> str:
    return f"{text.number(value / _MEBIBYTE)} MiB" if value < 10240 * _MEBIBYTE else f"{value / 2**30:.0f} GiB"
