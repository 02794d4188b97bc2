# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that a query selects: `where=tag=fridge and board=esp32`."""

from typing import Annotated

from fastapi import Query

from ganglion_gateway.fleet import Fleet, Node
from ganglion_gateway.selecting import chosen, parse

Selection = Annotated[
    str | None, Query(max_length=2000, description="a selector, as in `tag=fridge and board=esp32`; none is every node")
]


def selected(fleet: Fleet, where: str | None) -> list[Node]:
    """Those that are meant: of all nodes where nothing is said, and then those that were revoked, too.

    Raises:
        InvalidError: it is no selector.
    """
    return list(fleet.nodes.values()) if where is None else chosen(parse(where), fleet.nodes.values())
