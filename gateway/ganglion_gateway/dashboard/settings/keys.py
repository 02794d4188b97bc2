# SPDX-License-Identifier: GPL-3.0-or-later
"""API keys: by which programs ask, each with a role or with scopes of its own."""

from nicegui import ui

from ganglion.client.call import UNSET
from ganglion.client.documents import ApiKey
from ganglion.client.operations import access
from ganglion_gateway.access.permissions import SCOPES, Role
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.dialogs import confirmed, shown_once
from ganglion_gateway.dashboard.parts import Cell, Pages, Row, Table, attribute, button, card, field
from ganglion_gateway.dashboard.visit import Visit

#: Keys of one page.
_PAGE = 25


class Keys:
    """The card."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    async def build(self) -> None:
        """Fills it."""
        say = self._visit.say
        with card(say("API keys")):
            self._table = Table(
                (say("Name"), say("May"), say("Since"), say("Until")),
                empty=say("There is none."),
                label=say("API keys"),
            )
            self._pages = Pages(say, self._look)
            with ui.element("div").classes("g-bar"):
                self._name = field(say("Name of a new key"))
                known = [*(role.value for role in Role), *SCOPES]
                self._may = ui.select(known, value=[Role.VIEWER.value], multiple=True).classes("g-field")
                self._may.props(f'dense outlined options-dense aria-label="{attribute(say("Role, or scopes"))}"')
                self._ttl = field(say("For how long, as 90d"))
                button(say("Make the key"), self._make)
        await self._look()

    async def _look(self) -> None:
        visit, now = self._visit, self._visit.services.clock()
        page = await visit.ask(access.get_api_keys(limit=_PAGE, cursor=self._pages.cursor))
        self._table.update([self._row(each, now) for each in page["api_keys"]])
        self._pages.update(page["next"])

    def _row(self, key: ApiKey, now: int) -> Row:
        say = self._visit.say
        over = key["revoked"] or (key["expires"] is not None and key["expires"] <= now)
        until = say("revoked") if key["revoked"] else "–" if key["expires"] is None else text.iso(key["expires"])
        hint = say("made by {name}").format(name=key["creator"]) if key["creator"] else ""
        cells = (
            Cell(key["name"], state="" if over else "good"),
            Cell(key["role"] or ", ".join(key["scopes"])),
            Cell(text.ago(now - key["created"], say), hint=hint),
            Cell(until),
        )
        return Row(key["id"], cells, () if over else ((say("Revoke"), lambda: self._revoke(key)),))

    async def _make(self) -> None:
        visit, name = self._visit, (self._name.value or "").strip()
        chosen, roles = list(self._may.value or []), {role.value for role in Role}
        given = [each for each in chosen if each in roles]
        if given and len(chosen) > 1:
            visit.complain(visit.say("Give the key one role, or scopes, and not both."))
            return
        made = await visit.attempt(
            access.post_api_keys(
                name=name,
                role=given[0] if given else UNSET,
                scopes=UNSET if given else chosen,
                ttl=(self._ttl.value or "").strip() or UNSET,
            )
        )
        if made is not None:
            self._name.value = ""
            await self._look()
            shown_once(visit.say, visit.say("The token of {name}").format(name=name), made["token"])

    async def _revoke(self, key: ApiKey) -> None:
        visit, say = self._visit, self._visit.say
        question = say("Programs that ask by the key {name} are let in no more.").format(name=key["name"])
        if await confirmed(say, question, say("Revoke")):
            await visit.attempt(access.post_api_keys_key_revoke(key["id"]))
            await self._look()
