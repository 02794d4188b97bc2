# SPDX-License-Identifier: GPL-3.0-or-later
"""What `boot` starts in a slot: the agent, with the methods of an update, and kept once the mesh knows it."""

from ganglion_agent import agent, files
from ganglion_agent.manifest import MANIFEST, entries
from ganglion_agent.slots import Slots

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ganglion_agent.config import Config
    from ganglion_agent.update import Update

#: Methods of `update.Update`, by their last level.
METHODS = ("begin", "chunk", "commit", "status")


def has(board: "Any", folder: str, names: "Any") -> "list[str]":
    """Which of these modules of the agent, and drivers, are in a slot: who sends another version builds them in, too.

    Args:
        board: Its files.
        folder: Of the slot.
        names: Their last levels, as in `seal` and `bme280`.

    Raises:
        ValueError: these are no names, or the slot's manifest is damaged.
    """
    if type(names) is not list:
        raise ValueError("names is a list of modules")
    there = []
    for _digest, _size, path in entries(board, folder + "/" + MANIFEST):
        name = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        if name in names:
            there.append(name)
    return there


def main(root: str, slot: str) -> None:
    """Runs the agent; it returns where the board is to be reset. See `agent.main`."""
    slots = Slots(files, root, slot)
    updates: "list[Update]" = []

    def methods(found: "Config") -> "dict[str, Any]":
        check = None
        if found.updates == "signed":
            from ganglion_agent import seal

            check = seal.of(found, root)

        def method(name: str) -> "Callable[[dict[str, Any]], Any]":
            def called(params: "dict[str, Any]") -> "Any":
                if not updates:
                    from ganglion_agent.update import Update  # 5 KiB of heap, for those who are updated

                    updates.append(Update(files, slots, check))
                return getattr(updates[0], name)(params)

            return called

        table = {"update." + name: method(name) for name in METHODS}  # type: dict[str, Any]
        table["update.has"] = lambda params: {"has": has(files, slots.path(slots.slot), params.get("names"))}
        return table

    agent.main(root, slot, slots.confirm, methods)
