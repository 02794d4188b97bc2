# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of a session as stores keep them: each value of the top level as JSON, within a bound.

A run writes only what it changed, so that two runs of one session at a time, in two processes, lose nothing of each
other's unless both change the same value: then the last one's stays.
"""

import json
from collections.abc import Mapping
from typing import Any

from ganglion.errors import InvalidError

#: Bytes of a session's keys and values.
MAX_BYTES = 64 * 1024
#: Characters of a session's id.
MAX_ID = 256
#: Seconds; a hundred years is for ever, and every store can count them.
MAX_TTL = 100 * 366 * 86_400
#: What the hash in Redis says of itself; no name of a value.
METADATA = "_metadata"

#: Name -> JSON.
Fields = dict[str, str]


def named(session_id: str) -> str:
    """The id itself.

    Raises:
        InvalidError: it is empty, or too long, or no text that can be written.
    """
    if not 0 < len(session_id) <= MAX_ID or not session_id.isprintable():
        raise InvalidError(
            f"{session_id[:64]!r} is no id of a session: write 1 to {MAX_ID} characters that can be printed"
        )
    return session_id


def merged(kept: Fields | None, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Fields:
    """What is to be kept after a run.

    Args:
        kept: What is kept now; None where there is nothing (any more): then all of `after` is.
        before: What was loaded when the run began; None where there was nothing.
        after: What the run left.

    Raises:
        InvalidError: it has more than `MAX_BYTES`, or something that JSON has no word for.
    """
    now = _fields(after)
    if kept is None:
        result = now
    else:
        was = _fields(before or {})
        changed = {name: text for name, text in now.items() if was.get(name) != text}
        result = {name: text for name, text in kept.items() if name in now or name not in was} | changed
    size = sum(len(name.encode()) + len(text.encode()) for name, text in result.items())
    if size > MAX_BYTES:
        raise InvalidError(f"a session has at most {MAX_BYTES // 1024} KiB, and this one would have {size} bytes")
    return result


def data(fields: Mapping[str, str]) -> dict[str, Any]:
    """The values."""
    return {name: value(text) for name, text in fields.items()}


def _fields(values: Mapping[str, Any]) -> Fields:
    if METADATA in values:
        raise InvalidError(f"{METADATA!r} cannot be the name of a value in a session that is kept")
    found = {}
    for name, each in values.items():
        try:
            name.encode()
            found[name] = json.dumps(each, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            found[name].encode()
        except (AttributeError, TypeError, ValueError, RecursionError) as error:
            raise InvalidError(f"the session's {name!r} cannot be kept as JSON: {error}") from None
    return found


def value(text: str) -> Any:
    """The value that a field holds. What is not JSON (somebody else wrote it) is text."""
    try:
        return json.loads(text, parse_constant=str)  # NaN, which is no JSON, stays the text that it is
    except (ValueError, RecursionError):
        return text
