# SPDX-License-Identifier: GPL-3.0-or-later
"""What a part of `ganglion bench gateway` measures: a broker, a real gateway, a webhook receiver, simulated nodes.

Each is a process of its own, on loopback, and all of them end with the block.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import ProxyHandler, Request, build_opener

import psutil

from ganglion.cli.gateway_client import GatewayClient
from ganglion.errors import GanglionError, UnreachableError
from ganglion.mesh.authority import Authority
from ganglion.mqtt.url import BrokerUrl
from ganglion_gateway.webhook.signature import new_secret
from ganglion_tools import broker
from ganglion_tools.bench.gateway_worker import PATIENCE, Worker
from ganglion_tools.child import Child

_MIB = 1024 * 1024


class Weight(NamedTuple):
    """Memory of a process in MiB: all that is resident, and with what is shared divided among those who share it."""

    resident: float
    proportional: float


class Site:
    """Made by `site`.

    Attributes:
        folder: For everything.
        broker: URL of the broker.
        state: The gateway's folder.
        receiver: Takes webhooks at `hook`.
        secret: With which they are signed.
        gateway: The API, as the administrator; while it runs.
        token: The administrator's.
    """

    def __init__(self, folder: Path, url: str, receiver: Worker, hook: str, secret: str, ends: AsyncExitStack) -> None:
        self.folder = folder
        self.broker = url
        self.state = folder / "gateway"
        self.receiver = receiver
        self.hook = hook
        self.secret = secret
        self.gateway: GatewayClient
        self.token = ""
        self._ends = ends
        self._child: Child | None = None
        Authority.open(self.state / "authority", now=time.time_ns())  # the gateway finds it

    async def start(self) -> float:
        """Starts the gateway; seconds until it says that it is ready."""
        began = time.monotonic()
        words = ["gateway", "--state", str(self.state), "--port", "0", "--link", "none", "--log", "error"]
        words += ["--webhook", self.hook, "--webhook-secret-file", str(self.folder / "secret")]
        child = await Child.ganglion(
            "gateway", *words, "--allow-private-webhooks", broker=self.broker, log=self.folder / "gateway.log"
        )
        self._child = child
        self._ends.push_async_callback(child.stop)
        ready = await child.ready(timeout=PATIENCE)
        self.token = (self.state / "token").read_text().strip()
        self.gateway = GatewayClient(ready["url"], self.token)
        return time.monotonic() - began

    async def kill(self) -> None:
        """SIGKILL."""
        assert self._child is not None
        await self._child.kill()

    async def nodes(self, prefix: str) -> Worker:
        """A process of simulated nodes, none yet."""
        words = [self.broker, str(self.state / "authority"), prefix]
        worker = await Worker.start("gateway_nodes", *words, log=self.folder / "nodes.log")
        self._ends.push_async_callback(worker.stop)
        return worker

    async def worker(self, module: str, *words: str) -> Worker:
        """Another process."""
        worker = await Worker.start(module, *words, log=self.folder / f"{module}.log")
        self._ends.push_async_callback(worker.stop)
        return worker

    async def ask(self, path: str) -> Any:
        """The document at a path of the API."""
        return await asyncio.to_thread(self.gateway.get, f"/api/v1{path}")

    async def metric(self, name: str) -> float:
        """A gauge or counter of the gateway, by its name with labels."""
        text: str = await asyncio.to_thread(self._exposed)
        line = next((line for line in text.splitlines() if line.startswith(name + " ")), f"{name} 0")
        return float(line.rpartition(" ")[2])

    def _exposed(self) -> str:
        asked = Request(f"{self.gateway.url}/metrics", headers={"authorization": f"Bearer {self.token}"})  # noqa: S310
        with build_opener(ProxyHandler({})).open(asked, timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    @property
    def process(self) -> psutil.Process:
        """The gateway's."""
        assert self._child is not None
        return psutil.Process(self._child.pid)

    def weight(self) -> Weight:
        """The gateway's memory now."""
        full = self.process.memory_full_info()
        return Weight(full.rss / _MIB, full.pss / _MIB)

    def seconds(self) -> float:
        """Processor time that the gateway has taken."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


async def until(condition: Callable[[], Any], what: str, *, within: float = PATIENCE) -> None:
    """Returns when what is asked for holds. Raises: UnreachableError, it does not within so many seconds."""
    deadline = time.monotonic() + within
    while not await condition():
        if time.monotonic() > deadline:
            raise UnreachableError(f"bench gateway: not within {within:g} s: {what}")
        await asyncio.sleep(0.1)


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    """A broker and a receiver, until the block ends; the gateway is to be started.

    Raises:
        GanglionError: a part does not start; the end of its log is in the message.
    """
    async with AsyncExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="ganglion-bench-")))
        port, listen = broker.free_port(), broker.free_port()
        url = BrokerUrl(host="127.0.0.1", port=port)
        server = await Child.start("nats", broker.command("nats", folder / "nats", port), log=folder / "nats.log")
        ends.push_async_callback(server.stop)
        await broker.answers(url, timeout=PATIENCE)
        secret = new_secret()
        (folder / "secret").write_text(secret)
        receiver = await Worker.start("gateway_receiver", str(listen), secret, log=folder / "receiver.log")
        ends.push_async_callback(receiver.stop)
        try:
            yield Site(folder, str(url), receiver, f"http://127.0.0.1:{listen}/hook", secret, ends)
        except GanglionError as error:
            log = folder / "gateway.log"
            end = log.read_text(errors="replace")[-1500:] if log.exists() else ""
            raise GanglionError(f"{error}\n{end}".strip()) from error
