# SPDX-License-Identifier: GPL-3.0-or-later
"""The one table of channels, and the filters by which they are followed. Pure."""

import re
from functools import lru_cache
from typing import NamedTuple

from ganglion.errors import InvalidError

#: Letters of a filter, and filters of one connection.
MAX_FILTER, MAX_FILTERS = 256, 64


class Kind(NamedTuple):
    """What the channels of one name are.

    Attributes:
        scope: That one must have to follow them.
        shape: What follows the name.
        about: What is said on them.
    """

    scope: str
    shape: str
    about: str


CHANNELS = {
    "events": Kind("read", "node/class", "events of nodes, when they are stored"),
    "readings": Kind("read", "node/sensor", "readings of sensors"),
    "presence": Kind("read", "node", "nodes that come and go"),
    "rollouts": Kind("read", "rollout", "steps of rollouts"),
    "releases": Kind(
        "read",
        "release/node",
        "`node`, when one is to run it and what it says of it; and on `releases/<release>` alone `release`, when it is "
        "made",
    ),
    "jobs": Kind("read", "job", "`job`, when it begins and ends, and `node`, what becomes of it at each"),
    "consents": Kind("read", "node", "commands that wait for a person, and what was decided"),
    "webhooks": Kind("webhooks", "webhook", "attempts to deliver, and what came of them"),
    "logs": Kind("read", "node", "warnings and errors of nodes, when they are stored"),
}


def channel(kind: str, *levels: str) -> str:
    """The channel of these names, as in `events/fridge/alert`. A name is one level, and has no wildcard."""
    return "/".join([kind, *(level.translate(_PLAIN) or "_" for level in levels)])


_PLAIN = str.maketrans("/+#\x00", "____")


def check(filter: str) -> None:
    """Looks at a filter: levels between slashes, `+` for any one, `#` at the end for all that follow.

    Raises:
        InvalidError: it is none, or of no kind that there is.
    """
    levels = filter.split("/")
    if not 0 < len(filter) <= MAX_FILTER or "#" in levels[:-1] or any(not _LEVEL.fullmatch(each) for each in levels):
        raise InvalidError(f"{filter[:64]!r} is no filter: as in events/fridge/#, readings/+/temperature or presence/+")
    if levels[0] not in CHANNELS and levels[0] not in ("+", "#"):
        raise InvalidError(f"there are no channels {levels[0][:64]!r}: there are {', '.join(CHANNELS)}")


_LEVEL = re.compile(r"\+|#|[^+#\x00-\x1f\x7f]+")


@lru_cache(1024)
def _pattern(filter: str) -> re.Pattern[str]:
    made = ["[^/]+" if level == "+" else re.escape(level) for level in filter.split("/")]
    if made[-1] != re.escape("#"):
        return re.compile("/".join(made))
    # As in MQTT, `a/#` is a itself, too
    return re.compile("/".join(made[:-1]) + "(?:/.*)?" if made[:-1] else ".*", re.DOTALL)


def follows(filters: frozenset[str], channel: str) -> bool:
    """Whether one of these filters is of a channel."""
    return any(_covers(each, channel) for each in filters)


@lru_cache(16384)  # of single filters: sets of them would be kept by the memory that one client can fill
def _covers(filter: str, channel: str) -> bool:
    return _pattern(filter).fullmatch(channel) is not None
