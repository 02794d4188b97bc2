# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened in a rollout, the newest first."""

import re
from datetime import UTC, datetime

from nicegui import ui

from ganglion.client.documents import Note
from ganglion.client.operations import rollouts
from ganglion.units import SECOND
from ganglion_gateway.dashboard import reasons, text
from ganglion_gateway.dashboard.parts import attribute, card, tagged
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.dashboard.words import Say

#: What is asked for at a time, and shown; the report has all of it.
_PAGE = 100
_SHOWN = 200
_BEGINS = re.compile(r"(\d+) of (\d+) begins with (\d+) nodes?")
_COMMITTED = re.compile(r"stage (\d+): (\d+) of (\d+) (?:node has|nodes have) committed")
_FAILED = re.compile(
    r"stage (\d+): (\d+) nodes? of (\d+) failed, and (?:at most (\d+) may|(\d+) have to commit)(?:; most often: (.+))?",
    re.DOTALL,
)
_OF_ALL = re.compile(r"(\d+) of all (\d+) nodes? failed, and at most (\d+) may")
_LEFT = re.compile(r"stage (\d+): none of its nodes is left")
#: What happened to one node, which stands before why.
_OF_ONE = frozenset({"failed", "reverted", "gone"})
_WHOSE = re.compile(r"([^:]+): (.+)", re.DOTALL)
_BY = re.compile(r"by ([^\s:]+)(?:: (.+))?", re.DOTALL)
_TONES = {
    **dict.fromkeys(("completed", "soaking"), "good"),
    **dict.fromkeys(("failed", "reverted", "aborted"), "bad"),
    **dict.fromkeys(("paused", "unsettled", "gone"), "warn"),
}


class Story:
    """The card."""

    def __init__(self, visit: Visit, rollout: str) -> None:
        self._visit, self._rollout = visit, rollout
        self._cursor: str | None = None
        self._taken = 0  # of the page that is not full yet
        self._lines: list[ui.element] = []
        say = visit.say
        self._words = {
            "stage": say("stage"),
            "soaking": say("soaking"),
            "unsettled": say("unsettled"),
            "paused": say("paused"),
            "resumed": say("resumed"),
            "completed": say("completed"),
            "aborted": say("aborted"),
            "failed": say("failed"),
            "reverted": say("reverted"),
            "gone": say("left the rollout"),
        }
        with card(say("What happened")):
            label = attribute(say("What happened"))
            self._list = ui.element("ol").classes("g-story").props(f'tabindex="0" aria-label="{label}"')
            self._empty = ui.label(say("Nothing yet.")).classes("g-faint")

    async def look(self) -> None:
        """Adds what is new."""
        while True:
            call = rollouts.get_rollouts_rollout_notes(self._rollout, limit=_PAGE, cursor=self._cursor)
            found = await self._visit.ask(call)
            for note in found["notes"][self._taken :]:
                self._add(note)
            self._taken = len(found["notes"])
            if found["next"] is None:
                break
            self._cursor, self._taken = found["next"], 0
        self._empty.set_visibility(not self._lines)

    def _add(self, note: Note) -> None:
        tone = _TONES.get(note["what"], "busy")
        with self._list, ui.element("li") as line:
            ui.element("span").classes(f"g-dot g-{tone}").props('aria-hidden="true"')
            with ui.element("div"):
                tagged("b", self._words.get(note["what"], note["what"]))
                tagged("time", _clock(note["at"])).classes("g-faint").props(f'title="{text.iso(note["at"])}"')
                if note["detail"]:
                    ui.label(self._told(note)).classes("g-story-detail")
        line.move(target_index=0)
        self._lines.append(line)
        if len(self._lines) > _SHOWN:
            self._lines.pop(0).delete()

    def _told(self, note: Note) -> str:
        detail, say = note["detail"], self._visit.say
        if note["what"] in _OF_ONE and (found := _WHOSE.fullmatch(detail)):
            detail = f"{found[1]}: {reasons.told(found[2], say)}"
        return self._named(translated(detail, say))

    def _named(self, detail: str) -> str:
        """With the name of the node, where a line begins with an id."""
        id, colon, rest = detail.partition(":")
        fleet = self._visit.services.fleet
        return text.whole(f"{fleet.name(id)}{colon}{rest}" if fleet.now(id) in fleet.nodes else detail)


def translated(detail: str, say: Say) -> str:
    """What the rollout itself says, in the reader's language; what others say stays as it is."""
    if found := _BEGINS.fullmatch(detail):
        number, of, count = found.groups()
        line = say.many(
            "{number} of {of} begins with {count} node", "{number} of {of} begins with {count} nodes", int(count)
        )
        return line.format(number=number, of=of, count=count)
    if found := _COMMITTED.fullmatch(detail):
        number, count, of = found.groups()
        line = say.many(
            "stage {number}: {count} of {of} node has committed",
            "stage {number}: {count} of {of} nodes have committed",
            int(of),
        )
        return line.format(number=number, count=count, of=of)
    if found := _FAILED.fullmatch(detail):
        number, bad, of, may, need, why = found.groups()
        if may is not None:
            line = say.many(
                "stage {number}: {bad} node of {of} failed, and at most {may} may",
                "stage {number}: {bad} nodes of {of} failed, and at most {may} may",
                int(bad),
            )
        else:
            line = say.many(
                "stage {number}: {bad} node of {of} failed, and {need} have to commit",
                "stage {number}: {bad} nodes of {of} failed, and {need} have to commit",
                int(bad),
            )
        line = line.format(number=number, of=of, bad=bad, may=may, need=need)
        return say("{line}; most often: {why}").format(line=line, why=reasons.told(why, say)) if why else line
    if found := _OF_ALL.fullmatch(detail):
        bad, of, may = found.groups()
        line = say.many(
            "{bad} of all {of} node failed, and at most {may} may",
            "{bad} of all {of} nodes failed, and at most {may} may",
            int(of),
        )
        return line.format(of=of, bad=bad, may=may)
    if found := _LEFT.fullmatch(detail):
        return say("stage {number}: none of its nodes is left").format(number=found[1])
    if found := _BY.fullmatch(detail):
        name, why = found.groups()
        return say("by {name}: {why}").format(name=name, why=why) if why else say("by {name}").format(name=name)
    return reasons.told(detail, say)


def _clock(at: int) -> str:
    return f"{datetime.fromtimestamp(at // SECOND, UTC):%m-%d %H:%M:%S}"
