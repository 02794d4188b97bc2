# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/webhooks`: where events are delivered to, how that goes, and one more."""

from nicegui import ui

from ganglion.client.documents import Webhook
from ganglion.client.operations import webhooks
from ganglion_gateway.dashboard import reasons, text
from ganglion_gateway.dashboard.dialogs import shown_once
from ganglion_gateway.dashboard.parts import Cell, Pages, Row, Table, button, card
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.dashboard.webhooks.form import Form
from ganglion_gateway.dashboard.webhooks.standing import standing
from ganglion_gateway.dashboard.webhooks.tabs import tabs

#: Endpoints of one page.
_PAGE = 50


async def build(visit: Visit) -> None:
    """Fills the page."""
    say = visit.say
    tabs(visit, "/webhooks")
    with card():
        columns = [say("Name"), say("State"), say("Classes"), say("Delivered"), say("Waiting"), say("Dead")]
        columns += [say("Last error")]
        empty = say("Events go nowhere yet. Add a server of yours below, or with `ganglion webhooks add URL`.")
        table = Table(columns, empty=empty, label=say("Webhooks"))

        async def look() -> None:
            found = await visit.ask(webhooks.get_webhooks(limit=_PAGE, cursor=pages.cursor))
            now = visit.services.clock()
            table.update([_row(each, now, visit) for each in found["webhooks"]])
            pages.update(found["next"])

        pages = Pages(say, look)
    await visit.every(look)
    _adding(visit)


def _row(webhook: Webhook, now: int, visit: Visit) -> Row:
    line, tone = standing(webhook, now, visit.say)
    counts, state = webhook["messages"], webhook["state"]
    dead = counts.get("dead", 0)
    return Row(
        webhook["id"],
        (
            Cell(text.whole(webhook["name"]), link=f"/webhooks/{webhook['id']}", hint=webhook["url"]),
            Cell(line, state=tone),
            Cell(", ".join(webhook["classes"])),
            Cell(text.number(counts.get("delivered", 0))),
            Cell(text.number(counts.get("pending", 0))),
            Cell(text.number(dead), "bad" if dead else "", f"/webhooks/dead?webhook={webhook['id']}" if dead else ""),
            Cell(text.whole(reasons.told(state["error"], visit.say)) if state else ""),
        ),
    )


def _adding(visit: Visit) -> None:
    say = visit.say

    async def add() -> None:
        made = await visit.attempt(webhooks.post_webhooks(**form.body(), secret=form.secret), trouble=form.trouble)
        if made is not None:
            shown_once(say, say("The secret of {name}").format(name=text.whole(made["name"])), made["secret"])
            form.clear()

    with card(say("Add one")), ui.element("form").classes("g-stack").on("submit.prevent", add):
        ui.label(say("Each event of these classes goes there, signed, in order and at least once.")).classes("g-faint")
        form = Form(visit, new=True)
        with ui.element("div").classes("g-bar"):
            button(say("Add the webhook"), kind="submit", main=True)
