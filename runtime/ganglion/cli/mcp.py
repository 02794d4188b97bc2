# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives a language model eight tools for the fleet, by the Model Context Protocol (docs/mcp.md)."""

import argparse
import asyncio
from ipaddress import ip_address

from ganglion.cli import gateway_client, gateway_flags
from ganglion.errors import UsageError


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion mcp [--http HOST:PORT]`."""
    parser.add_argument(
        "--http", metavar="HOST:PORT", help="serve streamable HTTP at /mcp; default: speak over stdin and stdout"
    )
    parser.add_argument(
        "--insecure-listen", action="store_true", help="let --http be beyond loopback, behind a proxy that has TLS"
    )
    gateway_flags.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs until the client, or who started it, ends it.

    Raises:
        UsageError: --http is no address, or is beyond loopback.
    """
    known = gateway_client.find(args)
    if args.http is None:
        if args.insecure_listen:
            raise UsageError("--insecure-listen is about --http, which is missing")
        from ganglion.cli.mcp_server import server

        asyncio.run(server(lambda _: known).run_stdio_async())
        return 0
    host, port = _address(args.http)
    if not (args.insecure_listen or _is_loopback(host)):
        raise UsageError(
            f"--http {args.http} is beyond loopback, where tokens would be read by anybody on the way: "
            "give --insecure-listen behind a proxy that has TLS"
        )
    from ganglion.cli.mcp_server import serve_http

    def gateway(token: str) -> gateway_client.GatewayClient:
        return gateway_client.GatewayClient(known.url, token, "the request")

    asyncio.run(serve_http(gateway, host, port, beyond=args.insecure_listen))
    return 0


def _address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not host or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise UsageError(f"--http {text}: write HOST:PORT, as in 127.0.0.1:8480; 0 picks a free port")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
