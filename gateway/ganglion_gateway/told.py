# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes tell of themselves, as rows: warnings and errors, crashes, vitals. Pure.

As in `rows`, a node is believed about itself, not about the shape of what it sends, and nothing here raises.
"""

import json
import logging
from typing import Any

from ganglion.mesh.member import Received
from ganglion.mesh.told import CRASH, LOG, VITALS
from ganglion_gateway.jsonable import jsonable
from ganglion_gateway.leaves import source_of

__all__ = ["CRASH", "LOG", "crash_row", "is_vitals", "log_rows", "vitals_of"]

#: Records of one event, and letters of each: a traceback is one.
MAX_RECORDS = 512
MAX_LINE = 4000
#: Letters of what a record of a crash, or vitals, have as JSON.
MAX_RECORD = 32_768
MAX_VITALS = 4096
#: Letters of one line that says what happened.
_LINE = 500

Row = dict[str, Any]


def log_rows(one: Received, identity: str, now: int) -> list[Row] | None:
    """Rows of an event of class `log`; None where it is another's of that class."""
    records = one.body.get("records")
    if type(records) is not list:
        return None
    lost = one.body.get("lost")
    leaf = _text(one.body.get("leaf"), 64) if one.body.get("vouched") is True else ""
    rows = []
    for part, record in enumerate(records[:MAX_RECORDS]):
        if type(record) is not list or len(record) != 4 or type(record[1]) is not int:
            continue
        at, level, logger, said = record
        rows.append(
            {
                "event": identity,
                "part": part,
                "node": one.node_id,
                "at": at if type(at) is int and 0 < at <= now else now,
                "received": now,
                "level": min(max(level, logging.DEBUG), logging.CRITICAL),
                "logger": source_of(leaf) if leaf else _text(logger, 128),
                "text": _text(said, MAX_LINE),
                "lost": min(lost, 2**31 - 1) if part == 0 and type(lost) is int and lost > 0 else 0,
            }
        )
    return rows


def crash_row(one: Received, identity: str, now: int) -> Row:
    """The row of an event of class `crash`, of a node or of a leaf that it vouches for."""
    body: dict[str, Any] = one.body
    said = body.get("value") if type(body.get("value")) is dict else {}
    assert isinstance(said, dict)
    leaf = _text(body.get("leaf"), 64) if body.get("vouched") is True else ""
    error = _text(said.get("error"), MAX_LINE)
    text = _text(said.get("text"), _LINE) or (error.splitlines() or ["it does not say why"])[-1][:_LINE]
    record = jsonable(said)
    at = body.get("timestamp") if leaf else said.get("at")
    return {
        "event": identity,
        "id": _text(said.get("id"), 32) or f"{one.epoch}-{one.seq}",
        "node": one.node_id,
        "leaf": leaf,
        "kind": _text(said.get("kind"), 16) or "error",
        "at": at if type(at) is int and 0 < at <= now else now,
        "received": now,
        "text": text,
        "record": record if _size(record) <= MAX_RECORD else {"text": text},
    }


def is_vitals(reading: Any) -> bool:
    """Whether a reading is the vitals of a node or a leaf, which are no sensor's."""
    stream = reading[0] if type(reading) is list and reading else None
    return type(stream) is str and (stream == VITALS or stream.startswith(f"{VITALS}/"))


def vitals_of(one: Received) -> list[tuple[str, dict[str, Any]]]:
    """The vitals in a BATCH, each with the name of its leaf, or "" for the node's own."""
    found = []
    for reading in one.body if type(one.body) is list else ():
        if is_vitals(reading) and len(reading) == 3:
            said = jsonable(reading[2])
            if isinstance(said, dict) and _size(said) <= MAX_VITALS:
                found.append((reading[0].removeprefix(VITALS).removeprefix("/")[:64], said))
    return found


def _text(value: Any, most: int) -> str:
    """A text without what PostgreSQL does not take; of one too long its end is left out."""
    return value[:most].replace("\x00", "") if isinstance(value, str) else ""


def _size(value: Any) -> int:
    return len(json.dumps(value))
