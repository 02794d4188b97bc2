# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/releases/new`: files are chosen or written, and become a release."""

import hashlib
from typing import Any

from nicegui import ui
from nicegui.events import UploadEventArguments

from ganglion.client.operations import releases
from ganglion.errors import InvalidError
from ganglion.release.manifest import MAX_BYTES, MAX_FILE, MAX_FILES, WINDOW
from ganglion.units import SECOND, duration
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.facts import size
from ganglion_gateway.dashboard.parts import Action, Cell, Row, Table, attribute, button, card, field, tagged
from ganglion_gateway.dashboard.visit import Visit

#: Bytes beside a file in the request that brings it, within what the guard takes.
_AROUND = 16 * 1024


async def build(visit: Visit) -> None:
    """Fills the page."""
    _Create(visit).build()


class _Create:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._files: dict[str, bytes] = {}

    def build(self) -> None:
        say = self._visit.say
        with ui.element("form").classes("g-stack").on("submit.prevent", self._make):
            self._choosing()
            with card(say("What it needs")):
                about = say("Nodes that lack something say so and keep what they run. Words are set apart by commas.")
                ui.label(about).classes("g-faint")
                with ui.element("div").classes("g-fields"):
                    self._boards = field(say("Boards, as raspberry-pi-4"))
                    self._agent = field(say("Ganglion, as >=0.1,<2"))
                    self._capabilities = field(say("Sensors and actuators, as sensor:fridge.temperature"))
            with card(say("Name and trial")):
                with ui.element("div").classes("g-fields"):
                    self._name = field(say("Name, as fridge-2"))
                    self._window = field(say("How long it has to prove itself on a node"), f"{WINDOW}s")
                self._trouble = ui.label("").classes("g-trouble").props('role="alert"')
                self._trouble.set_visibility(False)
                with ui.element("div").classes("g-bar"):
                    button(say("Make the release"), kind="submit", main=True)
                    with ui.element("a").classes("g-button").props('href="/releases"'):
                        ui.label(say("Cancel"))

    def _choosing(self) -> None:
        say = self._visit.say
        with card(say("Files")):
            about = say("Scripts (.yaml, .json), node.toml that lies over the node's own file, and limits.toml.")
            ui.label(about).classes("g-faint")
            columns = (say("File"), say("Size"))
            self._table = Table(columns, empty=say("No file was chosen yet."), label=say("Files"))
            uploader = ui.upload(
                multiple=True,
                auto_upload=True,
                max_file_size=MAX_FILE - _AROUND,
                max_total_size=MAX_BYTES,
                max_files=MAX_FILES,
                on_upload=self._brought,
                on_rejected=self._too_large,
            ).classes("g-uploader")
            with ui.element("div").classes("g-bar"):
                choose = button(say("Choose files"))
                choose.on("click", js_handler=f"() => getElement({uploader.id}).$refs.qRef.pickFiles()")
            with ui.element("details").classes("g-file"):
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

    async def _brought(self, event: UploadEventArguments) -> None:
        self._files[event.file.name] = await event.file.read()
        self._show()

    def _too_large(self) -> None:
        line = self._visit.say("A file has at most {size}, and all together {whole}, {count} of them at most.")
        self._visit.complain(line.format(size=size(MAX_FILE - _AROUND), whole=size(MAX_BYTES), count=MAX_FILES))

    def _write(self) -> None:
        path = (self._path.value or "").strip()
        if not path:
            self._visit.complain(self._visit.say("Give the file a name."))
            return
        self._files[path] = (self._content.value or "").encode()
        self._path.value = self._content.value = ""
        self._show()

    def _show(self) -> None:
        say = self._visit.say
        self._table.update(
            [
                Row(
                    path,
                    (Cell(text.whole(path)), Cell(size(len(data)))),
                    ((say("Leave out"), self._leaving_out(path)),),
                )
                for path, data in sorted(self._files.items())
            ]
        )

    def _leaving_out(self, path: str) -> Action:
        def leave_out() -> None:
            self._files.pop(path, None)
            self._show()

        return leave_out

    async def _make(self) -> None:
        visit, trouble = self._visit, self._trouble
        try:
            window = duration(self._window.value or "", where=visit.say("trial")) // SECOND
        except InvalidError as error:
            trouble.set_text(str(error))
            trouble.set_visibility(True)
            return
        listed = []
        for path, data in sorted(self._files.items()):
            sha256 = hashlib.sha256(data).hexdigest()
            if await visit.attempt(releases.put_releases_files_digest(sha256, data), trouble=trouble) is None:
                return
            listed.append({"path": path, "sha256": sha256})
        name = (self._name.value or "").strip()
        call = releases.post_releases(name=name, files=listed, requires=self._requires(), window=window)
        made = await visit.attempt(call, trouble=trouble)
        if made is not None:
            ui.navigate.to(f"/releases/{made['id']}")

    def _requires(self) -> dict[str, Any]:
        def words(given: ui.input) -> list[str]:
            return [word.strip() for word in (given.value or "").split(",") if word.strip()]

        found: dict[str, Any] = {"board": words(self._boards), "capabilities": words(self._capabilities)}
        agent = (self._agent.value or "").strip()
        return {name: value for name, value in {**found, "agent": agent}.items() if value}
