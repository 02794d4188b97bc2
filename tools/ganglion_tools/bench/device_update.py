# SPDX-License-Identifier: GPL-3.0-or-later
"""An update of a board over a bad link: a real MicroPython, a node, a gateway, a broker and `ganglion firmware send`.

measured = measure()                            # 60 KiB, 5 % of the datagrams lost each way
measured.seconds, measured.datagrams_lost
"""

import asyncio
import json
import os
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ganglion.cli.firmware_send import send
from ganglion.cli.gateway_client import GatewayClient
from ganglion.errors import GanglionError, UnreachableError
from ganglion.firmware.asked import modules_of
from ganglion.firmware.bundle import Bundle, build
from ganglion.mesh.leaves.folder import LeafFolder
from ganglion.mqtt.url import BrokerUrl
from ganglion_micro import update_key
from ganglion_tools import broker
from ganglion_tools.bad_link import BadLink, bad_link
from ganglion_tools.child import Child
from ganglion_tools.micropython import interpreter

#: Bytes that have to be sent, and the share of datagrams that are lost each way.
SIZE, LOSS = 60 * 1024, 0.05
#: Seconds that a part has to be ready, and that the board may be silent.
_READY, _WAIT = 30.0, 120.0
_HEAP = "500k"  # pointers have 64 bits here
_MACHINE = "import sys\ndef reset():\n    sys.exit(77)\n"
#: The board's own, but that its flash is the current folder, and nobody is waited for.
_MAIN = "from ganglion_agent import boot\nboot.RESCUE_MS = 50\nboot.run('.')\n"
_NODE = """
[node]
name = "barn"
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
[leaves]
host = "127.0.0.1"
port = {port}
"""


class Update(NamedTuple):
    """What it took.

    Attributes:
        seconds: From the first call until the board runs the version, and its parent knows it.
        bytes: Of files that were sent.
        datagrams, datagrams_lost: Between the board and its parent.
        is_signed: Whether the board has checked the issuer's signature.
    """

    seconds: float
    bytes: int
    datagrams: int
    datagrams_lost: int
    is_signed: bool


def measure(*, size: int = SIZE, loss: float = LOSS, is_signed: bool = True, cache: Path | None = None) -> Update:
    """Measures one update.

    Args:
        size: Bytes of a file that the board has not; the others it has.
        cache: The folder in which MicroPython is kept; this user's own where none is given.

    Raises:
        GanglionError: a part is missing, does not start, or the board has not kept the version.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganglion"
    with tempfile.TemporaryDirectory(prefix="ganglion-bench-") as folder:
        return asyncio.run(_measured(Path(folder), (cache or base).absolute(), size, loss, is_signed))


async def _measured(folder: Path, cache: Path, size: int, loss: float, is_signed: bool) -> Update:
    async with AsyncExitStack() as stack:
        url = await _broker(folder, stack)
        gateway, client = await _gateway(folder, url, stack)
        del gateway
        (folder / "enrol.key").write_text((await asyncio.to_thread(client.post, "/api/v1/enrol-keys", {}))["key"])
        port = broker.free_port()
        (folder / "node.toml").write_text(_NODE.format(broker=url, port=port))
        words = ["node", "run", str(folder / "node.toml"), "--state", str(folder / "state")]
        node = await Child.ganglion("node", *words, broker=url, log=folder / "node.log")
        stack.push_async_callback(node.stop)
        await node.ready(timeout=_READY)
        link = await stack.enter_async_context(bad_link(port, loss=loss))
        first = build(modules=modules_of({"updates": "signed" if is_signed else "parent"}))
        _flashed(folder, first, link.port, is_signed)
        running = asyncio.create_task(_powered(folder, cache))
        try:
            await _joined(client, running)
            return await _sent(client, first, size, link, is_signed)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def _sent(client: GatewayClient, first: Bundle, size: int, link: BadLink, is_signed: bool) -> Update:
    files = {**first.files, "ganglion_agent/bench.bin": os.urandom(size)}
    version = replace(first, version="bench", files=files)
    link.counts.clear()
    began = time.monotonic()
    result = await asyncio.to_thread(send, client, "barn/garden", version, _WAIT)
    seconds = time.monotonic() - began
    lost = link.counts["lost"]
    return Update(seconds, result.data["sent"], link.counts["passed"] + lost, lost, is_signed)


async def _broker(folder: Path, stack: AsyncExitStack) -> str:
    port = broker.free_port()
    child = await Child.start("broker", broker.command("nats", folder / "broker", port), log=folder / "broker.log")
    stack.push_async_callback(child.stop)
    url = f"mqtt://127.0.0.1:{port}"
    await broker.answers(BrokerUrl.parse(url), timeout=_READY)
    return url


async def _gateway(folder: Path, url: str, stack: AsyncExitStack) -> tuple[Child, GatewayClient]:
    words = ["gateway", "--state", str(folder / "gateway"), "--port", "0"]
    child = await Child.ganglion("gateway", *words, broker=url, log=folder / "gateway.log")
    stack.push_async_callback(child.stop)
    said = await child.ready(timeout=_READY)
    return child, GatewayClient(str(said["url"]), (folder / "gateway" / "token").read_text().strip())


def _flashed(folder: Path, bundle: Bundle, port: int, is_signed: bool) -> None:
    """The files of a board that is a leaf of the node, as flashing leaves them."""
    board, leaves = folder / "board", LeafFolder(folder / "state")
    key = leaves.add("garden", now=time.time_ns())
    config = {"name": "garden", "uplink": {"kind": "none"}, "parent": {"host": "127.0.0.1", "port": port}}
    files = {
        **bundle.on_board(),
        "agent.json": json.dumps({**config, "updates": "signed" if is_signed else "parent"}).encode(),
        "leaf.key": f"{key.text()}\n{update_key.text(leaves.issuer())}\n".encode(),
        "machine.py": _MACHINE.encode(),
        "main.py": _MAIN.encode(),
    }
    for name, data in files.items():
        (board / name).parent.mkdir(parents=True, exist_ok=True)
        (board / name).write_bytes(data)


async def _powered(folder: Path, cache: Path) -> None:
    """The board is on, and again after each of its resets."""
    found = await asyncio.to_thread(interpreter, cache / "micropython")
    command = [*found, "-X", f"heapsize={_HEAP}", "main.py"]
    with (folder / "board.log").open("ab") as log:
        while True:
            child = await asyncio.create_subprocess_exec(
                *command, cwd=folder / "board", env={"MICROPYPATH": ":.frozen"}, stdout=log, stderr=log
            )
            try:
                await child.wait()
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()


async def _joined(client: GatewayClient, running: "asyncio.Task[None]") -> None:
    """Returns when the board answers."""
    problem: GanglionError | None = None
    until = time.monotonic() + _READY
    while time.monotonic() < until:
        try:
            await asyncio.to_thread(client.command, "barn", "leaf.call", {"leaf": "garden", "method": "ping"})
        except GanglionError as error:
            problem = error
            if running.done():
                running.result()
            await asyncio.sleep(0.2)
        else:
            return
    raise UnreachableError(f"the board does not join its node: {problem}")
