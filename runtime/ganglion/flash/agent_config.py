# SPDX-License-Identifier: GPL-3.0-or-later
"""`agent.json` of a board: the owner's file or that of the board, with what the command says, checked as it will be."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganglion.board import Board
from ganglion.errors import InvalidError, UsageError, no_json, unreadable
from ganglion.firmware.asked import is_full
from ganglion.firmware.checked import check
from ganglion.flash.agent_plan import CONFIG

#: Where a parent listens for leaves, unless it is told otherwise.
PORT = 8475


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be otherwise than a file says; what is empty stays.

    Attributes:
        name: What the board is called.
        ssid, password: Of its Wi-Fi.
        host, port: Of its parent.
        broker: The URL of the broker by which it is a full member, in place of a parent.
    """

    name: str = ""
    ssid: str = ""
    password: str = ""
    host: str = ""
    port: int = PORT
    broker: str = ""


def from_file(path: Path) -> dict[str, Any]:
    """The table in a file.

    Raises:
        NotFoundError: there is none.
        InvalidError: it cannot be read, or is no JSON.
    """
    try:
        return parsed(path.read_bytes(), str(path))
    except OSError as error:
        raise unreadable(error, str(path)) from None


def parsed(data: bytes, where: str) -> dict[str, Any]:
    """The table in a text. Raises: InvalidError, there is none."""
    try:
        table = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidError(no_json(error), where=where) from None
    if not isinstance(table, dict):
        raise InvalidError("must be a table, in braces", where=where)
    return table


def merged(table: Mapping[str, Any] | None, changes: Changes, board: Board, where: str = CONFIG) -> bytes:
    """The content of `agent.json`. Raises: as `check`; UsageError, nobody has said what the board is to be."""
    if table is None and not (changes.name and (changes.host or changes.broker)):
        raise UsageError(
            "nobody has said what the board is to be: --config agent.json, or --name and --parent or --broker (and "
            "--wifi)"
        )
    said: dict[str, Any] = {**(table or {})}
    if changes.name:
        said["name"] = changes.name
    said["board"] = board.name
    if changes.ssid:
        said["uplink"] = {"kind": "wifi", "ssid": changes.ssid, "password": changes.password}
    elif table is None:
        said["uplink"] = {"kind": "none"}
    if changes.broker:
        said.pop("parent", None)
        said["broker"] = changes.broker
    if changes.host:
        said.pop("broker", None)
        said["parent"] = {"host": changes.host, "port": changes.port}
    check(said, where, board)
    return json.dumps(said, indent=1, ensure_ascii=False).encode()


def key_file(table: Mapping[str, Any]) -> str:
    """Where the board looks for its key: the leaf's, or the enrol key of a full member."""
    return str(table.get("enrol_key", "enrol.key") if is_full(table) else table.get("key", "leaf.key"))
