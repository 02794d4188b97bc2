# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion.node.leaf_warnings: what leaves warn of is told once and bounded, over restarts of them and their node."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

from ganglion.errors import UnreachableError
from ganglion.mesh.member import Received
from ganglion.mova.virtual import VirtualLoop
from ganglion.node.leaf_warnings import BURST, EVERY, RATE, LeafWarnings
from ganglion_agent.log import LINES, Log
from ganglion_gateway import told
from ganglion_micro import gl1
from support.mesh import NOW


class Garden:
    """A node with one leaf, whose log is that of the agent.

    Attributes:
        told: Bodies of events.
        asked: How often the leaf was asked.
        there: Whether it is.
    """

    def __init__(self, folder: Path) -> None:
        self.loop = VirtualLoop()
        self.told: list[dict[str, Any]] = []
        self.asked = 0
        self.there = True
        self._kept = folder / "leaf-warnings.json"
        self.boot(1)

    def boot(self, number: int) -> None:
        """The leaf begins anew."""
        self.log = Log(echo=False)
        self.log.count = number << 20

    async def _ask(self, leaf: str, after: int) -> Any:
        self.asked += 1
        if self.asked == 3:
            raise UnreachableError("garden does not answer")
        lines, following = self.log.since(after, 900)
        return {"lines": lines, "next": following}

    async def _saved(self) -> None:
        return

    def run(self, seconds: float, *, meanwhile: Coroutine[Any, Any, None] | None = None) -> None:
        """A run of the node, for so long."""
        warnings = LeafWarnings(
            there=lambda: {"garden": self.log.count >> 20} if self.there else {},
            ask=self._ask,
            publish=lambda cls, body: self.told.append(dict(body)),
            saved=self._saved,
            clock=self.loop.now,
            kept=self._kept,
        )

        async def for_a_while() -> None:
            tasks = [asyncio.create_task(each) for each in (warnings.run(), meanwhile) if each is not None]
            await asyncio.sleep(seconds)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.loop.run_until_complete(for_a_while())

    @property
    def texts(self) -> list[str]:
        return [record[3] for body in self.told for record in body["records"]]


def test_warnings_and_errors_are_told_once_with_the_leaf_that_has_them(tmp_path: Path) -> None:
    garden = Garden(tmp_path)
    with closing(garden.loop):
        garden.log.add(1, "info", "garden begins its boot 1")
        garden.log.add(2, "warning", "the Wi-Fi home is lost, psk=12345678")
        garden.log.add(3, "error", "the script night does not run: no sensor door")
        garden.run(EVERY * 5)
        (body,) = garden.told
        assert garden.texts == [
            "2 warning the Wi-Fi home is lost, psk=(hidden)",
            "3 error the script night does not run: no sensor door",
        ]
        assert [record[1:3] for record in body["records"]] == [[logging.WARNING, "leaf"], [logging.ERROR, "leaf"]]
        assert garden.asked == 6, "once more where there was something, then each half a minute"
        garden.run(EVERY * 2)  # the node is started again
        assert len(garden.told) == 1
        garden.there = False
        garden.run(EVERY * 2)
        garden.there = True
        garden.boot(2)
        garden.log.add(1, "warning", "again")
        garden.run(EVERY)
        assert garden.texts[2:] == ["1 warning again"]
    received = Received(gl1.EVENT, "n" * 26, None, {"class": "log", **body}, 1, 7, NOW)
    rows = told.log_rows(received, "e", NOW)
    assert rows is not None
    assert {row["logger"] for row in rows} == {"leaf/garden"}
    mine = told.log_rows(received._replace(body={**body, "vouched": False}), "e", NOW)
    assert mine is not None
    assert {row["logger"] for row in mine} == {"leaf"}, "who does not vouch says nothing of a leaf"


def test_a_leaf_that_warns_all_the_time_is_bounded_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    garden, lines = Garden(tmp_path), 0

    async def flood() -> None:
        nonlocal lines
        for _ in range(120):
            for _ in range(LINES + 10):
                garden.log.add(lines, "warning", f"number {lines}")
                lines += 1
            await asyncio.sleep(EVERY)

    with closing(garden.loop):
        garden.run(3600, meanwhile=flood())
    assert BURST <= len(garden.texts) <= BURST + 3600 * RATE + 1
    lost = sum(body["lost"] for body in garden.told)
    assert lines - 3 * LINES < len(garden.texts) + lost <= lines
