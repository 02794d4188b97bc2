# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what passes on a mesh: the messages of a broker, and the frames of a LAN that are for everyone."""

import argparse
import asyncio
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ganglion.cli import gateway_flags
from ganglion.cli.show import clock, plain
from ganglion.errors import GanglionError, LocalProtocolError, NotFoundError, RefusedError, UnreachableError, UsageError

if TYPE_CHECKING:
    from ganglion.mesh.sniffing import Sniffer

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

#: Seconds that the broker has to be there.
_PATIENCE = 10.0
#: Seconds between looks at whether the broker refuses us.
_LOOK = 0.2
_SIGNATURES = {"valid": "ok", "invalid": "FALSE", "unknown": "?"}


def arguments(verbs: "Verbs", common: argparse.ArgumentParser) -> None:
    """`ganglion mesh sniff [--broker URL] [--topic FILTER] [--interface IF [--mesh ID]] [--count N]`."""
    verb = verbs.add_parser("sniff", parents=[common], help="what passes on a broker or a LAN")
    verb.add_argument("--broker", action="append", metavar="URL", help="or GANGLION_BROKER")
    verb.add_argument("--topic", default="gl1/#", metavar="FILTER", help="of the broker; default: gl1/#")
    verb.add_argument("--interface", metavar="IF", help="a LAN, as in eth0, in place of the broker or beside --broker")
    verb.add_argument("--mesh", metavar="ID", help="whose frames to hear on the LAN; default: the gateway's")
    verb.add_argument("--count", type=int, metavar="N", help="end after so many")
    gateway_flags.arguments(verb)
    verb.set_defaults(perform=sniff)


def sniff(args: argparse.Namespace) -> None:
    """A line for each, until Ctrl-C or `--count`; with `--json` a document a line.

    Exit codes: 0 ok, 3 no such interface, 4 the broker refuses, 5 no broker.

    Raises:
        UsageError: neither a broker nor an interface.
    """
    from ganglion.config import brokers
    from ganglion.mqtt.packet import topic_filter

    urls = brokers(args.broker) if args.broker or not args.interface else ()
    if not urls and not args.interface:
        raise UsageError("give --broker URL, or GANGLION_BROKER, or --interface for a LAN")
    if args.count is not None and args.count < 1:
        raise UsageError(f"--count {args.count}: at least 1")
    try:
        topic_filter(args.topic)
    except LocalProtocolError as error:
        raise UsageError(f"--topic: {error}") from None
    mesh = _mesh(args) if args.interface else ""
    asyncio.run(_sniff(args, urls, mesh))


def _mesh(args: argparse.Namespace) -> str:
    if args.mesh is None:
        from ganglion.cli import gateway_client
        from ganglion.client.operations import fleet

        return str(gateway_client.find(args).ask(fleet.get_members(limit=1))["mesh"])
    from ganglion.mesh.trust_store import mesh_pin

    mesh_pin(args.mesh, "--mesh")
    return str(args.mesh)


class _Shown:
    """What was shown so far."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._left = args.count
        self._as_json = args.json
        self.enough = asyncio.Event()
        self.failure: Exception | None = None

    def add(self, document: dict[str, Any]) -> None:
        """Prints it."""
        if self.enough.is_set():
            return
        try:
            print(json.dumps(document, ensure_ascii=False) if self._as_json else text(document), flush=True)
        except BrokenPipeError as error:  # the reader has gone, which no callback may raise
            self.failure = error
            self.enough.set()
            return
        if self._left is not None:
            self._left -= 1
            if not self._left:
                self.enough.set()


async def _sniff(args: argparse.Namespace, urls: tuple[str, ...], mesh: str) -> None:
    from ganglion.mesh.sniffing import Sniffer

    sniffer, shown = Sniffer(), _Shown(args)
    tasks = []
    if urls:
        tasks.append(asyncio.create_task(_broker(urls, args.topic, sniffer, shown)))
    if args.interface:
        tasks.append(asyncio.create_task(_lan(args.interface, mesh, sniffer, shown)))
    end = asyncio.create_task(shown.enough.wait())
    try:
        done, _ = await asyncio.wait([*tasks, end], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for each in (*tasks, end):
            each.cancel()
        await asyncio.gather(*tasks, end, return_exceptions=True)
    if shown.failure is not None:
        raise shown.failure


async def _broker(urls: tuple[str, ...], filter: str, sniffer: "Sniffer", shown: _Shown) -> None:
    """Hears a broker until cancelled.

    Raises:
        UnreachableError: it is not there.
        RefusedError: this account may not hear that.
    """
    from ganglion.mesh.mqtt_transport import MqttTransport
    from ganglion.mesh.transport import Message

    transport = MqttTransport(urls)

    def hear(messages: list[Message]) -> None:
        now = time.time_ns()
        for each in messages:
            shown.add(sniffer.message(each.topic, each.payload, now=now, retained=each.retain))

    transport.on_messages = hear
    transport.subscribe(filter)
    life = asyncio.create_task(transport.run())
    try:
        deadline = time.monotonic() + _PATIENCE
        while not life.done():
            if transport.statistics().refused:
                raise RefusedError(
                    f"{transport.url} lets this account not hear {filter}: use the gateway's, or --topic"
                )
            if not transport.statistics().connections and time.monotonic() > deadline:
                raise UnreachableError(f"no broker answers at {transport.url} within {_PATIENCE:g} s")
            await asyncio.sleep(_LOOK)
        await life
    finally:
        life.cancel()
        with suppress(asyncio.CancelledError, GanglionError):
            await life


async def _lan(interface: str, mesh: str, sniffer: "Sniffer", shown: _Shown) -> None:
    """Hears what is for everyone on an interface, until cancelled.

    Raises:
        NotFoundError: there is no such interface, or nothing can be heard on it.
    """
    from ganglion.mesh.links import interfaces, lan
    from ganglion_micro import gl1

    found = interfaces.present(interface)
    if not found:
        raise NotFoundError(f"no interface {interface} is up that has an address and carries multicast")
    try:
        sock = lan.listening(found[0], gl1.from_base32(mesh))
    except OSError as error:
        raise NotFoundError(f"nothing can be heard on {interface}: {error.strerror}") from None
    loop = asyncio.get_running_loop()
    with sock:
        while True:
            data, address = await loop.sock_recvfrom(sock, 65536)
            where = f"lan/{interface} {address[0]}"
            shown.add(sniffer.datagram(mesh, where, data, now=time.time_ns()))


def text(document: dict[str, Any]) -> str:
    """One line for people."""
    sender, to = plain(document["from"] or "?"), plain(document["to"])
    who = f"{sender} > {to}" if to else sender
    number = (
        "" if document["seq"] is None else f"{'' if document['epoch'] is None else document['epoch']}/{document['seq']}"
    )
    signature = _SIGNATURES.get(document["signature"] or "", "")
    notes = [*(["retained"] if document["retained"] else []), *([plain(document["note"])] if document["note"] else [])]
    line = (
        f"{clock(document['time'])}  {plain(document['kind']):12}  {who:28}  {number:10}  {document['size']:5} B  "
        f"{signature:5}  {plain(document['where'])}"
    )
    return line + (f"  ({', '.join(notes)})" if notes else "")
