# SPDX-License-Identifier: GPL-3.0-or-later
"""The field in which a node or a leaf is named: a few that are called so are offered as one types, of however many."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import islice

from nicegui import ui

from ganglion_gateway.dashboard.parts import attribute
from ganglion_gateway.dashboard.visit import Visit
from ganglion_gateway.fleet import Node

#: Names that are offered at a time; who types on sees others.
MOST = 20


class Choosing:
    """The field.

    Args:
        wanted: Whether a node may be named.
        leaves: Leaves may be, too, as `PARENT/LEAF`.
        changed: Is called with another name.
    """

    def __init__(
        self,
        visit: Visit,
        label: str,
        wanted: Callable[[Node], bool],
        *,
        leaves: bool = False,
        changed: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._visit, self._wanted, self._leaves = visit, wanted, leaves
        self._changed = changed
        self._shown: list[str] = []
        self._field = ui.input(label, on_change=self._typed).classes("g-field").on("focus", self._offer)
        self._field.props(
            f'dense outlined debounce="200" autocomplete="off" autocapitalize="off" spellcheck="false" '
            f'aria-label="{attribute(label)}"'
        )
        # NiceGUI's field looks for a list of this name
        self._list = ui.element("datalist").props(f'id="{self._field.html_id}-datalist"')
        self._offer()

    @property
    def value(self) -> str:
        """What is named."""
        return (self._field.value or "").strip()

    def choose(self, name: str) -> None:
        """Names a node by its name or id, as an address does."""
        known = self._visit.services.fleet.nodes.get(name)
        self._field.set_value(name if known is None else known.name)

    async def _typed(self) -> None:
        self._offer()
        if self._changed is not None:
            await self._changed(self.value)

    def _offer(self) -> None:
        nodes = self._visit.services.fleet.nodes.ordered
        found = offered(nodes, self.value, self._wanted, leaves=self._leaves)
        if found == self._shown:
            return
        self._shown = found
        self._list.clear()
        with self._list:
            for name in found:
                ui.element("option").props(f'value="{attribute(name)}"')


def offered(nodes: Iterable[Node], part: str, wanted: Callable[[Node], bool], *, leaves: bool) -> list[str]:
    """The first names of nodes, and of their leaves, that have a part in them."""
    return list(islice(_names(nodes, part.lower(), wanted, leaves), MOST))


def _names(nodes: Iterable[Node], part: str, wanted: Callable[[Node], bool], leaves: bool) -> Iterator[str]:
    for node in nodes:
        if node.revoked is not None or not wanted(node):
            continue
        if part in node.name.lower():
            yield node.name
        known = node.caps.get("leaves") if leaves else None
        for leaf in sorted(known) if isinstance(known, dict) else ():
            if part in (name := f"{node.name}/{leaf}").lower():
                yield name
