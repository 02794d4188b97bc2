# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of releases as text, and what is otherwise between two. What a file holds is never taken as HTML."""

from urllib.parse import urlencode

from nicegui import ui

from ganglion.client.documents import Difference, Release, ReleaseFile, Requires
from ganglion.client.operations import releases
from ganglion.release.manifest import SCRIPTS
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.facts import pairs, size
from ganglion_gateway.dashboard.parts import tagged
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.dashboard.words import Say

#: Letters of a file that a page shows; a link has all of it.
_SHOWN = 64 * 1024


def contents(visit: Visit, release: Release) -> None:
    """A line for each file, which opens to what it holds."""
    with ui.element("div").classes("g-files"):
        for file in release["files"]:
            _File(visit, release["id"], file)


class _File:
    def __init__(self, visit: Visit, release: str, file: ReleaseFile) -> None:
        self._visit = visit
        self._release, self._path = release, file["path"]
        self._loaded = False
        self._details = ui.element("details").classes("g-file").on("toggle", self._load)
        with self._details, ui.element("summary"):
            tagged("b", file["path"])
            tagged("span", size(file["size"])).classes("g-faint")
            tagged("span", file["sha256"][:12]).classes("g-faint").props(f'title="SHA-256 {file["sha256"]}"')

    async def _load(self) -> None:
        """Once, when it is opened first."""
        if self._loaded:
            return
        self._loaded = True
        data = await self._visit.attempt(releases.get_releases_release_files_path(self._release, self._path))
        if data is None:
            self._loaded = False
            return
        with self._details:
            try:
                found = data.decode()
            except UnicodeDecodeError:
                ui.label(self._visit.say("It is no text.")).classes("g-faint")
                return
            if self._path.endswith(SCRIPTS):
                edit = "/scripts?" + urlencode({"release": self._release, "file": self._path})
                with ui.element("a").classes("g-link").props(f'href="{edit}"'):
                    ui.label(self._visit.say("Edit this script"))
            tagged("pre", found[:_SHOWN]).classes("g-code").props('tabindex="0"')
            if len(found) > _SHOWN:
                whole = f"/api/v1/releases/{self._release}/files/{self._path}"
                with ui.element("a").classes("g-link").props(f'href="{whole}" download'):
                    ui.label(self._visit.say("All of it"))


def needed(requires: Requires, say: Say) -> str:
    """What a node must have."""
    words = [*requires.get("board", ())]
    if "agent" in requires:
        words.append(f"Ganglion {requires['agent']}")
    words += [each.replace(":", " ", 1) for each in requires.get("capabilities", ())]
    return ", ".join(words) or say("nothing in particular")


def changed(visit: Visit, found: Difference) -> None:
    """What is otherwise, as `GET /releases/{release}/diff/{other}` says it."""
    say = visit.say
    words = {"added": say("added"), "removed": say("removed"), "changed": say("changed")}
    tones = {"added": "good", "removed": "bad", "changed": "warn"}
    otherwise: dict[str, list[str]] = {}
    if "requires" in found:
        otherwise[say("Needs")] = [needed(each, say) for each in found["requires"]]
    if "window" in found:
        otherwise[say("Trial")] = [text.span(each, say) for each in found["window"]]
    if "agent" in found:
        otherwise[say("Ganglion")] = [text.whole(", ".join(each)) or "–" for each in found["agent"]]
    if not found["files"] and not otherwise:
        ui.label(say("They hold the same.")).classes("g-faint")
    if otherwise:
        pairs({name: f"{old} → {new}" for name, (old, new) in otherwise.items()})
    for file in found["files"]:
        with ui.element("details").classes("g-file").props("open"):
            with ui.element("summary"):
                ui.element("span").classes(f"g-dot g-{tones[file['change']]}").props('aria-hidden="true"')
                tagged("b", file["path"])
                tagged("span", words[file["change"]]).classes("g-faint")
            if file["unified"] is None:
                ui.label(say("They differ, and are no text or too long to compare line by line.")).classes("g-faint")
            elif file["unified"]:
                _unified(file["unified"])


def _unified(lines: str) -> None:
    with ui.element("div").classes("g-code g-diff").props('tabindex="0" role="group"'):
        for line in lines.splitlines()[2:]:  # the names of the file stand above
            tone = {"+": "g-added", "-": "g-removed", "@": "g-hunk"}.get(line[:1], "")
            tagged("div", line or " ").classes(tone)
