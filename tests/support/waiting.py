# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what must become true, with a deadline instead of a guess."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], object], *, within: float = 60.0, what: str = "") -> None:
    """Returns when `condition` holds.

    Raises:
        AssertionError: it does not within so many seconds; `what` says what did not happen.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while not condition():
        if loop.time() > deadline:
            raise AssertionError(f"not within {within} s: {what or condition}")
        await asyncio.sleep(0.005)


async def until_answered(condition: Callable[[], Awaitable[object]], *, within: float = 60.0, what: str = "") -> None:
    """As `until`, for a condition that has to be asked for.

    Raises:
        AssertionError: it does not hold within so many seconds.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while not await condition():
        if loop.time() > deadline:
            raise AssertionError(f"not within {within} s: {what or condition}")
        await asyncio.sleep(0.1)
