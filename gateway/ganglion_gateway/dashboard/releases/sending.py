# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the visitor's computer on their way to the gateway: the browser itself sends them by the API, in pieces.

Wheels are larger than a request may be; through the page passes only what was chosen, and how far it is.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from nicegui import ui

from ganglion.release.agent import PIECE
from ganglion_gateway.dashboard import style
from ganglion_gateway.dashboard.visit import Visit

_SCRIPT = (Path(style.__file__).parent / "static" / "sending.js").read_text(encoding="utf-8")


@dataclass(slots=True)
class Chosen:
    """A file.

    Attributes:
        name: Without a folder.
        size: Bytes.
        number: Which of those that the browser sends; 0 for one that it does not.
        there: Bytes that the gateway has.
        pieces: SHA-256 of its pieces in their order, when the gateway has them all.
    """

    name: str
    size: int
    number: int = 0
    there: int = 0
    pieces: list[str] = field(default_factory=list)


class Pile(Protocol):
    """What files are chosen for.

    Attributes:
        name: In the browser's events.
        ending: Files whose names end so are for it, wherever they were dropped; "" for none.
    """

    name: str
    ending: str

    def begin(self) -> None:
        """Others are chosen: what was said of those before is over."""

    def take(self, file: Chosen) -> bool:
        """Whether it is to be sent."""

    def show(self) -> None:
        """It is further on its way."""

    async def arrived(self, file: Chosen) -> None:
        """All of it is there."""

    def refuse(self, name: str, why: str) -> None:
        """It is not taken."""


class Sending:
    """The way of a page's files.

    Attributes:
        piles: What they may be chosen for.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self.piles: list[Pile] = []
        self._files: dict[int, tuple[Pile, Chosen]] = {}
        ui.add_head_html(f"<script>{_SCRIPT}</script>")
        ui.on("files-chosen", lambda event: self._chosen(event.args))
        ui.on("file-moves", lambda event: self._moves(event.args))
        ui.on("file-there", lambda event: self._there(event.args))
        ui.on("file-failed", lambda event: self._failed(event.args))
        ui.on("folder-dropped", lambda _: self._folder())

    def forget(self, file: Chosen) -> None:
        """It is not wanted any more; what is left of it is not sent."""
        if self._files.pop(file.number, None) is not None:
            ui.run_javascript(f"window.ganglion.sending.forget({file.number})")

    def _chosen(self, said: dict[str, Any]) -> None:
        asked = next(pile for pile in self.piles if pile.name == said["pile"])
        for pile in self.piles:
            pile.begin()
        for each in said["files"]:
            file = Chosen(str(each["name"]), int(each["size"]), int(each["number"]))
            pile = next((one for one in self.piles if one.ending and file.name.endswith(one.ending)), asked)
            if pile.take(file):
                self._files[file.number] = (pile, file)
                ui.run_javascript(f"window.ganglion.sending.begin({file.number}, {PIECE})")
            else:
                ui.run_javascript(f"window.ganglion.sending.forget({file.number})")

    def _moves(self, said: dict[str, Any]) -> None:
        if (found := self._files.get(said["number"])) is not None:
            pile, file = found
            file.there = int(said["there"])
            pile.show()

    async def _there(self, said: dict[str, Any]) -> None:
        if (found := self._files.pop(said["number"], None)) is not None:
            pile, file = found
            file.pieces = [str(each) for each in said["pieces"]]
            await pile.arrived(file)

    def _failed(self, said: dict[str, Any]) -> None:
        if (found := self._files.pop(said["number"], None)) is None:
            return
        if said["status"] == 401:
            self._visit.log_in()
            return
        pile, file = found
        why = str(said["why"]) or self._visit.say("it did not get to the gateway: choose it again")
        pile.refuse(file.name, f"{file.name}: {why}")

    def _folder(self) -> None:
        self._visit.complain(self._visit.say("That is a folder: drop the files that are in it."))
