# SPDX-License-Identifier: GPL-3.0-or-later
"""How a board with the agent for microcontrollers is called: by way of its parent, or itself where it is a member."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ganglion.client.operations import fleet
from ganglion_agent.full import SOFTWARE

if TYPE_CHECKING:
    from ganglion.cli.gateway_client import GatewayClient

#: A method of the board, and its parameters, to what it answers.
BoardCall = Callable[[str, dict[str, Any]], dict[str, Any]]


def board_call(gateway: "GatewayClient", name: str) -> BoardCall | None:
    """The way to the leaf `PARENT/LEAF`, or to the board that is a full member; None where the name is of a node.

    Raises:
        GanglionError: there is no such node.
    """
    parent, _, leaf = name.partition("/")
    if leaf:

        def through(method: str, params: dict[str, Any]) -> dict[str, Any]:
            asked = {"leaf": leaf, "method": method, "params": params}
            answer: dict[str, Any] = gateway.command(parent, "leaf.call", asked)["result"]
            return answer

        return through
    if not gateway.ask(fleet.get_nodes_node(name))["sw"].startswith(SOFTWARE):
        return None

    def itself(method: str, params: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = gateway.command(name, method, params)["result"]
        return answer

    return itself
