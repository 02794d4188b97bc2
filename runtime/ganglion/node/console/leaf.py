# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows the log of a leaf while somebody is at its console: the leaf is asked for what is new, again and again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from ganglion.errors import GanglionError, NotFoundError
from ganglion.node.console.tail import LEVELS, Lines
from ganglion.redacted import redacted

#: Seconds between two questions: where nothing was new, and where there is more.
_EVERY = 1.0
_MORE = 0.1

#: A boot of a leaf numbers its lines from its own number on, so many bits higher.
_BOOT = 20


async def follow(name: str, lines: Lines, ask: Callable[[str, dict[str, Any]], Awaitable[Any]]) -> None:
    """Until cancelled, or it turns out that there is nothing to follow.

    Args:
        name: The leaf's.
        lines: What it logs goes there, and what is to be said of it.
        ask: Has it do something: a method, and its parameters.
    """
    after, is_first, is_silent = 0, True, False
    while True:
        try:
            answer = await ask("log", {"after": after})
            found, following = answer["lines"], answer["next"]
            if not isinstance(found, list) or type(following) is not int:
                raise TypeError
        except NotFoundError as error:
            lines.add(f"{name} shows no log: {error}")
            return
        except GanglionError as error:  # it is away, or has just restarted; or who is there now may not ask it
            if not is_silent:
                lines.add(str(error))
            is_silent = True
            await asyncio.sleep(_EVERY)
            continue
        except (KeyError, TypeError):
            lines.add(f"the software of {name} shows no log: update it")
            return
        if is_silent:
            lines.add(f"{name} answers again")
        if following < after or (not is_first and following >> _BOOT != after >> _BOOT):
            lines.add(f"{name} has restarted")
        elif (lost := following - len(found) - after) > 0 and not is_first:
            lines.add(f"{lost} lines of {name} are lost")
        for text in found:
            lines.add(*_line(redacted(str(text))))
        after, is_first, is_silent = following, False, False
        await asyncio.sleep(_MORE if found else _EVERY)


def _line(text: str) -> tuple[str, int]:
    """A line such as `12 info the parent knows this boot`, without its level where it is one, and that."""
    at, _, rest = text.partition(" ")
    word, _, said = rest.partition(" ")
    return (f"{at} {said}", LEVELS[word]) if word in LEVELS else (text, logging.INFO)
