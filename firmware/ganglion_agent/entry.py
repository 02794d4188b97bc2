# SPDX-License-Identifier: GPL-3.0-or-later
"""What `boot` starts in a slot: the agent, with the methods of an update, and kept once its parent knows it."""

from ganglion_agent import agent, files
from ganglion_agent.slots import Slots

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ganglion_agent.update import Update

#: Methods of `update.Update`, by their last level.
METHODS = ("begin", "chunk", "commit", "status")


def main(root: str, slot: str) -> None:
    """Runs the agent; it returns where the board is to be reset. See `agent.main`."""
    slots = Slots(files, root, slot)
    updates: "list[Update]" = []

    def method(name: str) -> "Callable[[dict[str, Any]], Any]":
        def called(params: "dict[str, Any]") -> "Any":
            if not updates:
                from ganglion_agent.update import Update  # 5 KiB of heap, for those who are updated

                updates.append(Update(files, slots))
            return getattr(updates[0], name)(params)

        return called

    agent.main(root, slot, slots.confirm, {"update." + name: method(name) for name in METHODS})
