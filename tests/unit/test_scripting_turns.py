# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns of those who have scripts checked: who asks much shuts nobody else out."""

import asyncio

import pytest

from ganglion.errors import UnreachableError
from ganglion_gateway.scripting.turns import WAITING, BusyError, Turns


async def test_who_asks_much_waits_for_their_own_turns_alone() -> None:
    turns = Turns(2, 30.0)
    await turns.take("viewer")
    waiting = [asyncio.create_task(turns.take("viewer")) for _ in range(WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(BusyError, match="wait until one of them is done"):
        await turns.take("viewer")
    async with asyncio.timeout(30):
        await turns.take("author")
        turns.give("author")
        for each in waiting:
            turns.give("viewer")
            await each
    turns.give("viewer")
    assert not turns._asked
    assert not turns._own


async def test_who_hangs_up_while_they_wait_or_waits_too_long_leaves_the_line() -> None:
    turns = Turns(1, 0.01)
    await turns.take("a")
    for who in "ab":
        with pytest.raises(UnreachableError, match="too many documents"):
            await turns.take(who)
    task = asyncio.create_task(turns.take("b"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    turns.give("a")
    await turns.take("b")
    turns.give("b")
    assert not turns._asked
