# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose question is worked on: each asker has one turn, so that who asks much waits behind nobody but themselves."""

import asyncio
from collections import Counter

from ganglion.errors import GanglionError, UnreachableError
from ganglion.sentences import say

#: Questions of one asker that wait while another of theirs is worked on: those of some pages of an editor.
WAITING = 3


class BusyError(GanglionError):
    """Somebody asks more than is worked on for one."""

    retry = True


class Turns:
    """Turns of several askers.

    Args:
        at_once: Turns at the same time, of all of them.
        patience: Seconds that one waits for a turn.
    """

    def __init__(self, at_once: int, patience: float) -> None:
        self._patience = patience
        self._all = asyncio.Semaphore(at_once)
        self._own: dict[str, asyncio.Lock] = {}
        self._asked: Counter[str] = Counter()

    async def take(self, who: str) -> None:
        """Waits for a turn, which `give` is to end.

        Raises:
            BusyError: they have a turn, and enough that wait.
            UnreachableError: too many ask.
        """
        if self._asked[who] > WAITING:
            raise BusyError(
                say("you have {most} scripts being worked on: wait until one of them is done", most=WAITING + 1)
            )
        self._asked[who] += 1
        own = self._own.setdefault(who, asyncio.Lock())
        try:
            async with asyncio.timeout(self._patience):
                await own.acquire()
                try:
                    await self._all.acquire()
                except BaseException:
                    own.release()
                    raise
        except BaseException as error:
            self._forget(who)
            if isinstance(error, TimeoutError):
                raise UnreachableError(say("too many documents are being checked and run: try again")) from None
            raise

    def give(self, who: str) -> None:
        """The turn is over."""
        self._all.release()
        self._own[who].release()
        self._forget(who)

    def _forget(self, who: str) -> None:
        self._asked[who] -= 1
        if not self._asked[who]:
            del self._asked[who], self._own[who]
