# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/releases/{id}`: what is in a release, who signed it, who has it, and what is otherwise in another."""

from nicegui import ui

from ganglion.client.documents import Release, Signed
from ganglion.client.operations import releases
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.facts import pairs
from ganglion_gateway.dashboard.parts import button, card, choice, field, tagged
from ganglion_gateway.dashboard.releases import brought
from ganglion_gateway.dashboard.releases.files import changed, contents, needed
from ganglion_gateway.dashboard.releases.holders import Holders
from ganglion_gateway.dashboard.releases.listing import SHORT
from ganglion_gateway.dashboard.visit import Visit

#: Releases that one can be compared with, the newest first.
_OTHERS = 200


async def build(visit: Visit) -> None:
    """Fills the page."""
    say = visit.say
    release = await visit.ask(releases.get_releases_release(visit.path["release"]))
    visit.entitle(release["name"])
    with ui.element("div").classes("g-halves"):
        with card(say("What it is")):
            pairs(_about(release, visit), codes=(say("Id"),))
            with ui.element("div").classes("g-bar"):
                if visit.may("operate"):
                    with (
                        ui.element("a")
                        .classes("g-button g-main-button")
                        .props(f'href="/rollouts/new?release={release["id"]}"')
                    ):
                        ui.label(say("Roll it out"))
        with card(say("Signature")):
            _signature(release["signed"], visit)
    holders = Holders(visit, release)
    if visit.may("config"):
        _assignment(visit, release, holders)
    await holders.build()
    with card(say("Files")):
        if not release["files"]:
            ui.label(say("It has none of its own: it brings Ganglion alone.")).classes("g-faint")
        contents(visit, release)
        brought.listed(release, say)
    await _comparison(visit, release)


def _about(release: Release, visit: Visit) -> dict[str, str]:
    say = visit.say
    return {
        say("Id"): release["id"],
        say("Made"): f"{text.iso(release['created'])}, {text.whole(release['by'])}",
        say("Size"): brought.holds(release, say),
        say("Ganglion"): brought.kinds(release) or say("as it is installed on each node"),
        say("Needs"): needed(release["requires"], say),
        say("Trial"): say("{span} to prove itself on a node").format(span=text.span(release["window"], say)),
    }


def _signature(signed: Signed, visit: Visit) -> None:
    say = visit.say
    with ui.element("p").classes("g-state"):
        ui.element("span").classes(f"g-dot g-{'good' if signed['holds'] else 'bad'}").props('aria-hidden="true"')
        ui.label(say("This mesh's authority stands to it.") if signed["holds"] else text.whole(signed["why"]))
    pairs(
        {
            say("Algorithm"): signed["algorithm"],
            say("Key"): signed["key"],
            say("Signed"): text.iso(signed["at"]),
            say("Signature"): signed["signature"],
        },
        codes=(say("Key"), say("Signature")),
    )


def _assignment(visit: Visit, release: Release, holders: Holders) -> None:
    say = visit.say

    async def assign() -> None:
        node = (name.value or "").strip()
        if not node:
            visit.complain(say("Say which node."))
            return
        told = await visit.attempt(releases.put_nodes_node_release(node, release=release["id"]))
        if told is not None:
            name.value = ""
            visit.tell(say("{node} is to run it.").format(node=told["name"]))
            await holders.look()

    with card(say("Give it to one node")):
        hint = say("Given again, it is tried again. Many nodes are for a rollout, which looks at how it goes.")
        ui.label(hint).classes("g-faint")
        with ui.element("form").classes("g-bar").on("submit.prevent", assign):
            names = [node.name for node in visit.services.fleet.nodes.values() if node.revoked is None]
            name = field(say("Node, by name or id"))
            name.set_autocomplete(sorted(names)[:500])
            button(say("Have it run this"), kind="submit")


async def _comparison(visit: Visit, release: Release) -> None:
    say = visit.say
    known = (await visit.ask(releases.get_releases(limit=_OTHERS)))["releases"]
    others = {
        each["id"]: f"{text.whole(each['name'])} · {each['id'][:SHORT]}"
        for each in known
        if each["id"] != release["id"]
    }
    with card(say("Compare")):
        if not others:
            ui.label(say("There is no other release.")).classes("g-faint")
            return

        async def compare(other: str | None) -> None:
            if other is None:
                return
            found = await visit.attempt(releases.get_releases_release_diff_other(other, release["id"]))
            if found is not None:
                shown.clear()
                with shown:
                    changed(visit, found)

        with ui.element("div").classes("g-bar"):
            tagged("span", say("What this one has otherwise than")).classes("g-faint")
            before = visit.query.get("from")
            choice(say("Another release"), others, before if before in others else None, compare)
        shown = ui.element("div").classes("g-files").props('data-role="diff" aria-live="polite"')
        if before in others:
            await compare(before)
