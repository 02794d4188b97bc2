# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads a rule over MQTT and counts what comes out: pings one at a time, then a flood with a bounded number on its way.

QoS 0 is dropped by a broker whose reader is slow, so the flood never has more on its way than a window.
It speaks through the node's own MQTT client, and so takes less processor time than any contestant: a quarter of what a
node takes.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from ganglion.errors import GanglionError, UnreachableError
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.transport import Message

#: Messages on their way at most; everybody is flooded with each. Where the window is small, a contestant that leaves
#: Nagle's algorithm on waits 40 ms for a delayed acknowledgement each time it runs dry, and what is measured is that
#: wait: 500 are one such wait for 10,000 messages a second, whatever the rule costs. Where it is large, queues grow and
#: some slow down. So there is one near paho's best and one near Node-RED's; a node's rate hardly depends on it.
WINDOWS = (2000, 8000)
#: How many are published at once.
CHUNK = 200
#: Seconds without an answer until it is said that none comes.
_PATIENCE = 60.0
#: Seconds between the pings that wait for a contestant to be there, and of silence after which no answer is late.
_KNOCK = 0.005
_QUIET = 0.3


class Load:
    """Made by `load`. Values over 50 fire; each is another, so that what is lost is known by name."""

    def __init__(self, transport: MqttTransport) -> None:
        self._transport = transport
        self._answers: list[float] = []
        self._fault: GanglionError | None = None
        self._news = asyncio.Event()
        transport.on_messages = self._take

    def _take(self, messages: list[Message]) -> None:
        for message in messages:
            try:
                self._answers.append(float(message.payload))
            except ValueError:
                self._fault = GanglionError(f"an answer is no number: {bytes(message.payload[:80])!r}")
        self._news.set()

    def _refuse_fault(self) -> None:
        # Kept until here: what raises inside the transport's callback is only logged.
        if self._fault is not None:
            raise self._fault

    def _ask(self, value: int) -> None:
        self._transport.publish("bench/in", json.dumps({"value": value}).encode())

    async def _answered(self, count: int) -> None:
        """Returns when there are so many answers.

        Raises:
            UnreachableError: there is none for too long.
            GanglionError: one is no number.
        """
        while len(self._answers) < count:
            self._refuse_fault()
            self._news.clear()
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._news.wait()
            except TimeoutError:
                raise UnreachableError(f"{len(self._answers)} of {count} answers came, then none for 20 s") from None

    async def first_answer(self) -> None:
        """Knocks until somebody answers; then waits until nothing more comes.

        Raises:
            UnreachableError: nobody does.
            GanglionError: the answer is no number.
        """
        self._answers.clear()
        deadline = time.monotonic() + _PATIENCE
        while not self._answers:
            self._refuse_fault()
            if time.monotonic() > deadline:
                raise UnreachableError(f"no answer within {_PATIENCE:g} s of its start")
            self._ask(51)
            await asyncio.sleep(_KNOCK)

    async def quiet(self) -> None:
        """Returns when no answer came for a while."""
        while True:
            self._news.clear()
            try:
                async with asyncio.timeout(_QUIET):
                    await self._news.wait()
            except TimeoutError:
                return

    async def pings(self, count: int) -> list[float]:
        """Round trips, one after the other, in milliseconds."""
        taken = []
        self._answers.clear()
        for i in range(count):
            began = time.perf_counter_ns()
            self._ask(1000 + i)
            await self._answered(i + 1)
            taken.append((time.perf_counter_ns() - began) / 1e6)
        self._check([float(1000 + i) for i in range(count)])
        return taken

    async def flood(self, count: int, *, window: int) -> float:
        """Messages a second, from the first sent to the last answer; every second one fires.

        Args:
            count: Messages to send.
            window: Messages on their way at most.

        Raises:
            GanglionError: what came is not what had to come.
        """
        self._answers.clear()
        began = time.perf_counter_ns()
        for sent in range(0, count, CHUNK):
            await self._answered((sent + CHUNK - window) // 2)
            for i in range(sent, min(sent + CHUNK, count)):
                self._ask(1000 + i if i % 2 else -i)
            await asyncio.sleep(0)
        expected = [float(1000 + i) for i in range(1, count, 2)]
        await self._answered(len(expected))
        elapsed = time.perf_counter_ns() - began
        await self.quiet()
        self._check(expected)
        return count / (elapsed / 1e9)

    def _check(self, expected: list[float]) -> None:
        self._refuse_fault()
        if sorted(self._answers) != expected:
            missing, extra = set(expected) - set(self._answers), len(self._answers) - len(expected)
            raise GanglionError(f"{len(missing)} of {len(expected)} answers are missing, and {extra:+d} came in number")


@asynccontextmanager
async def load(port: int) -> AsyncIterator[Load]:
    """Connects to a broker on loopback, subscribed to the answers."""
    transport = MqttTransport(f"mqtt://127.0.0.1:{port}")
    transport.subscribe("bench/out")
    made = Load(transport)
    connected = asyncio.Event()
    transport.on_connected = connected.set
    running = asyncio.create_task(transport.run())
    try:
        async with asyncio.timeout(_PATIENCE):
            await connected.wait()
        yield made
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
