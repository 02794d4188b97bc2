# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts of a node, and which of a node and a leaf a name means."""

import base64
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ganglion.cli.gateway_client import GatewayClient
    from ganglion.mova.plan import Plan


class Scripts(Protocol):
    """The scripts of something that runs; all of these raise GanglionError with what it says, or that it is away."""

    def listing(self) -> dict[str, Any]:
        """`{"scripts": [{"name", "hash"}]}`."""

    def put(self, plan: "Plan", seconds: int | None = None) -> dict[str, Any]:
        """Has a plan run: `{"name", "hash", "replaced"}`.

        Args:
            seconds: After so long without `live`, what was there before is back; None to have it stay.
        """

    def live(self, name: str, seconds: int) -> bool:
        """Has what was put for seconds run so long from now, 0 for no more; whether it runs."""

    def remove(self, name: str) -> dict[str, Any]:
        """`{"name"}`."""

    def log(self, after: int) -> tuple[list[str], int]:
        """Lines of the log after those of before, and what to give next time."""


class NodeScripts:
    """Those of a node."""

    def __init__(self, gateway: "GatewayClient", node: str) -> None:
        self._gateway = gateway
        self._node = node

    def listing(self) -> dict[str, Any]:
        return self._call("scripts.list", {})

    def put(self, plan: "Plan", seconds: int | None = None) -> dict[str, Any]:
        params: dict[str, Any] = {"plan": base64.urlsafe_b64encode(plan.encode()).decode()}
        return self._call("scripts.put", params if seconds is None else {**params, "seconds": seconds})

    def live(self, name: str, seconds: int) -> bool:
        return bool(self._call("scripts.live", {"name": name, "seconds": seconds})["hash"])

    def remove(self, name: str) -> dict[str, Any]:
        return self._call("scripts.remove", {"name": name})

    def log(self, after: int) -> tuple[list[str], int]:
        said = self._call("log", {"after": after})
        return said["lines"], said["next"]

    def _call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._gateway.command(self._node, method, params)["result"]
        return answer


def scripts_of(gateway: "GatewayClient", name: str) -> Scripts:
    """Those of `NODE`, of a board that is one, or of the leaf `PARENT/LEAF`. Raises: GanglionError, there is none."""
    from ganglion.cli.board_call import board_call
    from ganglion.cli.scripts_board import BoardScripts

    call = board_call(gateway, name)
    return NodeScripts(gateway, name) if call is None else BoardScripts(name, call)
