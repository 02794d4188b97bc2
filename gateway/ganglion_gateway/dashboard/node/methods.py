# SPDX-License-Identifier: GPL-3.0-or-later
"""A method of a node that is run from here: which there are, with what, and what it answers."""

import json
from typing import Any

from nicegui import ui

from ganglion.client.operations import fleet
from ganglion.errors import GanglionError
from ganglion_gateway.dashboard.asking import LoggedOutError
from ganglion_gateway.dashboard.fields import area, number, parameters
from ganglion_gateway.dashboard.parts import button, card
from ganglion_gateway.dashboard.visit import Visit

#: Seconds that a node has to say what it does.
_PATIENCE = 5.0


class Methods:
    """The card."""

    def __init__(self, visit: Visit, node: str) -> None:
        self._visit, self._node, say = visit, node, visit.say
        self._reads: set[str] = set()
        with card(say("Run a method")):
            with ui.element("form").classes("g-form g-wide").on("submit.prevent", self._run):
                self._method = ui.select({}, label=say("Method"), with_input=True).classes("g-input")
                self._method.props(f'dense outlined aria-label="{say("Method")}"')
                self._away = ui.label("").classes("g-faint").props('role="status"')
                self._params = area(say("Parameters, as JSON"))
                with ui.element("div").classes("g-bar"):
                    self._timeout = number(say("Seconds"), 10, least=1, most=300)
                    self._do = button(say("Run"), kind="submit", main=True)
                    self._again = button(say("Ask again for its methods"), self.look)
            self._wrong = ui.label("").classes("g-wrong").props('role="alert"')
            self._answer = ui.label("").classes("g-code").props('role="status" data-role="answer" tabindex="0"')
            self._answer.tag = "pre"
            self._wrong.set_visibility(False)
            self._answer.set_visibility(False)
            self._method.disable()  # until the node has said which there are
            self._params.set_visibility(visit.may("operate"))
            self._again.set_visibility(False)
            self._away.set_visibility(False)

    async def look(self) -> None:
        """Asks the node what it does."""
        say = self._visit.say
        self._say_away(say("It is asked what it does…"))
        try:
            call = fleet.get_nodes_node_calls_method(self._node, "methods", timeout=_PATIENCE)
            answer: Any = (await self._visit.ask(call))["result"]
            listed = [each for each in answer["methods"] if isinstance(each, dict)]
        except LoggedOutError:
            self._visit.log_in()
            return
        except (GanglionError, KeyError, TypeError) as error:
            self._say_away(str(error))
            self._again.set_visibility(True)
            return
        self._again.set_visibility(False)
        self._reads = {each["name"] for each in listed if each.get("reads")}
        shown = [each for each in listed if self._visit.may("operate") or each["name"] in self._reads]
        options = {each["name"]: f"{each['name']} — {each['summary']}" for each in shown}
        self._method.set_options(options)
        self._method.enable()
        self._say_away("" if options else say("There is nothing that you may run."))

    def _say_away(self, what: str) -> None:
        self._away.set_text(what)
        self._away.set_visibility(bool(what))

    async def _run(self) -> None:
        method = self._method.value
        if not method:
            self._refuse(self._visit.say("Choose a method."))
            return
        seconds = float(self._timeout.value or 10)
        call: Any
        try:
            if method in self._reads and not self._visit.may("operate"):
                call = fleet.get_nodes_node_calls_method(self._node, method, timeout=seconds)
            else:
                given = parameters(self._visit.say, self._params.value or "")
                call = fleet.post_nodes_node_commands(self._node, method=method, params=given, timeout=seconds)
            self._do.props["disabled"] = True
            answer = await self._visit.ask(call.within(seconds))
        except LoggedOutError:
            self._visit.log_in()
        except GanglionError as error:
            self._refuse(str(error))
        else:
            self._wrong.set_visibility(False)
            self._answer.set_text(json.dumps(answer["result"], indent=2, ensure_ascii=False))
            self._answer.set_visibility(True)
        finally:
            self._do.props["disabled"] = False

    def _refuse(self, why: str) -> None:
        self._wrong.set_text(why)
        self._wrong.set_visibility(True)
        self._answer.set_visibility(False)
