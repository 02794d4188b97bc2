# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ganglion sensors read` says, here or of a node: each reading, and of each that there is none of, why."""

from collections.abc import Callable, Sequence
from typing import Any

from ganglion.cli import sensors_text
from ganglion.cli.result import Result
from ganglion.errors import UnreachableError


def outcome(words: Sequence[str], read: Callable[[str], dict[str, Any]]) -> Result:
    """The sensors and channels that are named. Exit code 1 where one of them has no value that is believed.

    Args:
        read: Reads one: `{"sensor", "values": {channel: {"value", "unit"}}}`, with `error` for a value that was
            refused; raises UnreachableError where it fails.

    Raises:
        UnreachableError: nothing could be read, and why.
    """
    found: list[dict[str, Any]] = []
    for word in words:
        try:
            found.append(read(word))
        except UnreachableError as error:
            if len(words) == 1:
                raise
            found.append({"sensor": word, "values": {}, "error": str(error)})
    if not any(told["value"] is not None for each in found for told in each["values"].values()):
        raise UnreachableError("; ".join(_errors(found)) or "nothing could be read")
    return Result(
        data={"readings": found},
        text=lambda: sensors_text.readings(found),
        exit_code=1 if any(_errors(found)) else 0,
    )


def _errors(found: Sequence[dict[str, Any]]) -> list[str]:
    said = []
    for each in found:
        if each.get("error"):
            said.append(each["error"])
        said += [
            f"{each['sensor']}.{name}: {told['error']}" for name, told in each["values"].items() if told.get("error")
        ]
    return said
