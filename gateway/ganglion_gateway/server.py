# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves one gateway over HTTP until it is told to stop."""

import asyncio
import contextlib
import json
import logging
import signal
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import structlog
import uvicorn
from starlette.types import ASGIApp

from ganglion.cli.listening import bound
from ganglion.errors import InvalidError, NotFoundError
from ganglion.mqtt.url import addresses
from ganglion_gateway.access.guard import MAX_BODY
from ganglion_gateway.api.app import application, guarded
from ganglion_gateway.dashboard import late
from ganglion_gateway.gateway import Gateway, open_gateway
from ganglion_gateway.settings import Settings

_log = structlog.get_logger(__name__)

#: Seconds that the first connection to the broker may take before the gateway says that it is ready without one.
_BROKER = 1.0
#: Seconds that answers under way have to end.
_GRACE = 1
#: Seconds between pings of a WebSocket, and that its client has for a pong.
_PING = 20.0


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the whole gateway stops, not only the server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings) -> None:
    """Runs the gateway until SIGTERM or SIGINT.

    Raises:
        UsageError: the address is none of this machine.
        RefusedError: it is taken.
        NotFoundError: the certificate or its key is not there.
        InvalidError: it is none.
    """
    began = time.monotonic()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with bound(settings.host, settings.port, "--host or --port") as listener:
        _check_tls(settings.certificate, settings.private_key)
        async with open_gateway(settings) as gateway:
            app = application(gateway.services)
            entrance = guarded(app, gateway.services)
            async with late.mounted(app, gateway.services, entrance):
                server = _Server(configuration(entrance, settings))
                serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
                stopping = asyncio.create_task(stop.wait(), name="signal")
                try:
                    await _say_ready(server, gateway, _url(settings, listener), began)
                    await asyncio.wait({serving, stopping, gateway.ended}, return_when=asyncio.FIRST_COMPLETED)
                    if gateway.ended.done():
                        gateway.ended.result()  # the error of the part that ended it
                finally:
                    stopping.cancel()
                    server.should_exit = True
                    await serving
    _log.info("stopped")


def configuration(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How an application is served. Of a trusted proxy it sees the client's address and scheme, and of nobody else."""
    logging.getLogger("uvicorn.error").addFilter(_is_fault)
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=_believed(settings.trusted_proxies),
        timeout_graceful_shutdown=_GRACE,
        ws_max_size=MAX_BODY,
        ws_ping_interval=_PING,
        ws_ping_timeout=_PING,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.private_key,
    )


def _is_fault(record: logging.LogRecord) -> bool:
    """Whether it is one of ours: uvicorn takes a handshake that is refused with a problem for one without an answer."""
    return record.msg != "ASGI callable returned without completing handshake."


async def _say_ready(server: uvicorn.Server, gateway: Gateway, url: str, began: float) -> None:
    deadline = time.monotonic() + _BROKER
    while not server.started or (not gateway.member.connected and time.monotonic() < deadline):
        if gateway.ended.done():
            return
        await asyncio.sleep(0.005)
    services = gateway.services
    document = {
        "ready": True,
        "url": url,
        "mesh": gateway.mesh_id,
        "broker": ", ".join(map(str, addresses(services.settings.broker))),
        "connected": gateway.member.connected,
        "model": services.settings.models.name or None,
        "seconds": round(time.monotonic() - began, 3),
    }
    if services.first_password is not None:
        # Shown this once: the user is made at the first start, and must choose another at the first login
        document["first_login"] = {"user": "admin", "password": services.first_password}
        services.first_password = None
    print(json.dumps(document), flush=True)
    _log.info("listening", url=url, mesh=gateway.mesh_id, connected=gateway.member.connected)


def _believed(networks: Sequence[IPv4Network | IPv6Network]) -> list[str]:
    """The networks for uvicorn; those of IPv4 also as a socket of IPv6 names them (RFC 4291 section 2.5.5.2)."""
    mapped = [f"::ffff:{each.network_address}/{96 + each.prefixlen}" for each in networks if each.version == 4]
    return [*map(str, networks), *mapped]


def _url(settings: Settings, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    host = settings.host if settings.host not in ("0.0.0.0", "::", "") else "127.0.0.1"  # noqa: S104
    scheme = "https" if settings.certificate else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _check_tls(certificate: Path | None, private_key: Path | None) -> None:
    if certificate is None:
        return
    for path in (certificate, private_key):
        if path is not None and not path.exists():
            raise NotFoundError(f"{path} does not exist: --tls-certificate and --tls-key name files of PEM")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, private_key)
    except (OSError, ssl.SSLError) as error:
        raise InvalidError(f"not a certificate with its key: {error}", where=str(certificate)) from None
