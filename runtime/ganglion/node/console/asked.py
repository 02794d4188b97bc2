# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request to a console says, read with care. Pure."""

from collections.abc import Mapping
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mesh.credential import GATEWAY
from ganglion.mesh.peer import Peer

#: Columns and rows of a window.
MOST_CELLS = 1000


def who_asks(params: Mapping[str, Any], peer: Peer) -> str:
    """The person, whom a gateway knows; of others, they themselves."""
    by = params.get("by")
    if isinstance(by, str) and by.isprintable() and GATEWAY in peer.credential.roles:
        return f"{by[:64]}@{peer.name}"
    return str(peer.name)


def cells(params: Mapping[str, Any], columns: int = 80, rows: int = 24) -> tuple[int, int]:
    """The columns and rows of a window, which are as they were where nothing is said.

    Raises:
        InvalidError: they are no such numbers.
    """
    found = params.get("columns", columns), params.get("rows", rows)
    if any(type(each) is not int or not 0 < each <= MOST_CELLS for each in found):
        raise InvalidError(f"columns and rows are whole numbers from 1 to {MOST_CELLS}", where="params")
    return found


def number(params: Mapping[str, Any], name: str) -> float:
    """A number from 0 on, which is 0 where nothing is said; whole, but for seconds.

    Raises:
        InvalidError: it is none.
    """
    value = params.get(name, 0)
    if type(value) not in (int, float) or not 0 <= value < 1 << 53:
        raise InvalidError("must be a number from 0 on", where=name)
    return float(value) if name == "wait" else int(value)
