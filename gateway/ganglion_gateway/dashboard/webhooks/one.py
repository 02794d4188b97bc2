# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/webhooks/{id}`: one endpoint, what can be done with it, and its messages."""

from nicegui import ui

from ganglion.client.documents import Message, Webhook
from ganglion.client.operations import webhooks
from ganglion.errors import GanglionError
from ganglion_gateway.dashboard import reasons, text
from ganglion_gateway.dashboard.dialogs import confirmed, dialog, shown_once
from ganglion_gateway.dashboard.facts import pairs
from ganglion_gateway.dashboard.parts import Action, Cell, Pages, Row, Table, button, card, choice
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.dashboard.webhooks import message
from ganglion_gateway.dashboard.webhooks.form import Form
from ganglion_gateway.dashboard.webhooks.replacing import asked_to_replace
from ganglion_gateway.dashboard.webhooks.standing import attempt, standing, took
from ganglion_gateway.dashboard.webhooks.tabs import tabs

#: Messages of one page.
_PAGE = 25


async def build(visit: Visit) -> None:
    """Fills the page."""
    found = await visit.ask(webhooks.get_webhooks_webhook(visit.path["webhook"]))
    visit.entitle(found["name"])
    tabs(visit, "/webhooks")
    about = _About(visit, found)
    messages = _Messages(visit, found["id"])

    async def look() -> None:
        about.update(await visit.ask(webhooks.get_webhooks_webhook(found["id"])))
        await messages.look()

    about.changed = look
    await visit.every(look)


class _About:
    """What it is, how it does, and what can be done with it."""

    def __init__(self, visit: Visit, webhook: Webhook) -> None:
        self._visit, self._id, self._name = visit, webhook["id"], text.whole(webhook["name"])
        self._webhook = webhook
        self.changed: Action = lambda: None
        say = visit.say
        with card(say("Endpoint")):
            with ui.element("div").classes("g-bar"):
                with ui.element("div").classes("g-state g-lead"):
                    self._dot = ui.element("span").classes("g-dot g-idle").props('aria-hidden="true"')
                    self._line = ui.label("").props('data-role="standing"')
                button(say("Send a test"), self._test, main=True)
                self._pause = button(say("Pause"), self._changing(paused=True))
                self._resume = button(say("Resume"), self._changing(paused=False))
                button(say("Edit"), self._edit)
                button(say("Replace the secret"), self._rotate)
                button(say("Delete"), self._delete)
            self._error = ui.label("").classes("g-why").props('data-role="error"')
            self._tone = "idle"
            self._facts = pairs(self._lines(webhook), codes=(say("Id"), say("URL")))

    def update(self, webhook: Webhook) -> None:
        line, tone = standing(webhook, self._visit.services.clock(), self._visit.say)
        self._line.set_text(line)
        self._dot.classes(remove=f"g-{self._tone}", add=f"g-{tone}")
        self._tone = tone
        self._webhook = webhook
        self._pause.set_visibility(not webhook["paused"])
        self._resume.set_visibility(webhook["paused"])
        error = webhook["state"]["error"] if webhook["state"] else ""
        self._error.set_text(text.whole(reasons.told(error, self._visit.say)))
        self._error.set_visibility(bool(error))
        for name, value in self._lines(webhook).items():
            self._facts[name].set_text(value)

    def _lines(self, webhook: Webhook) -> dict[str, str]:
        say, until = self._visit.say, webhook["former_until"] or 0
        allowed = [say("http")] if webhook["allow_http"] else []
        allowed += [say("addresses of private networks")] if webhook["allow_private"] else []
        both = until > self._visit.services.clock()
        return {
            say("URL"): text.whole(webhook["url"]),
            say("Classes"): ", ".join(webhook["classes"]),
            say("Allowed"): ", ".join(allowed) or say("only https to public addresses"),
            say("Secret before"): say("signs, too, until {time}").format(time=text.iso(until)) if both else "–",
            say("Made"): text.iso(webhook["created"]),
            say("Id"): webhook["id"],
        }

    def _changing(self, *, paused: bool) -> Action:
        async def change() -> None:
            await self._visit.attempt(webhooks.patch_webhooks_webhook(self._id, paused=paused))
            await self._look()

        return change

    async def _edit(self) -> None:
        visit, say = self._visit, self._visit.say

        async def keep() -> None:
            call = webhooks.patch_webhooks_webhook(self._id, **form.body())
            made = await visit.attempt(call, trouble=form.trouble)
            if made is not None:
                asking.submit(made["name"])

        heading = say("Edit {name}").format(name=self._name)
        with dialog(heading) as asking, ui.element("form").classes("g-stack").on("submit.prevent", keep):
            form = Form(visit, self._webhook)
            with ui.element("div").classes("g-bar"):
                button(say("Have it be so"), kind="submit", main=True)
                button(say("Cancel"), lambda: asking.submit(None))
        name = await asking
        if name:
            self._name = text.whole(name)
            visit.entitle(name)
            await self._look()

    async def _test(self) -> None:
        visit, say = self._visit, self._visit.say
        told = await visit.attempt(webhooks.post_webhooks_webhook_test(self._id))
        if told is None:
            return
        if told["delivered"]:
            line = say("Delivered: HTTP {status} in {span}.").format(status=told["status"], span=took(told["took"]))
            visit.tell(line)
        else:
            visit.complain(say("Not delivered: {why}").format(why=text.whole(reasons.told(told["error"], say))))

    async def _rotate(self) -> None:
        visit, say = self._visit, self._visit.say
        about = say("Both secrets sign for a while, so that the receiver can be told of the new one.")
        keep = await asked_to_replace(visit, self._name, about)
        if keep is None:
            return
        made = await visit.attempt(webhooks.post_webhooks_webhook_rotate(self._id, keep=keep))
        if made is not None:
            shown_once(say, say("The secret of {name}").format(name=self._name), made["secret"])
            await self._look()

    async def _delete(self) -> None:
        visit, say = self._visit, self._visit.say
        question = say("Delete {name}, with all that waits for it and its dead letters?").format(name=self._name)
        if await confirmed(say, question, say("Delete")):
            done = say("{name} is deleted.").format(name=self._name)
            call = webhooks.delete_webhooks_webhook(self._id)
            try:
                await visit.ask(call)
            except GanglionError as error:
                visit.complain(error)
            else:
                visit.tell(done)
                ui.navigate.to("/webhooks")

    async def _look(self) -> None:
        looked = self.changed()
        if looked is not None:
            await looked


class _Messages:
    """What was and is to be delivered."""

    def __init__(self, visit: Visit, webhook: str) -> None:
        self._visit, self._webhook = visit, webhook
        self._state = ""
        say = visit.say
        self._words = {"pending": say("waiting"), "delivered": say("delivered"), "dead": say("dead")}
        with card(say("Messages")):
            with ui.element("div").classes("g-bar"):
                states = {"": say("all"), **self._words}
                label = say("State")
                choice(label, states, "", self._choose).classes("g-filter").props(f'label="{label}"')
            columns = (say("Message"), say("State"), say("Attempts"), say("Last attempt"), say("Made"))
            empty = say("There is none: events of its classes make them.")
            self._table = Table(columns, empty=empty, label=say("Messages"))
            self._pages = Pages(say, self.look)

    async def look(self) -> None:
        visit, now = self._visit, self._visit.services.clock()
        call = webhooks.get_webhooks_webhook_messages(
            self._webhook, limit=_PAGE, cursor=self._pages.cursor, state=self._state or None
        )
        found = await visit.ask(call)
        self._table.update([self._row(each, now) for each in found["messages"]])
        self._pages.update(found["next"])

    def _row(self, each: Message, now: int) -> Row:
        say, last = self._visit.say, each["last_attempt"]
        tone = {"pending": "warn" if each["attempts"] else "idle", "delivered": "good", "dead": "bad"}[each["state"]]
        return Row(
            each["message"],
            (
                Cell(each["message"][:12], hint=each["message"]),
                Cell(self._words[each["state"]], state=tone),
                Cell(str(each["attempts"])),
                Cell(attempt(last, say), hint=text.iso(last["at"]) if last else ""),
                Cell(text.ago(now - each["created"], say), hint=text.iso(each["created"])),
            ),
            ((say("Look"), self._showing(each["message"])),),
        )

    async def _choose(self, state: str) -> None:
        self._state = state
        self._pages.begin()
        await self.look()

    def _showing(self, id: str) -> Action:
        async def show() -> None:
            found = await self._visit.attempt(webhooks.get_webhooks_webhook_messages_message(self._webhook, id))
            if found is not None:
                message.show(self._visit, found)

        return show
