# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of software as nodes state them, in the order in which they came out."""

import re

_NUMBERS = re.compile(r"v?(\d{1,9}(?:\.\d{1,9}){0,7})(.*)", re.DOTALL)

#: Numbers without the zeros at their end, and whether it is the release itself: 1.4rc1 and 1.4-dev come before 1.4,
#: and which of them first is not said.
Version = tuple[tuple[int, ...], bool]


def bare(text: str) -> str:
    """A version without the name of what it is of: `1.4.0` for `ganglion/1.4.0`."""
    return text.rpartition("/")[2].strip()


def version(text: str) -> Version | None:
    """What `<` and `>` are of: of `ganglion/1.4.0` and `v1.4` the same. None where the text does not begin with one."""
    found = _NUMBERS.fullmatch(bare(text))
    if found is None:
        return None
    numbers = [int(part) for part in found[1].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    early = re.match(r"[-._]?(?:a|b|c|rc|alpha|beta|pre|dev)", found[2], re.IGNORECASE)
    return tuple(numbers), early is None
