# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the page, one for each thing that is set."""

from nicegui import ui

from ganglion.client.documents import Group
from ganglion.client.operations import groups, limits, policy
from ganglion.units import SECOND
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.parts import Cell, Row, Table, card
from ganglion_gateway.dashboard.settings.account import Account
from ganglion_gateway.dashboard.settings.keys import Keys
from ganglion_gateway.dashboard.settings.rules import Rules
from ganglion_gateway.dashboard.settings.users import Users
from ganglion_gateway.dashboard.visit import Visit


async def build(visit: Visit) -> None:
    """Fills the page."""
    say = visit.say
    await Account(visit).build()
    if visit.may("access"):
        await Users(visit).build()
        await Keys(visit).build()
    policy_rules = Rules(visit, "rules", policy.get_mesh_policy, policy.post_mesh_policy)
    await policy_rules.build(
        say("Policy"), say("Who may ask what of whom. It is signed and holds on each node within seconds.")
    )
    limit_rules = Rules(visit, "limit", limits.get_mesh_limits, limits.post_mesh_limits)
    await limit_rules.build(
        say("Limits of actuators"), say("What no script and no person may go beyond, on any node that they name.")
    )
    await _groups(visit)
    _gateway(visit)


async def _groups(visit: Visit) -> None:
    say = visit.say
    with card(say("Groups of confidential topics")):
        table = Table(
            (say("Name"), say("Members"), say("Key since")),
            empty=say("There is none: make one with `ganglion group create NAME`."),
            label=say("Groups of confidential topics"),
        )
    now = visit.services.clock()
    page = await visit.ask(groups.get_groups(limit=200))
    table.update([_group(each, now, visit) for each in page["groups"]])


def _group(group: Group, now: int, visit: Visit) -> Row:
    made = group["made"]
    since = Cell("–") if not made else Cell(text.ago(now - made, visit.say), hint=text.iso(made))
    return Row(group["name"], (Cell(group["name"]), Cell(str(len(group["members"]))), since))


def _gateway(visit: Visit) -> None:
    """What it was started with; that is changed where it is started."""
    say, settings, mesh = visit.say, visit.services.settings, visit.services.mesh
    keep = settings.retention
    lines = {
        say("Version"): settings.version,
        say("Mesh"): mesh.mesh_id,
        say("Its own id"): mesh.node_id,
        say("Readings are kept"): text.span(keep.readings_age / SECOND, say),
        say("Events are kept"): text.span(keep.events_age / SECOND, say),
        say("Logs are kept"): text.span(keep.logs_age / SECOND, say),
        say("The audit is kept"): text.span(keep.audit_age / SECOND, say),
    }
    with card(say("This gateway")), ui.element("dl").classes("g-pair"):
        for name, value in lines.items():
            with ui.element("dt"):
                ui.label(name)
            with ui.element("dd"):
                ui.label(value)
