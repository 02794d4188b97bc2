# SPDX-License-Identifier: GPL-3.0-or-later
"""What kinds of events there are: types, words joined by dots, below branches that everybody shares."""

import re
from difflib import get_close_matches

#: A type is one of these, or something below it.
BRANCHES = (
    "signal.input.external.environment",
    "signal.input.external.audio",
    "signal.input.external.vision",
    "signal.input.external.motion",
    "signal.input.external.chemical",
    "signal.input.external.position",
    "signal.input.internal",
    "signal.input.system.resource",
    "signal.input.system.lifecycle",
    "signal.input.system.timer",
    "signal.input.system.error",
    "signal.activation",
    "signal.anomaly",
    "signal.meta.subscription",
    "signal.meta.sensor",
)

_TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*", re.ASCII)


def levels(type: str) -> str:
    """A type as the core has it, with slashes.

    Raises:
        ValueError: it is none, or on no branch; the message names the nearest.
    """
    if not _TYPE.fullmatch(type):
        raise ValueError(f"{type!r} is not a type of events: use words of a-z, 0-9 and _, joined by dots")
    if not any(_is_below(type, branch) for branch in BRANCHES):
        raise ValueError(f"{type!r} is on no branch of the taxonomy{_nearest(type)}")
    return type.replace(".", "/")


def filter_levels(filter: str) -> str:
    """A filter of types as the core has it. `*` is one word, or at the end whatever is below.

    Raises:
        ValueError: it is none, or nothing can ever match it.
    """
    words = filter.split(".")
    if not _TYPE.fullmatch(".".join("x" if word == "*" else word for word in words)):
        raise ValueError(f"{filter!r} is not a filter of types: use words of a-z, 0-9 and _, or *, joined by dots")
    if not any(_may_meet(words, branch.split(".")) for branch in BRANCHES):
        raise ValueError(f"{filter!r} is on no branch of the taxonomy{_nearest(filter)}")
    if words[-1] == "*":
        words[-1:] = ["+", "#"]
    return "/".join("+" if word == "*" else word for word in words)


def _is_below(type: str, branch: str) -> bool:
    return type == branch or type.startswith(branch + ".")


def _may_meet(words: list[str], branch: list[str]) -> bool:
    """Whether something on the branch may match: up to where the shorter ends they agree."""
    ends = words[-1] == "*"
    if len(words) < len(branch) and not ends:
        return False
    return all(word in ("*", part) for word, part in zip(words, branch, strict=False))


def _nearest(type: str) -> str:
    found = get_close_matches(type, BRANCHES, n=1, cutoff=0.0)
    return f": did you mean {found[0]!r}?" if found else ""
