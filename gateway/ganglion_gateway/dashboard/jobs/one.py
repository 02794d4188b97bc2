# SPDX-License-Identifier: GPL-3.0-or-later
"""One job: how it stands at each node, as it comes, and what they have answered."""

import json

from nicegui import ui

from ganglion.client import documents
from ganglion.client.operations import jobs
from ganglion.units import SECOND
from ganglion_gateway.dashboard import reasons, states, text
from ganglion_gateway.dashboard.dialogs import confirmed, dialog
from ganglion_gateway.dashboard.jobs.listing import colour, counted
from ganglion_gateway.dashboard.jobs.start import start
from ganglion_gateway.dashboard.pairs import Pairs
from ganglion_gateway.dashboard.parts import Cell, Pages, Row, Table, button, card, tagged
from ganglion_gateway.dashboard.segments import Segments
from ganglion_gateway.dashboard.visit import Visit

#: Nodes of one page.
_PAGE = 50
_STATES = ("waiting", "running", "done", "failed", "unknown", "expired", "cancelled")
_ALL = ""


async def build(visit: Visit) -> None:
    """Fills the page."""
    await visit.ask(jobs.get_jobs_job(visit.path["job"]))  # one that is not there has no page
    shown = _Job(visit, visit.path["job"])
    await visit.every(shown.look, seconds=1.0)


class _Job:
    def __init__(self, visit: Visit, job: str) -> None:
        self._visit, say = visit, visit.say
        self._say, self._job = say, job
        self._last: documents.Job | None = None
        self._results: dict[str, documents.JobNode] = {}
        visit.entitle(say("Job {id}").format(id=job))
        with card(say("What is done")):
            self._pairs = Pairs()
            with ui.element("div").classes("g-bar"):
                if visit.may("operate"):
                    self._cancel_button = button(say("Cancel the job…"), self._cancel)
                    button(say("Run it again…"), self._again)
                ui.link(say("All jobs"), "/jobs").classes("g-link")
        with card(say("Nodes")):
            choices = {_ALL: say("All")} | {word: states.job(word, say) for word in _STATES}
            self._captions = choices
            self._state = Segments(choices, _ALL, self._chosen, label=say("How it stands"))
            columns = (say("Node"), say("State"), say("Answer"), say("Attempts"), say("Took"))
            self._table = Table(columns, empty=say("No node is so."), label=say("Nodes"))
            self._pages = Pages(say, self.look)

    async def look(self) -> None:
        """Shows it as it is now. Raises: see `Visit.ask`."""
        if self._last is None or self._last["ended"] is None:
            self._last = job = await self._visit.ask(jobs.get_jobs_job(self._job))
            self._about(job)
        elif self._shown_all:
            return
        call = jobs.get_jobs_job_nodes(
            self._job, limit=_PAGE, cursor=self._pages.cursor, state=self._state.value or None
        )
        page = await self._visit.ask(call)
        self._results = {row["node"]: row for row in page["nodes"]}
        self._table.update([self._row(row) for row in page["nodes"]])
        self._pages.update(page["next"])

    @property
    def _shown_all(self) -> bool:
        """Whether nothing will change any more."""
        return bool(self._results) and all(row["ended"] is not None for row in self._results.values())

    def _about(self, job: documents.Job) -> None:
        say, now = self._say, self._visit.services.clock()
        ended = job["ended"]
        left = text.span(max(0, job["deadline"] - now) // SECOND, say)
        self._pairs.update(
            {
                say("State"): Cell(states.job(job["state"], say), state=colour(job)),
                say("Method"): Cell(job["method"]),
                say("Parameters"): Cell(", ".join(job["names"]) or "–", hint=say("Their values are kept secret")),
                say("On the nodes"): Cell(job["selector"]),
                say("Nodes"): Cell(counted(job["nodes"], say)),
                say("Begun"): Cell(f"{text.iso(job['created'])} · {job['actor']}"),
                say("Ended"): Cell(
                    text.iso(ended) if ended is not None else say("waits {span} more at most").format(span=left)
                ),
            }
        )
        if self._visit.may("operate"):
            self._cancel_button.set_visibility(ended is None)
        total = sum(job["nodes"].values())
        for word, caption in self._captions.items():
            count = job["nodes"].get(word, 0) if word else total
            self._state.caption(word, f"{caption} {count}")
            self._state.hide(word, not count and word != _ALL)

    def _row(self, row: documents.JobNode) -> Row:
        say = self._say
        answer = reasons.told(row["error"], say) or (
            "" if row["result"] is None else json.dumps(row["result"], ensure_ascii=False)
        )
        took = "–"
        if row["began"] is not None and row["ended"] is not None:
            took = f"{(row['ended'] - row['began']) / SECOND:.1f} {say('s')}"
        cells = (
            Cell(row["name"], link=f"/nodes/{row['node']}", hint=row["node"]),
            Cell(states.job(row["state"], say), state=states.COLOURS.get(row["state"], "idle")),
            Cell(text.cut(answer)),
            Cell(str(row["attempts"])),
            Cell(took),
        )
        whole = ((say("Answer…"), lambda: self._show(row["node"])),) if row["result"] is not None else ()
        return Row(row["node"], cells, whole)

    async def _show(self, node: str) -> None:
        row = self._results.get(node)
        if row is None:
            return
        with dialog(self._say("The answer of {node}").format(node=row["name"])) as showing:
            tagged("pre", json.dumps(row["result"], indent=2, ensure_ascii=False)).classes("g-code")
            button(self._say("Close"), showing.close)
        showing.open()

    async def _cancel(self) -> None:
        say = self._say
        question = say("Cancel the job? It begins nowhere any more, and ends where it is under way.")
        if await confirmed(say, question, say("Cancel the job")):
            await self._visit.attempt(jobs.post_jobs_job_cancel(self._job), done=say("It is being cancelled"))
            await self._visit.now(self.look)

    async def _again(self) -> None:
        if self._last is not None:
            await start(self._visit, self._last["selector"], method=self._last["method"])

    async def _chosen(self, _: str) -> None:
        self._pages.begin()
        self._results = {}
        await self._visit.now(self.look)
