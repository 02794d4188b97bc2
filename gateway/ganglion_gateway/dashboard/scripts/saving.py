# SPDX-License-Identifier: GPL-3.0-or-later
"""The question as which release a script is to be saved: a release never changes, so a file in it makes a new one."""

import hashlib
from collections.abc import Callable
from typing import Any

from nicegui import ui

from ganglion.client import documents
from ganglion.client.operations import releases
from ganglion_gateway.dashboard.dialogs import dialog
from ganglion_gateway.dashboard.parts import attribute, button
from ganglion_gateway.dashboard.scripts.editor import Editor
from ganglion_gateway.dashboard.visit import Visit


def saving(visit: Visit, editor: Editor, origin: Callable[[], tuple[str, str]]) -> Callable[[], Any]:
    """What asks.

    Args:
        origin: The release that the script was opened from, and its path there; "" for none.
    """
    say = visit.say

    async def ask() -> None:
        found = await visit.attempt(releases.get_releases(limit=100))
        if found is None:
            return
        known = {each["id"]: each for each in found["releases"]}
        came, path = origin()
        came = next((id for id, each in known.items() if came in (id, each["name"])), "")
        with dialog(say("Save as a new release"), more="g-ed-dialog") as asking:
            note = say("A release never changes: this makes a new one, and a node has it when it is assigned to it.")
            ui.label(note).classes("g-faint")
            name = _field(
                say("Name of the new release"),
                _next(known[came]["name"] if came else "", {each["name"] for each in known.values()}),
            )
            options = {"": say("nothing: the script alone")} | {id: each["name"] for id, each in known.items()}
            base = ui.select(options, label=say("All else is as in"), value=came)
            base.classes("g-field").props(f'dense outlined aria-label="{attribute(say("All else is as in"))}"')
            where = _field(say("File in the release"), path or editor.file)

            async def save() -> None:
                made = await _save(visit, editor.text, name.value, where.value, known.get(base.value))
                if made is not None:
                    asking.close()
                    said = say("Saved as {name}.").format(name=made["name"])
                    visit.tell(said, seconds=8)
                    done.set_visibility(True)
                    link.props["href"] = f"/releases/{made['id']}"
                    text.set_text(said)

            with ui.element("div").classes("g-bar"):
                button(say("Save"), save, main=True)
                button(say("Cancel"), asking.close)
        asking.open()

    with ui.element("p").classes("g-ed-saved").props('role="status"') as done:
        text = ui.label("")
        with ui.element("a").classes("g-link") as link:
            ui.label(say("Show the release"))
    done.set_visibility(False)
    return ask


def _field(label: str, value: str) -> ui.input:
    return ui.input(label, value=value).classes("g-field").props(f'dense outlined aria-label="{attribute(label)}"')


def _next(name: str, taken: set[str]) -> str:
    """A name that is free: `kitchen-2` behind `kitchen-1`."""
    stem, dash, number = name.rpartition("-")
    if not dash or not number.isdigit():
        stem, number = name or "scripts", "0" if not name else "1"
    count = int(number[:6] or "0") + 1
    while f"{stem}-{count}" in taken:
        count += 1
    return f"{stem}-{count}"


async def _save(
    visit: Visit, text: str, name: str, path: str, base: documents.Release | None
) -> documents.Release | None:
    """The release that was made; None where the API refuses, and why was told."""
    data = text.encode()
    digest = hashlib.sha256(data).hexdigest()
    if await visit.attempt(releases.put_releases_files_digest(digest, data)) is None:
        return None
    files = {} if base is None else {each["path"]: each["sha256"] for each in base["files"]}
    files[path.strip()] = digest
    listed = [{"path": each, "sha256": sha256} for each, sha256 in sorted(files.items())]
    if base is None:
        return await visit.attempt(releases.post_releases(name=name.strip(), files=listed))
    asked = releases.post_releases(name=name.strip(), files=listed, requires=base["requires"], window=base["window"])
    return await visit.attempt(asked)
