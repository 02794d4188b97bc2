# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may log in by name and password."""

from nicegui import ui

from ganglion.client.documents import User
from ganglion.client.operations import access
from ganglion_gateway.access.permissions import Role
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.dialogs import confirmed, dialog, shown_once
from ganglion_gateway.dashboard.parts import Action, Cell, Row, Table, button, card, choice, field
from ganglion_gateway.dashboard.visit import Visit

_ROLES = {role.value: role.value for role in Role}


class Users:
    """The card."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._role = Role.VIEWER.value

    async def build(self) -> None:
        """Fills it."""
        say = self._visit.say
        with card(say("Users")):
            self._table = Table(
                (say("User"), say("Role"), say("Since")), empty=say("There is none."), label=say("Users")
            )
            with ui.element("div").classes("g-bar"):
                self._name = field(say("Name of a new user"))
                choice(say("Role"), _ROLES, self._role, self._choose)
                button(say("Add the user"), self._add)
        await self._look()

    def _choose(self, role: str) -> None:
        self._role = role

    async def _look(self) -> None:
        visit, now = self._visit, self._visit.services.clock()
        page = await visit.ask(access.get_users(limit=200))
        self._table.update([self._row(each, now) for each in page["users"]])

    def _row(self, user: User, now: int) -> Row:
        say = self._visit.say
        more = say("has not chosen a password yet") if user["must_change"] else ""
        cells = (
            Cell(user["name"], state="warn" if user["must_change"] else "good", more=more),
            Cell(user["role"]),
            Cell(text.ago(now - user["created"], say), hint=text.iso(user["created"])),
        )
        actions: list[tuple[str, Action]] = [
            (say("Other role"), lambda: self._other_role(user)),
            (say("New password"), lambda: self._reset(user)),
            (say("Remove"), lambda: self._remove(user)),
        ]
        return Row(user["name"], cells, actions)

    async def _add(self) -> None:
        visit, name = self._visit, (self._name.value or "").strip()
        made = await visit.attempt(access.post_users(name=name, role=self._role))
        if made is not None:
            self._name.value = ""
            await self._look()
            heading = visit.say("The password of {name} for the first login").format(name=name)
            shown_once(visit.say, heading, made["password"])

    async def _other_role(self, user: User) -> None:
        say = self._visit.say
        with dialog(say("The role of {name}").format(name=user["name"])) as asking:
            chosen = choice(say("Role"), _ROLES, user["role"], lambda role: None)
            with ui.element("div").classes("g-bar"):
                button(say("Give this role"), lambda: asking.submit(chosen.value), main=True)
                button(say("Cancel"), lambda: asking.submit(None))
        role = await asking
        if role and await self._visit.attempt(access.patch_users_user(user["name"], role=role)) is not None:
            await self._look()

    async def _reset(self, user: User) -> None:
        visit, say = self._visit, self._visit.say
        question = say("{name} is logged out everywhere and gets a new one-time password.").format(name=user["name"])
        if await confirmed(say, question, say("New password")):
            made = await visit.attempt(access.post_users_user_password(user["name"]))
            if made is not None:
                heading = say("The password of {name} for the first login").format(name=user["name"])
                shown_once(say, heading, made["password"])
                await self._look()

    async def _remove(self, user: User) -> None:
        visit, say = self._visit, self._visit.say
        question = say("{name} is logged out everywhere and may not come back.").format(name=user["name"])
        if await confirmed(say, question, say("Remove")):
            await visit.attempt(access.delete_users_user(user["name"]))
            await self._look()
