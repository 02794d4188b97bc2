# SPDX-License-Identifier: GPL-3.0-or-later
"""The question which script to open: one to begin with, a file of a release, or one of this computer."""

from collections.abc import Callable
from typing import Any

from nicegui import ui

from ganglion.client import documents
from ganglion.client.operations import releases, scripts
from ganglion.errors import GanglionError
from ganglion.release.manifest import SCRIPTS
from ganglion_gateway.dashboard.parts import attribute, button, tagged
from ganglion_gateway.dashboard.visit import Visit

#: Opens a text under a name, and says which release and path it is of; "" for none.
Open = Callable[[str, str, str, str], None]


def opening(visit: Visit, opened: Open) -> Callable[[], Any]:
    """What asks. The dialog is made when it is asked for.

    Args:
        opened: Takes the text and the name.
    """

    async def ask() -> None:
        with (
            ui.dialog().on("hide", lambda event: event.sender.delete()) as dialog,
            ui.card().classes("g-dialog g-ed-dialog").props('role="document"'),
        ):
            say = visit.say

            def done(text: str, file: str, release: str, path: str) -> None:
                dialog.close()
                opened(text, file, release, path)

            with ui.element("div").classes("g-dialog-head"):
                tagged("h2", say("Open a script"))
                button(say("Close"), dialog.close)
            tagged("h3", say("From this computer"))
            with ui.element("label").classes("g-button g-ed-upload"):
                ui.label(say("Choose a file"))
                chooser = ui.element("input").props('type="file" accept=".yaml,.yml,.json"').classes("g-ed-chooser")
                chooser.on("change", js_handler="event => window.ganglion.script.upload(event.target)")
                chooser.on("change", dialog.close)
            tagged("h3", say("From a release"))
            await _from_release(visit, done)
            tagged("h3", say("Begin with an example"))
            await _templates(visit, done)
        dialog.open()

    return ask


async def _templates(visit: Visit, done: Open) -> None:
    found = await visit.attempt(scripts.get_scripts_templates())
    with ui.element("div").classes("g-ed-templates"):
        for each in [] if found is None else found["templates"]:
            with (
                ui.element("button")
                .classes("g-ed-template")
                .props(f'type="button" data-template="{each["name"]}"') as one
            ):
                tagged("b", each["name"])
                first = each["text"].partition("\n")[0]
                ui.label(first.removeprefix("# ")).classes("g-faint")
            one.on("click", lambda each=each: done(each["text"], "my_script.yaml", "", ""))


async def _from_release(visit: Visit, done: Open) -> None:
    say = visit.say
    found = await visit.attempt(releases.get_releases(limit=100))
    listed = [] if found is None else found["releases"]
    known = {each["id"]: each for each in listed if scripts_of(each)}
    if not known:
        ui.label(say("No release has scripts yet.")).classes("g-faint")
        return
    with ui.element("div").classes("g-ed-pick"):
        release = ui.select({id: each["name"] for id, each in known.items()}, label=say("Release")).classes("g-field")
        file = ui.select([], label=say("File")).classes("g-field")
        for field, label in ((release, say("Release")), (file, say("File"))):
            field.props(f'dense outlined aria-label="{attribute(label)}"')
        button(say("Open"), lambda: _open(visit, release.value, file.value, done), main=True)

    def chosen() -> None:
        paths = scripts_of(known[release.value])
        file.set_options(paths, value=paths[0])

    release.on_value_change(chosen)
    release.set_value(next(iter(known)))


async def _open(visit: Visit, release: str, path: str, done: Open) -> None:
    if (data := await visit.attempt(releases.get_releases_release_files_path(release, path))) is not None:
        done(data.decode("utf-8-sig", "replace"), path.rpartition("/")[2], release, path)


async def of_release(visit: Visit, release: str, path: str, done: Open) -> None:
    """Opens the file that an address names; a sentence where it is not there."""
    try:
        data = await visit.ask(releases.get_releases_release_files_path(release, path))
    except GanglionError as error:
        visit.complain(error)
    else:
        done(data.decode("utf-8-sig", "replace"), path.rpartition("/")[2], release, path)


def scripts_of(release: documents.Release) -> list[str]:
    """The paths of a release's scripts."""
    return [each["path"] for each in release["files"] if each["path"].endswith(SCRIPTS)]
