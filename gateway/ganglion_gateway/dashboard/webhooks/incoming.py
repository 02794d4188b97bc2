# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/webhooks/in`: who may tell the gateway of events, and one more."""

from typing import Any

from nicegui import ui

from ganglion.client.call import UNSET
from ganglion.client.documents import Hook
from ganglion.client.operations import hooks
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.dialogs import confirmed, shown_once
from ganglion_gateway.dashboard.parts import Action, Cell, Pages, Row, Table, button, card, choice, field
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.dashboard.webhooks.replacing import asked_to_replace
from ganglion_gateway.dashboard.webhooks.tabs import tabs

#: Hooks of one page.
_PAGE = 50


async def build(visit: Visit) -> None:
    """Fills the page."""
    tabs(visit, "/webhooks/in")
    await _Incoming(visit).build()


class _Incoming:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._scheme = "standard"

    async def build(self) -> None:
        visit, say = self._visit, self._visit.say
        with card():
            columns = [say("Name"), say("Path"), say("Topic"), say("Class"), say("Carried to"), say("Signed by")]
            columns += [say("A minute"), say("Made")]
            empty = say("Nobody may tell the gateway of events yet. Let a service do so below.")
            with ui.element("div").classes("g-hooks"):
                self._table = Table(columns, empty=empty, label=say("Webhooks in"))
            self._pages = Pages(say, self._look)
        with card(say("Let one in")), ui.element("form").classes("g-stack").on("submit.prevent", self._add):
            about = say("A message that is signed by the secret becomes an event of the gateway.")
            ui.label(about).classes("g-faint")
            with ui.element("div").classes("g-fields"):
                self._name = field(say("Name, as shop"))
                self._topic = field(say("Topic; empty: hook/NAME"))
                self._class = field(say("Class"), "hook")
                self._node = field(say("Node that it is carried to; empty: none"))
                schemes = {"standard": "Standard Webhooks", "hmac": say("HMAC-SHA-256 of the body")}
                label = say("Signed by")
                choice(label, schemes, self._scheme, self._choose).props(f'label="{label}"')
                self._header = field(say("Header of the signature"), "X-Hub-Signature-256")
                self._header.set_visibility(False)
                self._rate = field(say("Messages a minute"), "120")
            self._trouble = ui.label("").classes("g-trouble").props('role="alert"')
            self._trouble.set_visibility(False)
            with ui.element("div").classes("g-bar"):
                button(say("Let it in"), kind="submit", main=True)
        await visit.every(self._look)

    def _choose(self, scheme: str) -> None:
        self._scheme = scheme
        self._header.set_visibility(scheme == "hmac")

    async def _look(self) -> None:
        now = self._visit.services.clock()
        found = await self._visit.ask(hooks.get_hooks(limit=_PAGE, cursor=self._pages.cursor))
        self._table.update([self._row(each, now) for each in found["hooks"]])
        self._pages.update(found["next"])

    def _row(self, hook: Hook, now: int) -> Row:
        say = self._visit.say
        signed = "Standard Webhooks" if hook["scheme"] == "standard" else f"HMAC · {hook['header']}"
        return Row(
            hook["id"],
            (
                Cell(text.whole(hook["name"])),
                Cell(hook["path"], hint=f"{self._visit.base}{hook['path']}"),
                Cell(text.whole(hook["topic"])),
                Cell(hook["class"]),
                Cell(text.whole(hook["node"]) or "–"),
                Cell(signed),
                Cell(str(hook["rate"])),
                Cell(text.ago(now - hook["created"], say), hint=text.iso(hook["created"])),
            ),
            (
                (say("New secret"), self._rotating(hook["id"], text.whole(hook["name"]))),
                (say("Delete"), self._deleting(hook["id"], text.whole(hook["name"]))),
            ),
        )

    async def _add(self) -> None:
        visit, say = self._visit, self._visit.say
        given = {name: (each.value or "").strip() for name, each in self._fields.items()}
        rate: Any = given["rate"] or UNSET  # what is no number is the API's to refuse
        call = hooks.post_hooks(
            name=given["name"],
            class_=given["class"] or UNSET,
            header=given["header"] if self._scheme == "hmac" else UNSET,
            node=given["node"],
            rate=rate,
            scheme=self._scheme,
            topic=given["topic"] or None,
        )
        made = await visit.attempt(call, trouble=self._trouble)
        if made is not None:
            self._name.value = self._topic.value = self._node.value = ""
            heading = say("The secret of {name}, which posts to {url}")
            shown_once(
                say, heading.format(name=text.whole(made["name"]), url=f"{visit.base}{made['path']}"), made["secret"]
            )
            await self._look()

    @property
    def _fields(self) -> dict[str, ui.input]:
        return {
            "name": self._name,
            "topic": self._topic,
            "class": self._class,
            "node": self._node,
            "header": self._header,
            "rate": self._rate,
        }

    def _rotating(self, id: str, name: str) -> Action:
        async def rotate() -> None:
            keep = await asked_to_replace(self._visit, name, say_both)
            made = None
            if keep is not None:
                made = await self._visit.attempt(hooks.post_hooks_hook_rotate(id, keep=keep))
            if made is not None:
                shown_once(say, say("The secret of {name}").format(name=name), made["secret"])

        say = self._visit.say
        say_both = say("Both secrets are believed for a while, so that the sender can be told of the new one.")
        return rotate

    def _deleting(self, id: str, name: str) -> Action:
        async def delete() -> None:
            say = self._visit.say
            if await confirmed(say, say("Take nothing more of {name}?").format(name=name), say("Delete")):
                await self._visit.attempt(hooks.delete_hooks_hook(id), done=say("{name} is deleted.").format(name=name))
                await self._look()

        return delete
