# SPDX-License-Identifier: GPL-3.0-or-later
"""The cards in which files are chosen for a release: scripts and settings, and wheels of Ganglion."""

import hashlib
from collections.abc import Sequence

from nicegui import ui

from ganglion.client.documents import Agent
from ganglion.client.operations import releases
from ganglion.errors import GanglionError
from ganglion.release.agent import MAX_WHEEL, MAX_WHEELS
from ganglion.release.manifest import MAX_FILE
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.asking import LoggedOutError
from ganglion_gateway.dashboard.facts import size
from ganglion_gateway.dashboard.parts import Action, Cell, Row, Table, attribute, button, card, field, tagged
from ganglion_gateway.dashboard.releases.sending import Chosen, Sending
from ganglion_gateway.dashboard.visit import Visit


class _Pile:
    """A card with its files, and what they were refused for."""

    name = ""
    ending = ""
    most = MAX_FILE

    def __init__(self, visit: Visit, sending: Sending) -> None:
        self._visit = visit
        self._sending = sending
        self._files: dict[str, Chosen] = {}
        self._troubles: dict[str, str] = {}
        sending.piles.append(self)

    def _build(self, heading: str, about: str, columns: Sequence[str], empty: str, choose: str) -> ui.element:
        """The card, to which more may be added."""
        say, pile = self._visit.say, f"window.ganglion.sending.{{}}('{self.name}', {{}})"
        made = card(heading).classes("g-pile")
        for when, is_over in (("dragover", "true"), ("dragleave", "false")):
            made.on(when, js_handler=f"event => window.ganglion.sending.over(event, {is_over})")
        made.on("drop", js_handler=f"event => {pile.format('drop', 'event')}")
        with made:
            ui.label(about).classes("g-faint")
            self._table = Table(columns, empty=empty, label=heading)
            self._trouble = ui.label("").classes("g-trouble g-lines").props('role="alert"')
            self._trouble.set_visibility(False)
            accept = f'accept="{self.ending}"' if self.ending else ""
            hidden = f'type="file" multiple {accept} tabindex="-1" aria-label="{attribute(choose)}"'
            chooser = ui.element("input").classes("g-chooser").props(hidden)
            chooser.on("change", js_handler=f"event => {pile.format('chosen', 'event.target')}")
            with ui.element("div").classes("g-bar"):
                opens = button(choose)
                opens.on("click", js_handler=f"() => getElement({chooser.id}).click()")
                ui.label(say("or drop them here")).classes("g-faint g-droppable")
        return made

    @property
    def is_busy(self) -> bool:
        """Whether something is still on its way."""
        return not all(self._is_done(each) for each in self._files.values())

    def _is_done(self, file: Chosen) -> bool:
        return bool(file.pieces)

    def begin(self) -> None:
        """What was said of others before is over."""
        self._troubles.clear()
        self._tell()

    def take(self, file: Chosen) -> bool:
        """Whether it is to be sent; one of the same name is replaced."""
        if not self._fits(file):
            return False
        if (before := self._files.get(file.name)) is not None:
            self._sending.forget(before)
        self._files[file.name] = file
        self.show()
        return True

    def _fits(self, file: Chosen) -> bool:
        if file.size > self.most:
            line = self._visit.say("{name} has {size}, and {most} is the limit.")
            self.refuse(file.name, line.format(name=file.name, size=size(file.size), most=size(self.most)))
        return file.size <= self.most

    def refuse(self, name: str, why: str) -> None:
        """It is not taken; the visitor is told why."""
        self._files.pop(name, None)
        self._troubles[name] = text.whole(why)
        self._tell()
        self.show()

    def show(self) -> None:
        """All that were chosen, and how far each is."""
        left_out = self._visit.say("Leave out")
        self._table.update(
            [
                Row(name, self._cells(file), ((left_out, self._leaving_out(name)),))
                for name, file in sorted(self._files.items())
            ]
        )

    async def arrived(self, file: Chosen) -> None:
        """All of it is at the gateway."""
        self.show()

    def _cells(self, file: Chosen) -> Sequence[Cell]:
        how_far = size(file.size) if file.pieces else self._how_far(file)
        return (Cell(text.whole(file.name)), Cell(how_far))

    def _how_far(self, file: Chosen) -> str:
        share = 100 * file.there // file.size if file.size else 0
        return self._visit.say("on its way, {share} %").format(share=share)

    def _tell(self) -> None:
        self._trouble.set_text("\n".join(self._troubles.values()))
        self._trouble.set_visibility(bool(self._troubles))

    def _leaving_out(self, name: str) -> Action:
        def leave_out() -> None:
            if (file := self._files.pop(name, None)) is not None:
                self._sending.forget(file)
            self.show()

        return leave_out


class Files(_Pile):
    """Scripts, node.toml and limits.toml, chosen or written here."""

    name = "files"

    def build(self) -> None:
        """The card."""
        say = self._visit.say
        about = say("Scripts (.yaml, .json), node.toml that lies over the node's own file, and limits.toml.")
        columns, empty = (say("File"), say("Size")), say("No file was chosen yet.")
        made = self._build(say("Files"), about, columns, empty, say("Choose files"))
        with made, ui.element("details").classes("g-file"):
            with ui.element("summary"):
                tagged("b", say("Write one here"))
            with ui.element("div").classes("g-stack"):
                self._path = field(say("Its name, as cold.yaml"))
                content = say("What it holds")
                self._content = (
                    ui.textarea()
                    .classes("g-writing")
                    .props(f'dense outlined autogrow spellcheck="false" aria-label="{attribute(content)}"')
                )
                with ui.element("div").classes("g-bar"):
                    button(say("Add it"), self._write)

    @property
    def listed(self) -> list[dict[str, str]]:
        """As a release names them."""
        return [{"path": each.name, "sha256": each.pieces[0]} for _, each in sorted(self._files.items())]

    async def _write(self) -> None:
        path = (self._path.value or "").strip()
        if not path:
            self._visit.complain(self._visit.say("Give the file a name."))
            return
        data = (self._content.value or "").encode()
        self.begin()
        file = Chosen(path, len(data), pieces=[hashlib.sha256(data).hexdigest()])
        if not self._fits(file):
            return
        if await self._visit.attempt(releases.put_releases_files_digest(file.pieces[0], data)) is None:
            return
        self.take(file)
        self._path.value = self._content.value = ""


class Wheels(_Pile):
    """Wheels of Ganglion, each read by the API as soon as it is there."""

    name = "wheels"
    ending = ".whl"
    most = MAX_WHEEL

    def __init__(self, visit: Visit, sending: Sending) -> None:
        super().__init__(visit, sending)
        self._read: dict[str, Agent] = {}

    def build(self) -> None:
        """The card."""
        say = self._visit.say
        about = say(
            "Another version of Ganglion itself, where nodes are not to go on with the one that is installed: a wheel "
            "for each kind of machine, up to {count}, {size} each."
        )
        about = about.format(count=MAX_WHEELS, size=size(MAX_WHEEL))
        columns = (say("Wheel"), say("Version"), say("Machines"), say("Size"))
        empty = say("None: nodes run the version that is installed on them.")
        self._build(say("Wheels of Ganglion"), about, columns, empty, say("Choose wheels"))

    @property
    def listed(self) -> list[dict[str, object]]:
        """As a release names them."""
        return [{"name": each.name, "pieces": each.pieces} for _, each in sorted(self._files.items())]

    def take(self, file: Chosen) -> bool:
        """Whether it is to be sent."""
        self._read.pop(file.name, None)
        return super().take(file)

    async def arrived(self, file: Chosen) -> None:
        """The API says what it is."""
        self.show()
        try:
            read = await self._visit.ask(releases.post_wheels_check(name=file.name, pieces=file.pieces))
        except LoggedOutError:
            self._visit.log_in()
        except GanglionError as error:
            if self._files.get(file.name) is file:
                self.refuse(file.name, str(error))
        else:
            if self._files.get(file.name) is file:  # it was not left out meanwhile
                self._read[file.name] = read
                self.show()

    def _is_done(self, file: Chosen) -> bool:
        return file.name in self._read

    def _cells(self, file: Chosen) -> Sequence[Cell]:
        read = self._read.get(file.name)
        if read is None:
            state = self._visit.say("is being read") if file.pieces else self._how_far(file)
            return (Cell(text.whole(file.name)), Cell(state), Cell(""), Cell(size(file.size)))
        machines = text.whole(", ".join(read["tags"]))
        return (
            Cell(text.whole(read["name"])),
            Cell(text.whole(read["version"])),
            Cell(machines),
            Cell(size(read["size"])),
        )
