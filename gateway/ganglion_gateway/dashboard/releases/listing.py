# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/releases`: every release, the newest first."""

from nicegui import ui

from ganglion.client.documents import ListedRelease
from ganglion.client.operations import releases
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.facts import size
from ganglion_gateway.dashboard.parts import Cell, Pages, Row, Table, card
from ganglion_gateway.dashboard.releases import brought
from ganglion_gateway.dashboard.visit import Visit

#: Releases of one page, letters of an id that people see, and seconds between two looks.
_PAGE = 25
SHORT = 12
_TURN = 5.0


async def build(visit: Visit) -> None:
    """Fills the page."""
    say = visit.say
    with ui.element("div").classes("g-bar"):
        ui.label(say("What nodes can be given to run: scripts, settings, limits and Ganglion itself, signed.")).classes(
            "g-faint g-lead"
        )
        if visit.may("config"):
            with ui.element("a").classes("g-button g-main-button").props('href="/releases/new"'):
                ui.label(say("New release"))
    with card():
        columns = (
            *(say("Name"), say("Nodes"), say("Files"), say("Ganglion"), say("Size"), say("Made"), say("By")),
            say("Id"),
        )
        empty = say("There is none yet. Make one of the files of a folder here, or with `ganglion release create`.")
        table = Table(columns, empty=empty, label=say("Releases"))

        async def look() -> None:
            found = await visit.ask(releases.get_releases(limit=_PAGE, cursor=pages.cursor))
            now = visit.services.clock()
            table.update([_row(each, now, visit) for each in found["releases"]])
            pages.update(found["next"])

        pages = Pages(say, look)
    await visit.every(look, seconds=_TURN)


def _row(release: ListedRelease, now: int, visit: Visit) -> Row:
    made = release["created"]
    return Row(
        release["id"],
        (
            Cell(text.whole(release["name"]), link=f"/releases/{release['id']}"),
            Cell(text.number(release["nodes"]), state="good" if release["nodes"] else ""),
            Cell(str(len(release["files"])), hint=", ".join(each["path"] for each in release["files"][:20])),
            Cell(brought.versions(release) or "–", hint=brought.kinds(release)),
            Cell(size(brought.whole_size(release))),
            Cell(text.ago(now - made, visit.say), hint=text.iso(made)),
            Cell(release["by"]),
            Cell(release["id"][:SHORT], hint=release["id"]),
        ),
    )
