# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of jobs, the newest first: all of them, or those of one node."""

from nicegui import ui

from ganglion.client import documents
from ganglion.client.operations import jobs
from ganglion_gateway.dashboard import states, text
from ganglion_gateway.dashboard.jobs.start import start
from ganglion_gateway.dashboard.parts import Cell, Pages, Row, Table, button, card
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.dashboard.words import Say


async def build(visit: Visit) -> None:
    """Fills the page."""
    say = visit.say
    with card():
        with ui.element("div").classes("g-bar"):
            ui.label(say("A job has nodes do something, those that sleep when they wake.")).classes("g-faint")
            ui.element("div").classes("g-space")
            if visit.may("operate"):
                button(say("Run a job…"), lambda: start(visit, visit.query.get("where", "all")), main=True)
        listing = Listing(visit, empty=say("No job yet."))
    await visit.every(listing.look)


class Listing:
    """A table of jobs.

    Args:
        node: The id of the node whose jobs they are; "" for all.
        limit: Jobs of one page.
        short: There is little room: what was done, and how it is.
    """

    def __init__(self, visit: Visit, *, empty: str, node: str = "", limit: int = 25, short: bool = False) -> None:
        self._visit, say = visit, visit.say
        self._node = node
        self._limit = limit
        self._short = short
        columns: tuple[str, ...] = (
            say("Job"),
            say("Method"),
            say("On the nodes"),
            say("State"),
            say("Nodes"),
            say("Begun"),
        )
        if short:
            columns = (say("Job"), say("State"), say("Begun"))
        self._table = Table(columns, empty=empty, label=say("Jobs"))
        self._pages = Pages(say, self.look)

    async def look(self) -> None:
        """Shows them as they are now. Raises: see `Visit.ask`."""
        call = jobs.get_jobs(limit=self._limit, cursor=self._pages.cursor, node=self._node or None)
        page = await self._visit.ask(call)
        now = self._visit.services.clock()
        self._table.update([self._row(job, now) for job in page["jobs"]])
        self._pages.update(page["next"])

    def _row(self, job: documents.Job, now: int) -> Row:
        say = self._visit.say
        state = Cell(states.job(job["state"], say), state=colour(job))
        begun = Cell(text.ago(now - job["created"], say), hint=text.iso(job["created"]), more=job["actor"])
        if self._short:
            return Row(job["id"], (Cell(job["method"], link=f"/jobs/{job['id']}"), state, begun))
        cells = (
            Cell(job["id"], link=f"/jobs/{job['id']}"),
            Cell(job["method"], more=", ".join(job["names"])),
            Cell(job["selector"]),
            state,
            Cell(counted(job["nodes"], say)),
            begun,
        )
        return Row(job["id"], cells)


def colour(job: documents.Job) -> str:
    """That of a job: one that is done is good where it was done everywhere."""
    wrong = any(job["nodes"].get(word) for word in ("failed", "unknown", "expired"))
    if job["state"] == "ended":
        return "bad" if job["nodes"].get("failed") else "warn" if wrong else "good"
    return states.COLOURS.get(job["state"], "idle")


def counted(nodes: dict[str, int], say: Say) -> str:
    """How many nodes are how far."""
    order = ("done", "failed", "unknown", "expired", "cancelled", "running", "waiting")
    return " · ".join(f"{nodes[word]} {states.job(word, say)}" for word in order if nodes.get(word))
