# SPDX-License-Identifier: GPL-3.0-or-later
"""A board at work: its agent on a real MicroPython, a leaf of a node, with broker and gateway, all on loopback.

Between leaf and parent is a way on which messages are lost, both ways, as often as is asked for.
"""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

from ganglion.cli.gateway_client import GatewayClient
from ganglion.errors import GanglionError, UnreachableError
from ganglion.firmware.bundle import Bundle, build
from ganglion.firmware.interpreter import cached
from ganglion.mesh.leaves.folder import LeafFolder
from ganglion.mqtt.url import BrokerUrl
from ganglion_tools import broker
from ganglion_tools.child import Child
from ganglion_tools.micropython import interpreter

NODE, LEAF = "barn", "garden"
#: Seconds that any part has to be ready.
_PATIENCE = 60
_CONFIG = """\
[node]
name = "{name}"
[mqtt]
broker = "{url}"
[mesh]
enrol_key_file = "enrol.key"
[leaves]
host = "127.0.0.1"
port = {port}
"""
#: The slot is chosen; nobody waits at a console, and there is no hardware.
_MAIN = """\
import sys

sys.path.insert(0, "a")
from ganglion_agent import entry

entry.main(".", "a")
"""
_AGENT = '{{"name": "{name}", "uplink": {{"kind": "none"}}, "parent": {{"host": "127.0.0.1", "port": {port}}}, '
_AGENT += '"watchdog": "0s"}}'


class Lossy(asyncio.DatagramProtocol):
    """A way for UDP between one leaf and its parent.

    Attributes:
        loss: The share of the messages that is lost, from 0 to 1.
    """

    def __init__(self, parent: tuple[str, int]) -> None:
        self.loss = 0.0
        self._parent = parent
        self._leaf: tuple[str, int] | None = None
        self._random = random.Random(1)  # the same messages each time
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: the way is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """asyncio's: a message of either."""
        assert self._transport is not None
        if addr != self._parent:
            self._leaf = addr
        to = self._leaf if addr == self._parent else self._parent
        if to is not None and self._random.random() >= self.loss:
            self._transport.sendto(data, to)


class Farm:
    """What runs.

    Attributes:
        gateway: As commands ask it.
        environment: By which commands find it.
        way: Between leaf and parent.
        bundle: What the board runs.
    """

    def __init__(self, gateway: GatewayClient, token: str, way: Lossy, bundle: Bundle) -> None:
        self.gateway = gateway
        self.environment = {"GANGLION_GATEWAY": gateway.url, "GANGLION_TOKEN": token}
        self.way = way
        self.bundle = bundle


@asynccontextmanager
async def farm() -> AsyncIterator[Farm]:
    """Until the block ends.

    Raises:
        GanglionError: a part does not start; its log is in the message.
    """
    bundle = build()
    async with AsyncExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="ganglion-bench-")))

        async def kept(child: Child) -> Child:
            ends.push_async_callback(child.stop)
            return child

        url = f"mqtt://127.0.0.1:{(port := broker.free_port())}"
        log = folder / "log"
        await kept(await Child.start("nats", broker.command("nats", folder / "nats", port), log=log))
        await broker.answers(BrokerUrl.parse(url), timeout=_PATIENCE)
        words = ["gateway", "--state", str(folder / "gateway"), "--port", "0"]
        ready = await (await kept(await Child.ganglion("gateway", *words, broker=url, log=log))).ready(
            timeout=_PATIENCE
        )
        token = (folder / "gateway" / "token").read_text().strip()
        gateway = GatewayClient(ready["url"], token)
        (folder / "enrol.key").write_text((await asyncio.to_thread(gateway.post, "/api/v1/enrol-keys", {}))["key"])
        parent = broker.free_port()
        (folder / "node.toml").write_text(_CONFIG.format(name=NODE, url=url, port=parent))
        words = ["node", "run", str(folder / "node.toml"), "--state", str(folder / "state")]
        await (await kept(await Child.ganglion(NODE, *words, broker=url, log=log))).ready(timeout=_PATIENCE)
        loop = asyncio.get_running_loop()
        transport, way = await loop.create_datagram_endpoint(
            lambda: Lossy(("127.0.0.1", parent)), local_addr=("127.0.0.1", 0)
        )
        ends.callback(transport.close)
        key = LeafFolder(folder / "state").add(LEAF, now=0).text()
        await kept(await _board(folder / "board", bundle, key, transport.get_extra_info("sockname")[1], log))
        made = Farm(gateway, token, way, bundle)
        await _joined(made, log)
        yield made


async def _board(folder: Path, bundle: Bundle, key: str, port: int, log: Path) -> Child:
    for name, data in {**bundle.files, "manifest": bundle.manifest}.items():
        (folder / "a" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "a" / name).write_bytes(data)
    (folder / "agent.json").write_text(_AGENT.format(name=LEAF, port=port))
    (folder / "leaf.key").write_text(key)
    (folder / "main.py").write_text(_MAIN)
    command = interpreter(cached("i386").absolute(), "i386")
    words = ["sh", "-c", 'cd "$0" && exec "$@" >&2', str(folder), *command, "-X", "heapsize=400k", "main.py"]
    return await Child.start(LEAF, words, log=log, env={"MICROPYPATH": ":.frozen"})


async def _joined(made: Farm, log: Path) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE
    while loop.time() < until:
        with suppress(GanglionError):
            await asyncio.to_thread(call, made, "ping")
            return
        await asyncio.sleep(0.2)
    raise UnreachableError(f"bench: the board has not joined:\n{_end(log)}")


def _end(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def call(made: Farm, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the board answers to a call by way of gateway and parent. Raises: GanglionError, it does not."""
    asked = {"leaf": LEAF, "method": method, "params": params or {}}
    answer: dict[str, Any] = made.gateway.command(NODE, "leaf.call", asked)["result"]
    return answer
