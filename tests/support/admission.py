# SPDX-License-Identifier: GPL-3.0-or-later
"""Brokers that `ganglion broker` has configured, with an account for each node."""

import os
import pwd
import secrets
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ganglion.mesh.authority import Authority
from ganglion.mesh.client import MeshClient
from ganglion.mesh.enrol import EnrolKey
from ganglion.mesh.identity import Identity
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion_tools.admission.book import Book, Change, Member, admit
from ganglion_tools.admission.folder import KINDS, Folder
from support.brokers import Broker, free_ports, program
from support.mesh import Gateway
from support.transports import Counted


def configured(data: dict[str, Any]) -> Broker:
    """The broker that the document of `ganglion broker init` is about; not started."""
    module = KINDS[data["kind"]]
    folder = Path(data["folder"])
    command = [program(module.PROGRAM), "-c", data["configuration"]]
    broker = Broker(data["kind"], command, int(data["url"].rpartition(":")[2]), folder / "log", tls=False)
    broker.url = data["url"]
    return broker


class Admission:
    """A mesh on a broker of the tool's making.

    Attributes:
        broker: The process.
        folder: Its configuration.
        gateway: Connects with its own account, and so does each of its nodes.
    """

    def __init__(self, kind: str, path: Path, names: Iterable[str], *, tls: bool) -> None:
        self.folder = Folder(path / "broker")
        self.mesh = path / "mesh"
        self._tls = tls
        authority = Authority.open(self.mesh / "authority", now=time.time_ns())
        (port,) = free_ports(1)
        book = Book(
            kind=kind,
            mesh=authority.mesh_id,
            hosts=("localhost", "127.0.0.1"),
            port=port,
            tls=tls,
            owner=pwd.getpwuid(os.geteuid()).pw_name,
            accounts={},
        )
        self.book = self._save(book, self._members(names)).book
        url = f"mqtt{'s' if tls else ''}://localhost:{port}"
        data = {"kind": kind, "folder": str(self.folder.path), "url": url}
        self.broker = configured({**data, "configuration": str(self.folder.path / KINDS[kind].CONFIGURATION)})
        self.gateway = _Gateway(self)

    def identity(self, name: str) -> Identity:
        """Of a node, made at the first call."""
        return Identity.load_or_create(self.mesh / name / "identity")

    def _members(self, names: Iterable[str]) -> list[Member]:
        return [Member(id=self.identity(name).node_id, name=name) for name in names]

    def _save(self, book: Book, members: list[Member]) -> Change:
        change = admit(book, members, lambda: secrets.token_urlsafe(24), KINDS[book.kind].hashed)
        self.folder.certify(change.book)
        self.folder.save(change.book, change.passwords)
        return change

    def update(self, *names: str, others: Iterable[Member] = ()) -> Change:
        """These are the members now; the broker is told."""
        change = self._save(self.folder.read(), [*self._members(names), *others])
        assert self.folder.reload(change.book) == self.broker.pid
        return change

    def url(self, user: str) -> str:
        """The broker's for one account."""
        ca = f"ca={self.folder.path}/tls/ca.pem&" if self._tls else ""
        return f"{self.broker.url}?{ca}account={self.folder.path}/accounts/{user}"

    def url_of(self, name: str) -> str:
        """The broker's for a node."""
        return self.url(self.identity(name).node_id)


class _Gateway(Gateway):
    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        super().__init__(admission.mesh, admission.url("gateway"))

    def node(self, name: str, *, key: EnrolKey | None = None, user: str = "", **options: Any) -> MeshClient:
        """A node with its own account, or another."""
        state = self.folder / name
        if key is None and not (state / "credential.cwt").exists():
            key = self.keys.create()
        url = self._admission.url(user or self._admission.identity(name).node_id)
        return MeshClient(
            transport=MqttTransport(url, backoff=Counted()),
            state=state,
            name=name,
            enrol_key=key.text if key else None,
            **options,
        )


@asynccontextmanager
async def admitted(kind: str, path: Path, *names: str, tls: bool = False) -> AsyncIterator[Admission]:
    """A broker that knows these nodes, started."""
    admission = Admission(kind, path, names, tls=tls)
    await admission.broker.start()
    try:
        yield admission
    finally:
        await admission.broker.stop()
