# SPDX-License-Identifier: GPL-3.0-or-later
"""What people call a thing, where the gateway takes its id."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ganglion.errors import NotFoundError, UsageError
from ganglion.settings import instead

#: Ids that the gateway makes, and that of the webhook on its command line: these are not looked for.
_ID = re.compile(r"(wh|hk)_[A-Za-z0-9_-]+|command-line")


def identity(word: str, listed: Iterable[Mapping[str, Any]], *, what: str, listing: str) -> str:
    """The id of the one that is called so; a word that is an id already, as it is.

    Args:
        listed: All of them, asked for where that is needed: `id`, and `name`, which several may share.
        what: What they are, for who reads the error.
        listing: The command that lists them.

    Raises:
        NotFoundError: none is called so.
        UsageError: several are.
    """
    if _ID.fullmatch(word):
        return word
    names: dict[str, list[str]] = {}
    for each in listed:
        names.setdefault(str(each["name"]), []).append(str(each["id"]))
        if each["id"] == word:
            return word
    ids = names.get(word, [])
    if not ids:
        raise NotFoundError(f"there is no {what} {word!r}{instead(word, names, listing)}")
    if len(ids) > 1:
        raise UsageError(f"several {what}s are called {word!r}: say which by its id, {' or '.join(sorted(ids))}")
    return ids[0]
