# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan: who would get the release and when, who sleeps, has it or cannot take it, and the button that begins it."""

from collections.abc import Sequence

from nicegui import ui

from ganglion.client.documents import Plan, PlannedStage
from ganglion.units import SECOND
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.parts import Action, Cell, Row, Table, button, card, tagged
from ganglion_gateway.dashboard.rollouts.states import adds
from ganglion_gateway.dashboard.visit import Visit

#: Nodes that are named of a list; the rest is counted.
_NAMED = 200
#: A list of more is folded.
_OPEN = 12


def planned(visit: Visit, made: Plan, start: Action) -> None:
    """Shows what `POST /rollouts/plan` says."""
    say = visit.say
    with card(say("The plan")):
        _sums(visit, made)
        for sentence in made["unknown"]:
            ui.label(text.whole(sentence)).classes("g-why")
        with ui.element("div").classes("g-files"):
            for stage in made["stages"]:
                _stage(visit, stage)
        if made["skipped"]:
            skipped = [(each["node"], each["name"], each["why"], "") for each in made["skipped"]]
            _nodes(visit, say("Cannot take it"), skipped, say("Why"))
        if made["busy"]:
            busy = [
                (each["node"], each["name"], each["rollout"], f"/rollouts/{each['rollout']}") for each in made["busy"]
            ]
            _nodes(visit, say("In another rollout, which has not ended"), busy, say("Rollout"))
        with ui.element("div").classes("g-bar"):
            if made["busy"]:
                line = say("It cannot begin while another rollout has some of its nodes.")
                ui.label(line).classes("g-faint")
            elif not made["nodes"]:
                ui.label(say("Nobody would get it.")).classes("g-faint")
            elif not visit.may("operate"):
                ui.label(say("Who may operate nodes can begin it.")).classes("g-faint")
            else:
                nodes = say.many("{count} node", "{count} nodes", made["nodes"]).format(count=made["nodes"])
                stages = len(made["stages"])
                in_stages = say.many("in {count} stage", "in {count} stages", stages).format(count=stages)
                button(say("Begin: {nodes} {stages}").format(nodes=nodes, stages=in_stages), start, main=True)


def _sums(visit: Visit, made: Plan) -> None:
    say = visit.say
    sums = (
        ("nodes", made["nodes"], say.many("gets it", "get it", made["nodes"]), ""),
        (
            "asleep",
            len(made["asleep"]),
            say.many("asleep: it gets it when it wakes", "asleep: they get it when they wake", len(made["asleep"])),
            "warn",
        ),
        ("older", sum(each["older"] for each in made["versions"]), say("would run an older Ganglion"), "warn"),
        ("already", len(made["already"]), say.many("has it already", "have it already", len(made["already"])), ""),
        (
            "space",
            len(made["space_unknown"]),
            say.many(
                "does not say what it could store", "do not say what they could store", len(made["space_unknown"])
            ),
            "",
        ),
        ("skipped", len(made["skipped"]), say("cannot take it"), "bad"),
        (
            "busy",
            len(made["busy"]),
            say.many("is in another rollout", "are in another rollout", len(made["busy"])),
            "bad",
        ),
    )
    with ui.element("div").classes("g-sums g-plan-sums"):
        for name, count, caption, tone in sums:
            with ui.element("div").classes(f"g-plan-sum{' g-is-' + tone if tone and count else ''}") as box:
                box.props(f'data-sum="{name}"')
                tagged("b", text.number(count))
                tagged("span", caption)


def _stage(visit: Visit, stage: PlannedStage) -> None:
    say = visit.say
    with ui.element("details").classes("g-file"):
        with ui.element("summary"):
            tagged("b", say("Stage {number}").format(number=stage["number"]))
            tagged("span", f"{stage['percent']:g} %")
            tagged("span", adds(stage["size"], say))
            span = text.span(stage["soak"] / SECOND, say)
            tagged("span", say("then is to be well for {span}").format(span=span)).classes("g-faint")
        named = stage["nodes"][:_NAMED]
        names = [
            text.whole(each["name"]) if each["online"] else say("{node} (asleep)").format(node=text.whole(each["name"]))
            for each in named
        ]
        more = stage["size"] - len(named)
        line = ", ".join(names) or say("nobody")
        tagged("p", line + (say(" and {count} more").format(count=more) if more > 0 else "")).classes("g-names")


def _nodes(visit: Visit, heading: str, nodes: Sequence[tuple[str, str, str, str]], column: str) -> None:
    """Nodes by id and name, what is the matter with each, and where that leads."""
    say = visit.say
    with ui.element("details").classes("g-file").props("open" if len(nodes) <= _OPEN else ""):
        with ui.element("summary"):
            tagged("b", heading)
            tagged("span", text.number(len(nodes))).classes("g-faint")
        table = Table((say("Node"), column), empty="", label=heading)
        table.update(
            [
                Row(node, (Cell(text.whole(name), link=f"/nodes/{node}"), Cell(text.whole(what), link=link)))
                for node, name, what, link in nodes[:_NAMED]
            ]
        )
        if len(nodes) > _NAMED:
            ui.label(say(" and {count} more").format(count=len(nodes) - _NAMED)).classes("g-faint")
