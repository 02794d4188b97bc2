# SPDX-License-Identifier: GPL-3.0-or-later
"""Members, gateways and brokers as processes on a `network`, and words to wait for what becomes of them."""

import asyncio
import itertools
import json
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from ganglion.mesh.authority import Authority
from support.brokers import program
from support.gateway import NO_BROKER, Process, process
from support.mesh_process import MeshProcess, provision
from support.network import Network

_PORT = 1883


class Field:
    """A mesh on a network. A member has the name of the network's node that it runs in."""

    def __init__(self, folder: Path, net: Network) -> None:
        self.folder = folder
        self.net = net
        self.authority_folder = folder / "gateway" / "authority"
        self.authority = Authority.open(self.authority_folder, now=time.time_ns())
        self.ids: dict[str, str] = {}

    def node(
        self,
        name: str,
        *,
        links: Iterable[str] = ("lan",),
        broker: str = "",
        before: Iterable[str] = (),
        **more: Any,
    ) -> MeshProcess:
        """A node that has enrolled; `before` are the words before its command, as `env NAME=VALUE` is."""
        if name not in self.ids:
            self.ids[name] = provision(self.folder, self.authority, name)
        return self._member(name, links, broker, before, **more)

    def gateway(self, *, links: Iterable[str] = (), broker: str = "", **more: Any) -> MeshProcess:
        """The mesh's gateway, in the node `gateway`."""
        return self._member("gateway", links, broker, authority=str(self.authority_folder), **more)

    def herd(self, node: str, device: str, *, count: int, to: str) -> MeshProcess:
        """A `support.herd` of so many members in a node, whose device leads to the member `to`."""
        options = {"authority": str(self.authority_folder), "device": device, "count": count, "to": self.ids[to]}
        return MeshProcess(node, self.net.command(node), options, "support.herd")

    def real_gateway(self) -> AbstractAsyncContextManager[Process]:
        """The same as `ganglion gateway`, with its database and without a broker; its HTTP is the node's own."""
        return process(self.folder / "gateway", NO_BROKER, "--link", "lan", within=self.net.command("gateway"))

    def events(self) -> list[tuple[str, Any]]:
        """Ids and values of what the real gateway's database has, in order."""
        with closing(sqlite3.connect(f"file:{self.folder / 'gateway' / 'gateway.db'}?mode=ro", uri=True)) as database:
            return database.execute("SELECT id, value FROM events ORDER BY number").fetchall()

    def _member(
        self, name: str, links: Iterable[str], broker: str, before: Iterable[str] = (), **more: Any
    ) -> MeshProcess:
        options = {"state": str(self.folder / name), "name": name, "links": list(links), "broker": broker, **more}
        return MeshProcess(name, [*self.net.command(name), *before], options)

    @contextmanager
    def broker(self, node: str, kind: str = "mosquitto") -> Iterator["subprocess.Popen[bytes]"]:
        """A broker in a node, on all of its addresses."""
        folder = self.folder / f"broker-{node}"
        folder.mkdir()
        file = folder / "configuration"
        if kind == "mosquitto":
            file.write_text(f"listener {_PORT} 0.0.0.0\nallow_anonymous true\n")
            command = [program("mosquitto"), "-c", str(file)]
        else:
            store = {"store_dir": str(folder / "jetstream")}
            mqtt = {"host": "0.0.0.0", "port": _PORT}
            file.write_text(json.dumps({"host": "127.0.0.1", "server_name": "x", "jetstream": store, "mqtt": mqtt}))
            command = [program("nats-server"), "-c", str(file)]
        process = subprocess.Popen(
            [*self.net.command(node), *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def url(self, node: str, medium: str) -> str:
        """Of the broker in a node, for others on a medium."""
        return f"mqtt://{self.net.ipv4(node, medium)}:{_PORT}"


async def until(
    process: MeshProcess, holds: Callable[[dict[str, Any]], object], *, within: float = 60.0, what: str = ""
) -> dict[str, Any]:
    """Its status once that holds."""
    end = time.monotonic() + within
    while True:
        status: dict[str, Any] = await process.ask("status")
        if holds(status):
            return status
        assert time.monotonic() < end, f"{process.name}: not within {within} s: {what}: {status}"
        await asyncio.sleep(0.05)


async def knows(process: MeshProcess, *names: str) -> dict[str, Any]:
    """Its status once it has a way to these, and knows who they are; `gw` is the gateway, whichever."""
    return await until(
        process,
        lambda status: set(names) <= set(status["routes"]) and set(names) - {"gw"} <= set(status["peers"]),
        what=f"a way to {names}",
    )


async def stored(gateway: MeshProcess, values: Iterable[Any], *, within: float = 60.0) -> None:
    """Waits until the gateway has stored these and no others."""
    wanted = sorted(values)
    end = time.monotonic() + within
    while (found := sorted((await gateway.ask("stored"))["values"])) != wanted:
        missing = sorted(set(wanted) - set(found))
        assert time.monotonic() < end, f"not stored within {within} s: {missing[:20]} of {len(wanted)}"
        await asyncio.sleep(0.1)


def line(*names: str) -> dict[str, list[str]]:
    """Cables between neighbours."""
    return {f"{a}-{b}": [a, b] for a, b in itertools.pairwise(names)}
