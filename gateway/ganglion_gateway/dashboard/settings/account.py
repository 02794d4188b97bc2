# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is logged in: the role, the password, and where else."""

from nicegui import ui

from ganglion.client.operations import auth
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.parts import Action, Cell, Row, Table, button, card, field
from ganglion_gateway.dashboard.visit import Visit


class Account:
    """The card."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    async def build(self) -> None:
        """Fills it."""
        visit, say = self._visit, self._visit.say
        who = visit.principal
        with card(say("You")):
            role = who.role.value if who.role is not None else ", ".join(sorted(who.scopes))
            ui.label(say("{name} is logged in as {role}.").format(name=who.name, role=role))
            if not who.user:
                ui.label(say("This is an API key; people log in by name and password.")).classes("g-faint")
                return
            self._sessions = Table(
                (say("Since"), say("From"), say("With"), say("Until")),
                empty=say("Nowhere."),
                label=say("Where you are logged in"),
            )
            with ui.element("div").classes("g-bar"):
                self._old = field(say("Password now"), secret=True)
                self._new = field(say("New password, 12 letters at least"), secret=True)
                button(say("Change the password"), self._change)
        await self._look()

    async def _look(self) -> None:
        visit, now = self._visit, self._visit.services.clock()
        page = await visit.ask(auth.get_auth_sessions(limit=100))
        rows = []
        for each in page["sessions"]:
            cells = (
                Cell(text.ago(now - each["created"], visit.say), "good" if each["this"] else ""),
                Cell(each["address"]),
                Cell(each["client"][:60], hint=each["client"]),
                Cell(text.iso(each["expires"])),
            )
            rows.append(Row(each["id"], cells, () if each["this"] else ((visit.say("End"), self._ending(each["id"])),)))
        self._sessions.update(rows)

    def _ending(self, session: str) -> Action:
        async def end() -> None:
            await self._visit.attempt(auth.delete_auth_sessions_session(session))
            await self._look()

        return end

    async def _change(self) -> None:
        call = auth.post_auth_password(old=self._old.value or "", new=self._new.value or "")
        await self._visit.attempt(call, done=self._visit.say("The password is another one now."))
        self._old.value = self._new.value = ""
        await self._look()
