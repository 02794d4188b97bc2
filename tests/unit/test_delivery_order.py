# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.delivery in virtual time: events arrive in order, whoever is back first."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ganglion.mesh.courier import PATIENCE
from ganglion.mesh.spool import Key
from support.delivery import DiskLoop, Node, drained, tell


class Remote(Node):
    """One behind a broker that takes a millisecond for a message, and has no queue for a gateway that is not there.

    Attributes:
        there: Whether the gateway hears what the broker has.
    """

    def __init__(self, folder: Path, loop: DiskLoop, **options: Any) -> None:
        super().__init__(folder, loop, **options)
        self.there = True
        self._connections = 0
        self._busy = 0.0

    def leave(self) -> None:
        """The connection is gone, with all that was on it."""
        self._connections += 1
        self.delivery.disconnected()

    def gateway_returns(self) -> None:
        """It is subscribed, and the node will have heard so."""
        self.there = True
        self._loop.call_later(0.05, lambda: self.delivery._up and self.delivery.connected())

    def _publish(self, topic: str, payload: bytes) -> None:
        self._busy = max(self._busy, self._loop.time()) + 0.001
        self._loop.call_at(self._busy, self._reach, (1, int(payload.split()[0])), self._connections)

    def _reach(self, key: Key, connection: int) -> None:
        if self.there and connection == self._connections:
            self.stored[key] = None
            self._loop.call_later(0.05, self._answer, key, connection)

    def _answer(self, key: Key, connection: int) -> None:
        if connection == self._connections:
            self.delivery.arrived([key])


def test_one_event_that_nobody_acknowledges_holds_the_others_up_for_one_wait(tmp_path: Path) -> None:
    async def story(node: Node) -> None:
        bad = node.post()
        for _ in range(600):
            node.post()
        await asyncio.sleep(1)
        store = node.delivery.arrived
        node.delivery.arrived = lambda keys: store(key for key in keys if key != bad)  # type: ignore[method-assign]
        node.delivery.connected()
        await asyncio.sleep(PATIENCE + 0.5)
        assert node.delivery.statistics().spooled == 1
        node.post()
        await asyncio.sleep(0.11)
        assert node.delivery.statistics().spooled == 1, "and what is new goes out at once"

    tell(tmp_path, story)


@given(
    outages=st.lists(st.integers(-4900, 4900) | st.sampled_from([7_500, 17_500, 32_500]), min_size=1, max_size=4),
    events=st.lists(st.integers(0, 450), max_size=80),
)
def test_in_whatever_order_node_and_gateway_come_back_events_arrive_in_order(
    outages: list[int], events: list[int]
) -> None:
    """Milliseconds that the gateway is back after the node, of each outage; tenths of a second at which events come.

    After more than one wait in vain there is chance in the moment of the return: none of these events comes in it.
    """

    async def story(node: Node) -> None:
        assert isinstance(node, Remote)
        loop = asyncio.get_running_loop()
        for lag in outages:
            began = loop.time()
            node.leave()
            node.there = False
            loop.call_at(began + 10, node.delivery.connected)
            loop.call_at(began + 10 + lag / 1000, node.gateway_returns)
            for tenth in sorted(events):
                await asyncio.sleep(began + tenth / 10 + 0.075 - loop.time())
                node.post()
            await asyncio.sleep(began + 60 - loop.time())
        await drained(node)
        assert list(node.stored) == [(1, seq) for seq in range(1, len(events) * len(outages) + 1)]

    with TemporaryDirectory() as folder:
        tell(Path(folder), story, kind=Remote)
