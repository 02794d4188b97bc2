# SPDX-License-Identifier: GPL-3.0-or-later
"""A node and a gateway on one broker: signed readings a second, and how long a command takes there and back.

The peers do the same without a signature, on the same broker and in the same process: bytes of cbor2 over our own MQTT
client, and over aiomqtt. They take turns, and whoever loses or invents a reading or an answer has no figure.
"""

import asyncio
import socket
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ganglion.errors import GanglionError, UnreachableError
from ganglion.mesh.authority import Authority
from ganglion.mesh.client import MeshClient
from ganglion.mesh.member import Peer, Received
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.service import GatewayRole
from ganglion.mesh.transport import Message
from ganglion_tools.bench.mesh_members import STREAM, NobodyEnrols, enrolled

GANGLION, BARE, AIOMQTT = "ganglion", "cbor2 over MQTT, unsigned", "aiomqtt, unsigned"
#: Bursts on their way at most, since a broker drops what is QoS 0 and too much; and bursts said at once.
WINDOW, AT_ONCE = 64, 16
ROUNDS = 5
#: How many readings are said, by how many there are between two flushes. A frame of a node ends at 1 KiB, so a hundred
#: are several frames that go out together.
READINGS = {1: 5_000, 10: 30_000, 100: 60_000}
CALLS = 300
#: Seconds without news until it is said that none comes.
_PATIENCE = 60.0
_METHOD = "bench.echo"


class Trips(NamedTuple):
    """Round trips in milliseconds."""

    p50: float
    p99: float


class Measured(NamedTuple):
    """On one broker, by contestant: medians over rounds.

    Attributes:
        rates: Readings a second, by the size of a burst.
        trips: Commands there and back.
    """

    rates: dict[int, dict[str, float]]
    trips: dict[str, Trips]


class Counted:
    """What arrived, by number, so that what is lost or comes twice is known."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self._news = asyncio.Event()

    def take(self, numbers: list[int]) -> None:
        self.numbers += numbers
        self._news.set()

    async def at_least(self, count: int) -> None:
        """Returns when so many have arrived.

        Raises:
            UnreachableError: nothing comes for too long.
        """
        while len(self.numbers) < count:
            self._news.clear()
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._news.wait()
            except TimeoutError:
                raise UnreachableError(f"{len(self.numbers)} of {count} readings came, then none for 20 s") from None

    def check(self, count: int) -> None:
        """Returns where each arrived once.

        Raises:
            GanglionError: they did not.
        """
        if sorted(self.numbers) != list(range(count)):
            missing = len(set(range(count)) - set(self.numbers))
            raise GanglionError(f"{missing} of {count} readings are missing, and {len(self.numbers)} came")
        self.numbers.clear()


class Line(NamedTuple):
    """One way to say readings: `say` takes numbers, and `heard` counts what came of them."""

    name: str
    say: Callable[[range], None]
    heard: Counted


async def measure(url: str, folder: Path, *, rounds: int, readings: Mapping[int, int], calls: int) -> Measured:
    """Everything on one broker.

    Args:
        readings: How many are said, by the size of a burst.
        calls: Commands in each round.

    Raises:
        GanglionError: somebody lost or invented something.
    """
    rates: dict[int, dict[str, list[float]]] = {burst: {GANGLION: [], BARE: []} for burst in readings}
    trips: dict[str, list[list[float]]] = {GANGLION: [], BARE: [], AIOMQTT: []}
    async with mesh(url, folder) as (signed, ask), plain(url) as (unsigned, echo), aiomqtt_echo(url) as other:
        for _ in range(rounds):
            for burst, count in readings.items():
                for line in (signed, unsigned):
                    rates[burst][line.name].append(await _rate(line, count, burst))
            for name, call in ((GANGLION, ask), (BARE, echo), (AIOMQTT, other)):
                trips[name].append(await _trips(call, calls))
    return Measured(
        {burst: {name: statistics.median(found) for name, found in each.items()} for burst, each in rates.items()},
        {name: _typical(found) for name, found in trips.items()},
    )


async def _rate(line: Line, count: int, burst: int) -> float:
    """Readings a second, from the first said to the last that is believed."""
    began = time.perf_counter_ns()
    for start in range(0, count, burst):
        line.say(range(start, min(start + burst, count)))
        if start // burst % AT_ONCE == 0:
            await asyncio.sleep(0)
            await line.heard.at_least(start - WINDOW * burst)
    await line.heard.at_least(count)
    elapsed = time.perf_counter_ns() - began
    line.heard.check(count)
    return count / (elapsed / 1e9)


async def _trips(call: Callable[[int], Awaitable[Any]], count: int) -> list[float]:
    taken = []
    for i in range(count):
        began = time.perf_counter_ns()
        answer = await call(i)
        taken.append((time.perf_counter_ns() - began) / 1e6)
        if answer != {"value": i}:
            raise GanglionError(f"{i} was asked and {answer!r} answered")
    return sorted(taken)


def _typical(rounds: list[list[float]]) -> Trips:
    return Trips(
        statistics.median(statistics.median(taken) for taken in rounds),
        statistics.median(taken[len(taken) * 99 // 100] for taken in rounds),
    )


@asynccontextmanager
async def mesh(url: str, folder: Path) -> AsyncIterator[tuple[Line, Callable[[int], Awaitable[Any]]]]:
    """A gateway and a node that know each other."""
    heard = Counted()

    async def stored(events: list[Received]) -> None:
        raise GanglionError("the node of a bench sends no events")

    authority = Authority.open(folder / "authority", now=time.time_ns())
    enrolled(folder / "node", authority, name="node", now=time.time_ns())
    role = GatewayRole(
        authority=authority,
        keys=NobodyEnrols(),
        on_events=stored,
        on_frames=lambda frames: heard.take([reading[2] for frame in frames for reading in frame.body]),
        on_birth=lambda birth: None,
        on_death=lambda death: None,
    )
    gateway = MeshClient(transport=MqttTransport(url), state=folder / "gateway", name="gateway", gateway=role)
    node = MeshClient(
        transport=MqttTransport(url), state=folder / "node", name="node", mesh=authority.mesh_id, heartbeat=0
    )

    async def echo(params: dict[str, Any], asker: Peer) -> dict[str, Any]:
        return params

    node.on_request(_METHOD, echo)

    def say(numbers: range) -> None:
        now = time.time_ns()
        for number in numbers:
            node.publish_reading(STREAM, number, now)
        node.flush()

    async def ask(number: int) -> Any:
        return await gateway.request(_METHOD, {"value": number}, to=node.identity.node_id)

    tasks = [asyncio.create_task(client.run()) for client in (gateway, node)]
    try:
        await ask(0)  # returns when they know each other
        yield Line(GANGLION, say, heard), ask
    finally:
        await _ended(tasks)


@asynccontextmanager
async def plain(url: str) -> AsyncIterator[tuple[Line, Callable[[int], Awaitable[Any]]]]:
    """The same two over the same client, without identities: an array of readings, a map that comes back."""
    from cbor2 import dumps, loads

    heard, answers = Counted(), asyncio.Queue[Any]()
    near, far = MqttTransport(url), MqttTransport(url)

    def receive(messages: list[Message]) -> None:
        for message in messages:
            if message.topic == "bench/readings":
                heard.take([reading[2] for reading in loads(message.payload)])
            else:
                answers.put_nowait(loads(message.payload))

    def answer(messages: list[Message]) -> None:
        for message in messages:
            far.publish("bench/answer", dumps(loads(message.payload)), qos=1)

    near.on_messages, far.on_messages = receive, answer
    near.subscribe("bench/readings")
    near.subscribe("bench/answer", 1)
    far.subscribe("bench/ask", 1)

    def say(numbers: range) -> None:
        now = time.time_ns()
        far.publish("bench/readings", dumps([[STREAM, now, number] for number in numbers]))

    async def ask(number: int) -> Any:
        near.publish("bench/ask", dumps({"value": number}), qos=1)
        return await _answer(answers)

    tasks = [asyncio.create_task(transport.run()) for transport in (near, far)]
    try:
        await _knock(ask, answers)
        yield Line(BARE, say, heard), ask
    finally:
        await _ended(tasks)


@asynccontextmanager
async def aiomqtt_echo(url: str) -> AsyncIterator[Callable[[int], Awaitable[Any]]]:
    """An echo as most people write it, but without Nagle's algorithm, which adds two waits of 40 ms to each trip."""
    from aiomqtt import Client
    from cbor2 import dumps, loads

    from ganglion.mqtt.url import BrokerUrl

    broker = BrokerUrl.parse(url)
    answers = asyncio.Queue[Any]()

    async def hear(client: Client) -> None:
        async for message in client.messages:
            answers.put_nowait(loads(_octets(message.payload)))

    async def answer(client: Client) -> None:
        async for message in client.messages:
            await client.publish("bench/aiomqtt/answer", dumps(loads(_octets(message.payload))), qos=1)

    def client() -> Client:
        return Client(broker.host, broker.port, socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)])

    async with client() as near, client() as far:
        await near.subscribe("bench/aiomqtt/answer", 1)
        await far.subscribe("bench/aiomqtt/ask", 1)

        async def ask(number: int) -> Any:
            await near.publish("bench/aiomqtt/ask", dumps({"value": number}), qos=1)
            return await _answer(answers)

        tasks = [asyncio.create_task(hear(near)), asyncio.create_task(answer(far))]
        try:
            yield ask
        finally:
            await _ended(tasks)


def _octets(payload: Any) -> bytes:
    assert isinstance(payload, bytes)
    return payload


async def _knock(ask: Callable[[int], Awaitable[Any]], answers: asyncio.Queue[Any]) -> None:
    """Asks until somebody answers: who subscribes is not told when others have."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await ask(0)
                break
    else:
        raise UnreachableError(f"no echo within {_PATIENCE:g} s")
    await asyncio.sleep(0.5)
    while not answers.empty():
        answers.get_nowait()


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _answer(answers: asyncio.Queue[Any]) -> Any:
    """The next one.

    Raises:
        UnreachableError: none comes for too long.
    """
    try:
        async with asyncio.timeout(_PATIENCE):
            return await answers.get()
    except TimeoutError:
        raise UnreachableError(f"no answer within {_PATIENCE:g} s") from None
