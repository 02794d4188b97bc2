# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan brought to a board in pieces that fit its messages. No I/O: who carries it calls the board."""

import base64
from collections.abc import Generator
from typing import Any

from ganglion.errors import GanglionError

#: Bytes of a piece: as base64, with all that is around it, it fits a message of 1024 bytes.
SIZE = 480


def bringing(
    to: str, name: str, data: bytes, *, seconds: int | None = None
) -> Generator[tuple[str, dict[str, Any]], dict[str, Any], None]:
    """Yields each method with its parameters, and is sent what the board answers, until it has the plan.

    Args:
        to: What the board is called.
        name: What the plan is called.
        data: The plan, as `Plan.encode` has it.
        seconds: It is kept in memory alone and for so long, or as `scripts.live` says; None to have it stay.

    Raises:
        GanglionError: the board does not take it.
    """
    more = {} if seconds is None else {"seconds": seconds}
    if seconds is not None:
        # An agent that does not know this would keep the plan on its flash
        yield "scripts.live", {"name": name, "seconds": seconds}
    at = stuck = 0
    while True:
        piece = base64.b64encode(data[at : at + SIZE]).decode()
        answer = yield "scripts.put", {"name": name, "at": at, "size": len(data), "data": piece, **more}
        if answer.get("done"):
            return
        stuck = stuck + 1 if answer["at"] <= at else 0
        if stuck > 2:
            raise GanglionError(f"{to} takes no more than {at} bytes of {len(data)}: look at its log")
        at = answer["at"]
