# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Redis for tests, on loopback and a free port, stopped by its process id."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from support.brokers import Broker, free_ports, program
from support.certificates import Certificates


class RedisServer(Broker):
    """One server process; what it has written is there again after `kill` and `start`.

    Attributes:
        url: `redis://127.0.0.1:port`; `rediss://localhost:port` where it has a certificate.
    """

    def __init__(self, kind: str, command: list[str], port: int, log: Path, *, tls: bool) -> None:
        super().__init__(kind, command, port, log, tls=tls)
        self.url = self.url.replace("mqtt", "redis", 1)


@asynccontextmanager
async def redis_server(
    path: Path, *, password: str = "", certificates: Certificates | None = None
) -> AsyncIterator[RedisServer]:
    """A server with its files in `path`; it lets anybody in where there is no password."""
    server = _configure(path, password, certificates)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def _configure(path: Path, password: str, certificates: Certificates | None) -> RedisServer:
    path.mkdir(parents=True, exist_ok=True)
    (port,) = free_ports(1)
    config = ["bind 127.0.0.1", f"dir {path}", 'save ""', "appendonly yes", "appendfsync always"]
    if password:
        config.append(f"requirepass {password}")
    if certificates is None:
        config.append(f"port {port}")
    else:
        config += ["port 0", f"tls-port {port}", "tls-auth-clients no", f"tls-ca-cert-file {certificates.authority}"]
        config += [f"tls-cert-file {certificates.certificate}", f"tls-key-file {certificates.key}"]
    file = path / "redis.conf"
    file.write_text("\n".join([*config, ""]))
    command = [program("redis-server"), str(file)]
    return RedisServer("redis", command, port, path / "redis.log", tls=certificates is not None)
