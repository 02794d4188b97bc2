# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialog in which the tags of a node are changed."""

from nicegui import ui

from ganglion.client.operations import fleet
from ganglion_gateway.dashboard.dialogs import dialog, refusal
from ganglion_gateway.dashboard.fields import field, words
from ganglion_gateway.dashboard.parts import button
from ganglion_gateway.dashboard.visit import Visit


async def edit(visit: Visit, node: str) -> bool:
    """Asks for the tags of a node; whether they are others now.

    Args:
        node: Its id.
    """
    say = visit.say
    known = await visit.attempt(fleet.get_nodes_node(node))
    if known is None:
        return False

    async def save() -> None:
        wanted = words(written.value)
        add = [tag for tag in wanted if tag not in known["tags"]]
        remove = [tag for tag in known["tags"] if tag not in wanted]
        call = fleet.post_nodes_node_tags(node, add=add, remove=remove)
        if not (add or remove):
            asking.close()
        elif await visit.attempt(call, done=say("The tags are saved"), trouble=wrong) is not None:
            asking.submit(True)

    with dialog(say("Tags of {node}").format(node=known["name"])) as asking:
        hint = say("Selectors and groups go by these. A policy of the mesh goes by those of the credential.")
        with ui.element("form").classes("g-form").on("submit.prevent", save):
            written = field(say("Tags"), " ".join(known["tags"]), hint=hint).props("autofocus")
            wrong = refusal()
            with ui.element("div").classes("g-bar"):
                button(say("Save"), kind="submit", main=True)
                button(say("Cancel"), asking.close)
    return bool(await asking)
