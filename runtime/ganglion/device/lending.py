# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a node of this machine that has a port open lends it: a console across the mesh has it then, not the node."""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganglion.linux.holders import Holder
from ganglion.printable import printable


def lent_as(holder: Holder, port: str) -> str:
    """`NODE:NAME`, by which a console reaches the port; "" where the node has it for itself, or that is not to be seen.

    Args:
        holder: A process that is a node.
        port: The path of a port that it has open.
    """
    try:
        table = tomllib.loads(Path(holder.folder, holder.node).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    real = os.path.realpath(port)
    lent = table.pop("serial", None)
    if any(os.path.realpath(each) == real for each in _texts(table) if each.startswith("/")):
        return ""  # a sensor or a leaf of its own, and then it lends nobody that port
    for name, section in lent.items() if isinstance(lent, dict) else ():
        path = section.get("port") if isinstance(section, dict) else None
        if isinstance(path, str) and os.path.realpath(path) == real:
            return printable(f"{table.get('name', 'NODE')}:{name}")
    return ""


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
