# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/webhooks/dead`: messages that no endpoint took, to be looked at, tried again or thrown away."""

from nicegui import ui

from ganglion.client.documents import DeadLetter
from ganglion.client.operations import webhooks
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.dialogs import confirmed
from ganglion_gateway.dashboard.parts import Action, Cell, Pages, Row, Table, button, card, choice
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.dashboard.webhooks import message
from ganglion_gateway.dashboard.webhooks.standing import attempt
from ganglion_gateway.dashboard.webhooks.tabs import tabs

#: Messages of one page, and endpoints to choose from.
_PAGE = 25
_ENDPOINTS = 200


async def build(visit: Visit) -> None:
    """Fills the page."""
    tabs(visit, "/webhooks/dead")
    await _Dead(visit).build()


class _Dead:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._webhook = visit.query.get("webhook", "")
        self._counts: dict[str, int] = {}

    async def build(self) -> None:
        visit, say = self._visit, self._visit.say
        known = await self._endpoints()
        if self._webhook not in known:
            self._webhook = ""
        with card():
            with ui.element("div").classes("g-bar"):
                options = {"": say("all"), **known}
                label = say("Webhook")
                choice(label, options, self._webhook, self._choose).props(f'label="{label}"')
                ui.element("div").classes("g-space")
                self._all = ui.element("div").classes("g-bar")
                with self._all:
                    button(say("Replay all"), self._replay_all, main=True)
                    button(say("Drop all"), self._drop_all)
            columns = (say("Event"), say("Node"), say("Webhook"), say("Attempts"), say("Last attempt"), say("Given up"))
            empty = say("There is none: everything has arrived, or is still tried.")
            with ui.element("div").classes("g-dead"):
                self._table = Table(columns, empty=empty, label=say("Dead letters"))
            self._pages = Pages(say, self._look)
        await visit.every(self._look)

    async def _endpoints(self) -> dict[str, str]:
        """Names by id; and counts how many are dead of each."""
        found = (await self._visit.ask(webhooks.get_webhooks(limit=_ENDPOINTS)))["webhooks"]
        self._counts = {each["id"]: each["messages"].get("dead", 0) for each in found}
        return {each["id"]: text.whole(each["name"]) for each in found}

    async def _look(self) -> None:
        visit, now = self._visit, self._visit.services.clock()
        call = webhooks.get_dlq(limit=_PAGE, cursor=self._pages.cursor, webhook=self._webhook or None)
        found = await visit.ask(call)
        self._table.update([self._row(each, now) for each in found["messages"]])
        self._pages.update(found["next"])
        self._all.set_visibility(bool(found["messages"]))

    def _row(self, each: DeadLetter, now: int) -> Row:
        visit, say = self._visit, self._visit.say
        id, webhook = each["message"], each["webhook"]
        return Row(
            id,
            (
                Cell(text.whole(each["topic"]), hint=each["class"]),
                Cell(text.whole(visit.services.fleet.name(each["node"]))),
                Cell(text.whole(webhook["name"]), link=f"/webhooks/{webhook['id']}"),
                Cell(str(each["attempts"])),
                Cell(attempt(each["last_attempt"], say), state="bad"),
                Cell(text.ago(now - each["ended"], say) if each["ended"] else "–", hint=text.iso(each["ended"] or 0)),
            ),
            (
                (say("Look"), self._showing(id)),
                (say("Replay"), self._replaying(id)),
                (say("Drop"), self._dropping(id, text.whole(each["topic"]))),
            ),
        )

    async def _choose(self, webhook: str) -> None:
        self._webhook = webhook
        self._pages.begin()
        await self._look()

    def _showing(self, id: str) -> Action:
        async def show() -> None:
            found = await self._visit.attempt(webhooks.get_dlq_message(id))
            if found is not None:
                message.show(self._visit, found)

        return show

    def _replaying(self, id: str) -> Action:
        async def replay() -> None:
            done = self._visit.say("It is tried again.")
            await self._visit.attempt(webhooks.post_dlq_message_replay(id), done=done)
            await self._look()

        return replay

    def _dropping(self, id: str, topic: str) -> Action:
        async def drop() -> None:
            say = self._visit.say
            question = say("Throw away the message of {topic}? Nobody gets it then.").format(topic=topic)
            if await confirmed(say, question, say("Drop")):
                await self._visit.attempt(webhooks.post_dlq_message_drop(id), done=say("It is thrown away."))
                await self._look()

        return drop

    async def _of_all(self) -> tuple[int, str]:
        """How many messages are chosen, and of which endpoint; "" for all of them."""
        names = await self._endpoints()
        count = self._counts.get(self._webhook, 0) if self._webhook else sum(self._counts.values())
        return count, names.get(self._webhook, "")

    async def _replay_all(self) -> None:
        visit, say = self._visit, self._visit.say
        count, whose = await self._of_all()
        question = (
            say.many(
                "Try {count} message of {name} again?",
                "Try {count} messages of {name} again? It gets them all, the oldest first.",
                count,
            )
            if whose
            else say.many(
                "Try {count} message again? Its endpoint gets it.",
                "Try all {count} messages again? Their endpoints get them, the oldest first.",
                count,
            )
        )
        if not await confirmed(say, question.format(count=count, name=whose), say("Replay all")):
            return
        told = await visit.attempt(webhooks.post_dlq_replay(webhook=self._webhook or None))
        if told is not None:
            count = told["replayed"]
            line = say.many(
                "{count} message is tried again.", "{count} messages are tried again, in their order.", count
            )
            visit.tell(line.format(count=count))
            await self._begin()

    async def _drop_all(self) -> None:
        visit, say = self._visit, self._visit.say
        count, whose = await self._of_all()
        question = (
            say.many(
                "Throw away {count} message of {name}? Nobody gets it then.",
                "Throw away {count} messages of {name}? Nobody gets them then.",
                count,
            )
            if whose
            else say.many(
                "Throw away {count} message? Nobody gets it then.",
                "Throw away all {count} messages? Nobody gets them then.",
                count,
            )
        )
        if await confirmed(say, question.format(count=count, name=whose), say("Drop all")):
            told = await visit.attempt(webhooks.post_dlq_drop(webhook=self._webhook or None))
            if told is not None:
                count = told["dropped"]
                line = say.many("{count} message is thrown away.", "{count} messages are thrown away.", count)
                visit.tell(line.format(count=count))
                await self._begin()

    async def _begin(self) -> None:
        self._pages.begin()
        await self._look()
