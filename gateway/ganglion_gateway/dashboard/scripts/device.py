# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script is brought to while it is edited: a node, a board that is one, or the leaf `PARENT/LEAF`."""

import base64
from typing import Any

from ganglion.client.documents import ScriptPlan
from ganglion.client.operations import fleet
from ganglion.mova.pieces import bringing
from ganglion_gateway.dashboard.visit import Visit

#: How the software of boards begins, which take plans in pieces and have no text of them.
BOARD = "ganglion-agent/"
#: Seconds that it has for an answer, of which a leaf on a slow line needs most.
_PATIENCE = 20.0


class Device:
    """One of them; each method raises what `Visit.ask` does.

    Args:
        name: The name or id of a node, or `PARENT/LEAF`.

    Attributes:
        name: The same.
    """

    def __init__(self, visit: Visit, name: str) -> None:
        self._visit = visit
        self.name = name
        self._node, _, self._leaf = name.partition("/")
        self._is_board = bool(self._leaf)

    async def find(self) -> None:
        """Looks what it is: a board takes a plan in pieces. Raises: NotFoundError: there is no such node."""
        known = await self._visit.ask(fleet.get_nodes_node(self._node))
        self._is_board = bool(self._leaf) or known["sw"].startswith(BOARD)

    async def put(self, plan: ScriptPlan, seconds: int) -> None:
        """Has a plan run for so long, in place of the one of its name."""
        if not self._is_board:
            await self._call("scripts.put", {"plan": plan["plan"], "seconds": seconds})
            return
        way = bringing(self.name, plan["name"], base64.urlsafe_b64decode(plan["plan"]), seconds=seconds)
        try:
            asked = next(way)
            while True:
                asked = way.send(await self._call(*asked))
        except StopIteration:
            return

    async def live(self, name: str, seconds: int) -> bool:
        """Has it run so long from now, 0 for no more; whether it runs."""
        return bool((await self._call("scripts.live", {"name": name, "seconds": seconds}))["hash"])

    async def _call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if self._leaf:
            method, params = "leaf.call", {"leaf": self._leaf, "method": method, "params": params}
        command = fleet.post_nodes_node_commands(self._node, method=method, params=params, timeout=_PATIENCE)
        answer: dict[str, Any] = (await self._visit.ask(command.within(_PATIENCE + 5)))["result"]
        return answer
