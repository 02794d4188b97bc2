# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialog that begins a job: on which nodes, what, and how long those that are away are waited for."""

from contextlib import suppress
from typing import Any

from nicegui import ui

from ganglion.client.operations import fleet, jobs
from ganglion.errors import GanglionError, InvalidError
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.dialogs import confirmed, dialog, refusal
from ganglion_gateway.dashboard.fields import area, choice, field, number, parameters
from ganglion_gateway.dashboard.parts import button
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.dashboard.words import Say

#: Nodes that are asked for their methods before one has answered, and the seconds that each has.
_ASKED, _PATIENCE = 3, 3.0
_DEADLINES = {"1m": 60, "10m": 600, "1h": 3600, "24h": 86400, "7d": 7 * 86400}
_TIMES = {"10s": 10, "30s": 30, "1m": 60, "5m": 300}


async def start(visit: Visit, selector: str, *, method: str = "") -> None:
    """Asks for a job on some nodes, begins it, and goes to its page."""
    say = visit.say
    with dialog(say("Run a job")) as asking, ui.element("form").classes("g-form g-wide") as form:
        on = field(say("On the nodes"), selector).props('debounce="300" autocapitalize="off"')
        meant = ui.label("").classes("g-faint").props('role="status"')
        what = field(say("Method"), method, suggestions=[]).props('autocapitalize="off"')
        about = ui.label("").classes("g-faint")
        params = area(say("Parameters, as JSON"))
        with ui.element("div").classes("g-columns"):
            deadline = choice(say("Wait for nodes that are away"), _spans(say, _DEADLINES), "10m")
            timeout = choice(say("A node has for one attempt"), _spans(say, _TIMES), "30s")
            retries = number(say("Further attempts"), 0, least=0, most=20)
            wide = number(say("Nodes at a time"), 16, least=1, most=256)
        wrong = refusal()
        with ui.element("div").classes("g-bar"):
            button(say("Run…"), kind="submit", main=True)
            button(say("Cancel"), asking.close)
    summaries: dict[str, str] = {}

    async def count() -> int:
        """How many nodes are meant. Raises: GanglionError: none can be."""
        where = (on.value or "").strip()
        try:
            if not where:
                raise InvalidError(say("Say on which nodes: `all` means every one."))
            counts = await visit.ask(fleet.get_fleet_health(where=where))
        except GanglionError as error:
            tell_meant(str(error), is_wrong=True)
            raise
        said = say.many(
            "means {nodes} node, online: {online}", "means {nodes} nodes, online: {online}", counts["nodes"]
        )
        tell_meant(said.format(nodes=counts["nodes"], online=counts["online"]), is_wrong=not counts["nodes"])
        return int(counts["nodes"])

    def tell_meant(what: str, *, is_wrong: bool) -> None:
        meant.set_text(what)
        meant.classes(add="g-wrong", remove="g-faint") if is_wrong else meant.classes(add="g-faint", remove="g-wrong")
        meant.props(f'role="{"alert" if is_wrong else "status"}"')

    async def recount() -> None:
        with suppress(GanglionError):
            await count()

    async def learn() -> None:
        summaries.update(await _methods(visit, (on.value or "").strip() or "all"))
        what.set_autocomplete(sorted(summaries))
        tell()

    def tell() -> None:
        about.set_text(summaries.get((what.value or "").strip(), ""))

    async def run() -> None:
        method = (what.value or "").strip()
        wrong.set_visibility(False)
        try:
            nodes = await count()
        except GanglionError:
            return  # which is said below the field
        try:
            if not nodes:
                raise InvalidError(say("No node is so: nobody would do it."))
            if not method:
                raise InvalidError(say("Say what they are to do: the name of a method."))
            given = parameters(say, params.value or "")
        except GanglionError as error:
            wrong.set_text(str(error))
            wrong.set_visibility(True)
            return
        question = say.many("Have {method} done by {nodes} node?", "Have {method} done by {nodes} nodes?", nodes)
        if not await confirmed(say, question.format(method=method, nodes=nodes), say("Run")):
            return
        call = jobs.post_jobs(
            selector=on.value.strip(),
            method=method,
            params=given,
            deadline=deadline.value,
            timeout=timeout.value,
            retries=int(retries.value or 0),
            concurrency=int(wide.value or 16),
        )
        if (job := await visit.attempt(call, trouble=wrong)) is not None:
            asking.close()
            ui.navigate.to(f"/jobs/{job['id']}")

    on.on_value_change(recount)
    what.on_value_change(tell)
    form.on("submit.prevent", run)
    asking.open()
    await recount()
    await learn()


def _spans(say: Say, spans: dict[str, int]) -> dict[str, str]:
    return {name: text.span(seconds, say) for name, seconds in spans.items()}


async def _methods(visit: Visit, selector: str) -> dict[str, str]:
    """What a node of these does, with a line on each; nothing where none answers."""
    try:
        page = await visit.ask(fleet.get_nodes(where=f"({selector}) and online=yes", limit=_ASKED))
    except GanglionError:
        return {}
    for node in page["nodes"]:
        try:
            answer: Any = await visit.ask(fleet.get_nodes_node_calls_method(node["id"], "methods", timeout=_PATIENCE))
            return {each["name"]: each["summary"] for each in answer["result"]["methods"]}
        except (GanglionError, KeyError, TypeError):
            continue
    return {}
