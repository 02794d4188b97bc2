# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts of a leaf, by way of its parent: the plan goes there in pieces that fit a leaf's messages."""

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.cli.mova_watch import compiled
from ganglion.errors import GanglionError

if TYPE_CHECKING:
    from ganglion.cli.gateway_client import GatewayClient

#: Bytes of a piece: as base64, with all that is around it, it fits a message of 1024 bytes.
_PIECE = 480


class LeafScripts:
    """Those of the leaf `PARENT/LEAF`."""

    def __init__(self, gateway: "GatewayClient", parent: str, leaf: str) -> None:
        self._gateway = gateway
        self._parent = parent
        self._leaf = leaf

    def list(self) -> dict[str, Any]:
        """`{"scripts": [{"name", "hash"}]}`."""
        return self._call("scripts.list", {})

    def remove(self, name: str) -> dict[str, Any]:
        """`{"name"}`."""
        return self._call("scripts.remove", {"name": name})

    def put(self, file: Path) -> dict[str, Any]:
        """Has a script run on the leaf and kept on its flash: `{"name", "hash", "replaced"}`.

        Raises:
            GanglionError: it is not valid, fails one of its tests, or the leaf does not take it.
        """
        plan = compiled(file)
        data = plan.encode()
        before = {each["name"] for each in self.list()["scripts"]}
        at = stuck = 0
        while True:
            piece = base64.b64encode(data[at : at + _PIECE]).decode()
            answer = self._call("scripts.put", {"name": plan.name, "at": at, "size": len(data), "data": piece})
            if answer.get("done"):
                return {"name": plan.name, "hash": plan.hash, "replaced": plan.name in before}
            stuck = stuck + 1 if answer["at"] <= at else 0
            if stuck > 2:
                raise GanglionError(f"{self._leaf} takes no more than {at} bytes of {len(data)}: look at its log")
            at = answer["at"]

    def _call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        asked = {"leaf": self._leaf, "method": method, "params": params}
        answer: dict[str, Any] = self._gateway.command(self._parent, "leaf.call", asked)["result"]
        return answer
