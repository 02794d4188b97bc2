# SPDX-License-Identifier: GPL-3.0-or-later
"""Both implementations of the mesh's `Transport`, and how a test runs one.

As a program, `python -m support.transports KIND URL TOPIC` is a client with a will, there to be killed: it prints a
line at every connection.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random

from ganglion.mesh.backoff import Backoff
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.transport import Message, Transport
from ganglion_gateway.aiomqtt_transport import AiomqttTransport

#: By the name that a test's parameter has.
TRANSPORTS: dict[str, Callable[..., Transport]] = {"mqtt": MqttTransport, "aiomqtt": AiomqttTransport}


class Counted(Backoff):
    """Delays short enough for a test, how many there were, and how many of them after a refusal."""

    def __init__(self) -> None:
        super().__init__(base=0.02, cap=0.2, rng=Random(1))
        self.attempts = self.refusals = 0

    def delay(self, *, grow: bool = True) -> float:
        self.attempts += 1
        return super().delay(grow=grow)

    def refused(self) -> float:
        self.attempts += 1
        self.refusals += 1
        return super().refused()


class Inbox:
    """What a transport told: messages, how many came in each call, and how often it came and went."""

    def __init__(self, transport: Transport) -> None:
        self.messages: list[Message] = []
        self.batches: list[int] = []
        self.changes: list[str] = []
        transport.on_messages = self._take
        transport.on_connected = lambda: self.changes.append("connected")
        transport.on_disconnected = lambda: self.changes.append("disconnected")

    def _take(self, messages: list[Message]) -> None:
        self.messages += messages
        self.batches.append(len(messages))

    @property
    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.messages]


@asynccontextmanager
async def running(*transports: Transport) -> AsyncIterator[None]:
    """Runs transports until the block ends; an error of theirs is the test's."""
    tasks = [asyncio.create_task(transport.run()) for transport in transports]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def _wait_to_be_killed(kind: str, url: str, topic: str) -> None:
    transport = TRANSPORTS[kind](url, backoff=Counted())
    transport.set_will(topic, b"gone", qos=1)
    transport.on_connected = lambda: print("connected", flush=True)
    await transport.run()


if __name__ == "__main__":
    asyncio.run(_wait_to_be_killed(*sys.argv[1:]))
