# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a page: another choice while the one before is still asked for."""

import asyncio
from collections import deque
from types import SimpleNamespace
from typing import Any

from ganglion.client.call import Call
from ganglion_gateway.dashboard.logs.view import LogView
from support.waiting import until


class Page:
    """What stands for visit and elements: answers come in any order, and what is followed and shown is noted."""

    def __init__(self) -> None:
        self.asked: list[asyncio.Future[Any]] = []
        self.followed: list[str] = []
        self.shown: list[str] = []

    async def ask(self, call: Call[Any]) -> Any:
        self.asked.append(asyncio.get_running_loop().create_future())
        return await self.asked[-1]

    def follow(self, call: Call[Any], take: Any) -> Any:
        self.followed.append(call.query["level"])
        return SimpleNamespace(cancel=lambda: None, done=lambda: False)

    def add(self, records: list[str], *, keep: bool) -> None:
        self.shown += records

    def clear(self) -> None:
        self.shown.clear()

    def set_visibility(self, visible: bool) -> None:
        pass


def view(page: Page) -> LogView:
    made: Any = LogView.__new__(LogView)
    made._visit = made._lines = made._wrong = made._earlier = page
    made._node = made._where = made._text = ""
    made._task, made._waiting, made._begun, made._cursor = None, deque(), 0, None
    made._level = SimpleNamespace(value="info")
    return made


async def test_only_the_last_choice_is_followed_and_shown_though_the_one_before_is_answered_later() -> None:
    page = Page()
    log: Any = view(page)
    first = asyncio.create_task(log.begin())
    await until(lambda: len(page.asked) == 1)
    page.asked[0].set_result({"records": ["of before"], "next": None})
    await until(lambda: len(page.asked) == 2)  # how many nodes there are
    log._level.value = "error"
    second = asyncio.create_task(log.begin())
    await until(lambda: len(page.asked) == 3)
    third = asyncio.create_task(log.begin())
    await until(lambda: len(page.asked) == 4)
    page.asked[3].set_result({"records": ["now"], "next": None})
    await until(lambda: len(page.asked) == 5)
    page.asked[4].set_result({"nodes": 1})
    await third
    page.asked[1].set_result({"nodes": 1})
    page.asked[2].set_result({"records": ["late"], "next": "x"})
    await until(lambda: len(page.asked) == 6)
    page.asked[5].set_result({"nodes": 1})
    await asyncio.gather(first, second)
    assert (page.followed, page.shown, log._cursor) == (["error"], ["now"], None)
