# SPDX-License-Identifier: GPL-3.0-or-later
"""The question which script to open: one to begin with, a file of a release, or one of this computer."""

from collections.abc import Callable
from typing import Any, NamedTuple

from nicegui import ui

from ganglion.client import documents
from ganglion.client.call import Call
from ganglion.client.operations import fleet, releases, scripts
from ganglion.release.manifest import SCRIPTS
from ganglion_gateway.dashboard.dialogs import dialog, refusal
from ganglion_gateway.dashboard.parts import attribute, button, tagged
from ganglion_gateway.dashboard.scripts.choosing import Choosing
from ganglion_gateway.dashboard.scripts.device import BOARD
from ganglion_gateway.dashboard.visit import Visit

#: Seconds that a node has to say what it runs.
_PATIENCE = 5.0


class Script(NamedTuple):
    """A script that is opened.

    Attributes:
        text: What is written in it.
        file: What it is called.
        release: The one that it is of, its `path` there; "" for none.
        node: The one that runs it; "" for none.
    """

    text: str
    file: str
    release: str = ""
    path: str = ""
    node: str = ""


#: Has it be edited.
Open = Callable[[Script], None]


def opening(visit: Visit, opened: Open, node: Callable[[], str]) -> Callable[[], Any]:
    """What asks. The dialog is made when it is asked for.

    Args:
        opened: Takes what was chosen.
        node: Which node is likely to be meant; "" for none.
    """

    async def ask() -> None:
        say = visit.say
        with dialog(say("Open a script"), close=say("Close"), more="g-ed-dialog") as asking:

            def done(script: Script) -> None:
                asking.close()
                opened(script)

            tagged("h3", say("From this computer"))
            with ui.element("label").classes("g-button g-ed-upload"):
                ui.label(say("Choose a file"))
                chooser = ui.element("input").props('type="file" accept=".yaml,.yml,.json"').classes("g-ed-chooser")
                chooser.on("change", js_handler="event => window.ganglion.script.upload(event.target)")
                chooser.on("change", asking.close)
            tagged("h3", say("From a node"))
            _FromNode(visit, done).choose(node())
            tagged("h3", say("From a release"))
            await _from_release(visit, done)
            tagged("h3", say("Begin with an example"))
            await _templates(visit, done)
        asking.open()

    return ask


class _FromNode:
    """A node, and which of the scripts that it runs."""

    def __init__(self, visit: Visit, done: Open) -> None:
        self._visit, self._done, say = visit, done, visit.say
        with ui.element("form").classes("g-ed-pick").on("submit.prevent", self._open):
            nodes = lambda node: not node.sw.startswith(BOARD)  # noqa: E731 - boards have plans alone
            self._node = Choosing(visit, say("Node"), nodes, changed=self._list)
            self._script = ui.select([], label=say("Script")).classes("g-field")
            self._script.props(f'dense outlined aria-label="{attribute(say("Script"))}"')
            button(say("Open"), kind="submit", main=True)
        self._wrong = refusal()

    def choose(self, name: str) -> None:
        """Names the node."""
        self._node.choose(name.partition("/")[0])

    async def _list(self, name: str) -> None:
        """Offers what the node runs, where it is named whole."""
        self._wrong.set_visibility(False)
        if all(name not in (each.name, each.id) for each in self._visit.services.fleet.nodes.values()):
            self._script.set_options([], value=None)
            return
        call = fleet.get_nodes_node_calls_method(name, "scripts.list", timeout=_PATIENCE)
        answer = await self._visit.attempt(call, trouble=self._wrong)
        if name == self._node.value:
            names = [] if answer is None else [str(each["name"]) for each in answer["result"]["scripts"]]
            self._script.set_options(names, value=next(iter(names), None))
            if answer is not None and not names:
                self._tell(self._visit.say("It runs no script."))

    async def _open(self) -> None:
        if not self._script.value:
            self._tell(self._visit.say("Name a node that runs a script."))
            return
        node = self._node.value
        if (found := await self._visit.attempt(_of_node(node, self._script.value), trouble=self._wrong)) is not None:
            self._done(Script(found["text"], found["file"], node=node))

    def _tell(self, why: str) -> None:
        self._wrong.set_text(why)
        self._wrong.set_visibility(True)


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
            one.on("click", lambda each=each: done(Script(each["text"], "my_script.yaml")))


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
        done(_file(data, release, path))


async def of_address(visit: Visit) -> Script | None:
    """What the address names, by `release` and `file` or `node` and `script`; where it is not there, that is told."""
    named = visit.query.get
    if (release := named("release", "")) and (path := named("file", "")):
        data = await visit.attempt(releases.get_releases_release_files_path(release, path))
        return None if data is None else _file(data, release, path)
    if (node := named("node", "")) and (script := named("script", "")):
        found = await visit.attempt(_of_node(node, script))
        return None if found is None else Script(found["text"], found["file"], node=node)
    return None


def _of_node(node: str, script: str) -> Call[documents.NodeScript]:
    """Asks a node for the text of a script that it runs, which comes in pieces."""
    return scripts.get_nodes_node_scripts_name(node, script).within(60.0)


def _file(data: bytes, release: str, path: str) -> Script:
    return Script(data.decode("utf-8-sig", "replace"), path.rpartition("/")[2], release, path)


def scripts_of(release: documents.Release) -> list[str]:
    """The paths of a release's scripts."""
    return [each["path"] for each in release["files"] if each["path"].endswith(SCRIPTS)]
