# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts of a board: the plan goes there in pieces that fit its messages."""

import base64
from typing import TYPE_CHECKING, Any

from ganglion.errors import GanglionError

if TYPE_CHECKING:
    from ganglion.cli.board_call import BoardCall
    from ganglion.mova.plan import Plan

#: Bytes of a piece: as base64, with all that is around it, it fits a message of 1024 bytes.
_PIECE = 480


class BoardScripts:
    """Those of one board; see `Scripts`.

    Args:
        name: What it is called.
        call: The way to it.
    """

    def __init__(self, name: str, call: "BoardCall") -> None:
        self._name = name
        self._call = call

    def listing(self) -> dict[str, Any]:
        return self._call("scripts.list", {})

    def remove(self, name: str) -> dict[str, Any]:
        return self._call("scripts.remove", {"name": name})

    def live(self, name: str, seconds: int) -> bool:
        return bool(self._call("scripts.live", {"name": name, "seconds": seconds})["hash"])

    def log(self, after: int) -> tuple[list[str], int]:
        said = self._call("log", {"after": after})
        return said["lines"], said["next"]

    def put(self, plan: "Plan", seconds: int | None = None) -> dict[str, Any]:
        """See `Scripts.put`: it is kept on the flash, or with `seconds` in memory alone.

        Raises:
            GanglionError: the board does not take it.
        """
        data = plan.encode()
        before = {each["name"] for each in self.listing()["scripts"]}
        if seconds is not None:
            self.live(plan.name, seconds)  # an agent that does not know this would keep the plan on its flash
        more = {} if seconds is None else {"seconds": seconds}
        at = stuck = 0
        while True:
            piece = base64.b64encode(data[at : at + _PIECE]).decode()
            answer = self._call("scripts.put", {"name": plan.name, "at": at, "size": len(data), "data": piece, **more})
            if answer.get("done"):
                return {"name": plan.name, "hash": plan.hash, "replaced": plan.name in before}
            stuck = stuck + 1 if answer["at"] <= at else 0
            if stuck > 2:
                raise GanglionError(f"{self._name} takes no more than {at} bytes of {len(data)}: look at its log")
            at = answer["at"]
