# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node moves: its present value, who holds it, what bounds it, and for who may operate a way to command it."""

from typing import Any

from nicegui import ui

from ganglion.client.operations import fleet
from ganglion.errors import GanglionError
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.asking import LoggedOutError
from ganglion_gateway.dashboard.consents import Consents
from ganglion_gateway.dashboard.dialogs import confirmed
from ganglion_gateway.dashboard.fields import field
from ganglion_gateway.dashboard.node.charts import ACTUATOR
from ganglion_gateway.dashboard.node.control import control
from ganglion_gateway.dashboard.parts import attribute, button, card
from ganglion_gateway.dashboard.visit import Visit

#: Seconds that a node has to answer, between two questions, and between looks at values.
_PATIENCE, _AGAIN, _TURN = 5.0, 10.0, 1.0

#: Limits that are seconds.
_TIMES = frozenset({"min_on", "min_off", "max_on", "max_silence"})

About = dict[str, Any]


class Actuators:
    """The card; not there for a node that moves nothing."""

    def __init__(self, visit: Visit, node: str) -> None:
        self._visit, self._say, self._id, say = visit, visit.say, node, visit.say
        self._known: dict[str, About] = {}
        self._shown: dict[str, _Line] = {}
        self._card = card(say("Actuators"))
        with self._card:
            self._consents = Consents(visit, self._turn if visit.may("operate") else None)
            self._away = ui.label("").classes("g-faint").props('role="status"')
            self._away.set_visibility(False)
            self._list = ui.element("div").classes("g-actuators")
            hint = say("As in 30s or 10m; then it is made safe. Empty: until something else sets it.")
            self._time = field(say("Set for"), hint=hint).classes("g-for")
            self._time.set_visibility(visit.may("operate"))
            self._again = button(say("Ask again"), self.look)
            self._again.set_visibility(False)
        self._card.set_visibility(bool(self._said()))
        self._turn()
        ui.timer(_TURN, self._turn, immediate=False)
        ui.timer(_AGAIN, self._follow, immediate=False)

    def _said(self) -> dict[str, About]:
        """What the node's birth says of its actuators."""
        known = self._visit.services.fleet
        node = known.nodes.get(known.now(self._id))
        said = node.caps.get("actuators") if node is not None else None
        return (
            {name: about for name, about in said.items() if isinstance(about, dict)} if isinstance(said, dict) else {}
        )

    async def look(self) -> None:
        """Asks the node how they are."""
        if not self._said():
            return
        try:
            call = fleet.get_nodes_node_calls_method(self._id, "actuators.list", timeout=_PATIENCE)
            answer: Any = (await self._visit.ask(call))["result"]
            self._known = {name: about for name, about in answer["actuators"].items() if isinstance(about, dict)}
        except LoggedOutError:
            self._visit.log_in()
            return
        except (GanglionError, KeyError, TypeError, AttributeError) as error:
            self._away.set_text(str(error))
            self._again.set_visibility(True)
        else:
            self._away.set_text("")
            self._again.set_visibility(False)
        self._away.set_visibility(bool(self._away.text))
        self._turn()

    async def _follow(self) -> None:
        known = self._visit.services.fleet
        node = known.nodes.get(known.now(self._id))
        if node is not None and node.online:
            await self.look()

    def _turn(self) -> None:
        """Shows what is known now."""
        services = self._visit.services
        node = services.fleet.nodes.get(services.fleet.now(self._id))
        if node is None:
            return
        said = self._said()
        abouts = {name: {**said[name], **self._known.get(name, {})} for name in sorted(said)}
        self._card.set_visibility(bool(abouts))
        if list(abouts) != list(self._shown):
            self._list.clear()
            with self._list:
                self._shown = {name: _Line(self, self._visit, name, about) for name, about in abouts.items()}
        for name, line in self._shown.items():
            latest = node.sensors.get(ACTUATOR + name)
            line.update(abouts[name], latest.value if latest is not None else abouts[name].get("value"))
        waiting = [row for row in services.consents.waiting if row["node"] in node.ids]
        self._consents.update(waiting, services.clock())

    async def command(self, name: str, about: About, value: Any) -> None:
        """Has the guardian of the node set one, for as long as the field says."""
        say = self._say
        if about.get("risk") in ("confirm", "never"):
            question = say("Set {actuator} of {node} to {value}?")
            known = self._visit.services.fleet
            asked = question.format(actuator=name, node=known.name(self._id), value=text.exact(value))
            if not await confirmed(say, asked, say("Set it")):
                return
        params = {"actuator": name, "value": value}
        if wanted := (self._time.value or "").strip():
            params["for"] = wanted
        call = fleet.post_nodes_node_commands(self._id, method="actuators.set", params=params)
        done = say("{actuator} is {value}").format(actuator=name, value=text.exact(value))
        await self._visit.attempt(call, done=done)
        await self.look()


class _Line:
    """One actuator."""

    def __init__(self, card: Actuators, visit: Visit, name: str, about: About) -> None:
        self._say, say = visit.say, visit.say
        with ui.element("div").classes("g-actuator").props(f'data-actuator="{attribute(name)}"'):
            with ui.element("div").classes("g-actuator-head"):
                ui.label(name).classes("g-actuator-name")
                self._value = ui.label("").props('data-role="value"')
                self._value.tag = "b"
                risk = ui.label(_risk(about.get("risk"), say)).classes("g-chip")
                risk.props(f'data-role="risk" title="{attribute(_meaning(about.get("risk"), say))}"')
            self._about = ui.label("").classes("g-faint")
            self._trouble = ui.label("").classes("g-wrong")
            ui.label(_meaning(about.get("risk"), say)).classes("g-faint")
            if visit.may("operate") and about.get("risk") != "read":
                control(say, name, about, lambda value: card.command(name, about, value))

    def update(self, about: About, value: Any) -> None:
        """Shows how it is."""
        say = self._say
        self._value.set_text(_shown(about, value, say))
        parts = []
        if about.get("holder"):
            parts.append(say("held by {holder}").format(holder=text.whole(str(about["holder"]))))
        limits = about.get("limits")
        for key, limit in limits.items() if isinstance(limits, dict) else ():
            if key not in ("risk", "low", "high", "values") and isinstance(limit, dict):
                parts.append(f"{key} {_limit(key, limit.get('value'), say)}")
        self._about.set_text(" · ".join(parts))
        self._about.set_visibility(bool(parts))
        trouble = about.get("failure") or about.get("barred") or ""
        self._trouble.set_text(str(trouble))
        self._trouble.set_visibility(bool(trouble))


def _limit(key: str, value: Any, say: Any) -> str:
    return text.span(value, say) if key in _TIMES and isinstance(value, int | float) else text.short(value)


def _shown(about: About, value: Any, say: Any) -> str:
    if value is None:
        return "–"
    if about.get("values") == [False, True]:
        return str(say("switched on") if value else say("switched off"))
    return text.short(value)


def _risk(risk: Any, say: Any) -> str:
    return str(
        {
            "read": say("only read"),
            "low": say("low risk"),
            "confirm": say("with consent"),
            "never": say("never by a model"),
        }.get(risk, "")
    )


def _meaning(risk: Any, say: Any) -> str:
    return str(
        {
            "read": say("No model's answer may move it."),
            "low": say("A model's answer may move it within its limits."),
            "confirm": say("What a model's answer wants of it waits for a person's consent."),
            "never": say("No model's answer may ever move it."),
        }.get(risk, "")
    )
