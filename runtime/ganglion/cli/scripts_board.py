# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts of a board: the plan goes there in pieces that fit its messages."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ganglion.mova.pieces import bringing

if TYPE_CHECKING:
    from ganglion.cli.board_call import BoardCall
    from ganglion.mova.plan import Plan


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
        before = {each["name"] for each in self.listing()["scripts"]}
        way = bringing(self._name, plan.name, plan.encode(), seconds=seconds)
        with suppress(StopIteration):
            asked = next(way)
            while True:
                asked = way.send(self._call(*asked))
        return {"name": plan.name, "hash": plan.hash, "replaced": plan.name in before}
