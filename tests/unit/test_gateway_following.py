# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_gateway.following: the logs of nodes and leaves as they come, asked for once for all who follow the same."""

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Any

import pytest

from ganglion.errors import NotFoundError, RefusedError, UnreachableError
from ganglion.node.console.log import Log
from ganglion.node.console.tail import Tail
from ganglion_agent.log import Log as LeafLog
from ganglion_gateway.fleet import Fleet, Node
from ganglion_gateway.following import ALIKE, QUEUE, RECENT, Followings, Listener, Target, What


class House:
    """A fleet of which one node answers with its log and its leaf's, and another has none."""

    def __init__(self) -> None:
        self.fleet = Fleet()
        self.fleet.nodes = {name: Node(id=name, name=name, online=True) for name in ("fridge", "old")}
        self.leaf = LeafLog(echo=False)
        self.asked = self.serving = self.most = 0
        self.start()

    def start(self) -> None:
        """Another run of the node."""
        self.tail = Tail()
        self.tail.attach()
        logging.getLogger().removeHandler(self.tail)  # what the test itself logs is not the node's
        self.log = Log(self.tail.lines, self.tail.news, f"boot{self.asked}")

    async def request(self, method: str, params: dict[str, Any], *, to: str, called: str = "", timeout: float) -> Any:
        self.asked += 1
        if to != "fridge":
            raise NotFoundError(f"{to}: there is no method {method!r}")
        if not self.fleet.nodes[to].online:
            raise UnreachableError("no answer")
        if method == "leaf.call":
            lines, following = self.leaf.since(params["params"]["after"], 900)
            return {"lines": lines, "next": following}
        self.serving += 1
        self.most = max(self.most, self.serving)
        try:
            return await self.log.follow({**params, "wait": min(params["wait"], 0.1)}, None)
        finally:
            self.serving -= 1


async def texts(following: Listener, *wanted: str) -> list[dict[str, Any]]:
    """The records until all of these were told."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while not {*wanted} <= {record["text"] for record in found}:
            found += await following.next(within=10)
    return found


async def test_a_node_is_followed_over_its_restart_and_one_without_a_log_says_so_once() -> None:
    house = House()
    targets = [Target("fridge", ""), Target("old", "")]
    followings = Followings(house.fleet, house)
    async with followings.listen(What(None, "all", "info"), lambda: targets) as following:
        house.tail.lines.add("ganglion.x: not this", logging.DEBUG)
        house.tail.lines.add("ganglion.x: hot", logging.WARNING)
        found = await texts(following, "hot")
        assert [record["level"] for record in found if record["name"] == "fridge"] == ["warning"]
        house.fleet.nodes["fridge"].online = False
        await asyncio.sleep(0.2)
        house.start()
        house.tail.lines.add("ganglion.x: begins", logging.INFO)
        house.fleet.nodes["fridge"].online = True
        found += await texts(following, "begins")
        assert sum(record["name"] == "old" for record in found) == 1
    asked = house.asked
    await asyncio.sleep(0.3)
    assert house.asked == asked, "nobody is asked whose log nobody follows"


async def test_a_leaf_is_followed_by_its_parent_and_its_level_holds() -> None:
    house = House()
    garden = Target("fridge", "garden")
    followings = Followings(house.fleet, house)
    async with followings.listen(What(garden, "", "warning"), lambda: [garden]) as following:
        house.leaf.add(3, "info", "the parent knows this boot")
        house.leaf.add(4, "error", "the soil is dry")
        (record,) = await texts(following, "4 error the soil is dry")
        assert (record["name"], record["leaf"], record["level"]) == ("fridge", "garden", "error")


FRIDGE = Target("fridge", "")


async def test_those_who_follow_the_same_have_the_node_asked_once() -> None:
    house = House()
    followings, what = Followings(house.fleet, house), What(FRIDGE, "", "info")
    house.tail.lines.add("ganglion.x: before", logging.INFO)
    async with followings.listen(what, lambda: [FRIDGE]) as first:
        await texts(first, "before")
        async with followings.listen(what, lambda: [FRIDGE]) as second:
            assert [record["text"] for record in await texts(second, "before")] == ["before"]
            house.tail.lines.add("ganglion.x: hot", logging.WARNING)
            assert [record["text"] for record in await texts(first, "hot")] == ["hot"]
            assert [record["text"] for record in await texts(second, "hot")] == ["hot"]
            assert house.most == 1
        house.tail.lines.add("ganglion.x: goes on", logging.INFO)
        await texts(first, "goes on")
    asked = house.asked
    await asyncio.sleep(0.3)
    assert house.asked == asked, "nobody is left"


async def test_a_node_serves_so_many_followings_and_no_more() -> None:
    house = House()
    followings = Followings(house.fleet, house)
    async with AsyncExitStack() as stack:
        for i in range(ALIKE):
            await stack.enter_async_context(followings.listen(What(Target("fridge", f"l{i}"), "", "info"), list))
        followings.check(What(Target("fridge", "l1"), "", "info"))
        followings.check(What(Target("old", ""), "", "info"))
        followings.check(What(None, "all", "info"))
        with pytest.raises(RefusedError, match="24 logs of fridge and its leaves are followed"):
            followings.check(What(FRIDGE, "", "info"))
    followings.check(What(FRIDGE, "", "info"))


async def test_who_does_not_read_is_told_what_he_has_missed() -> None:
    listener = Listener([{"text": "before"}] * RECENT)
    for _ in range(QUEUE + 50 - RECENT):
        listener.take({"text": "y"})
    found = await listener.next(within=10)
    assert found[0] == {"dropped": 50}
    assert len(found) == QUEUE + 1
