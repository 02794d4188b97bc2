# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the gateway: the fleet's server with its database, webhooks, model bridge, API and dashboard."""

import argparse
import asyncio
import os
from ipaddress import ip_address
from pathlib import Path

from ganglion import __version__
from ganglion.config import state_folder
from ganglion.errors import UsageError
from ganglion_gateway import logs
from ganglion_gateway.server import serve
from ganglion_gateway.settings import ModelSettings, Settings, WebhookSettings


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The options of `ganglion gateway`."""
    parser.add_argument("--state", type=Path, default=state_folder() / "gateway", help="database, keys and token")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8470, help="TCP port; 0 picks a free one")
    parser.add_argument(
        "--broker",
        default=os.environ.get("GANGLION_BROKER", "mqtt://127.0.0.1:1883"),
        metavar="URL",
        help="mqtt:// or mqtts://; GANGLION_BROKER keeps a password out of the list of processes",
    )
    parser.add_argument("--name", default="gateway", help="what the mesh calls it")
    parser.add_argument("--webhook", metavar="URL", help="deliver alerts here, signed by Standard Webhooks")
    parser.add_argument("--webhook-secret-file", type=Path, metavar="FILE", help="holds the whsec_…; else one is made")
    parser.add_argument(
        "--allow-private-webhooks", action="store_true", help="let --webhook be http, and on a private address"
    )
    parser.add_argument("--tls-certificate", type=Path, metavar="FILE", help="PEM: serve https with this certificate")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="PEM: the key of the certificate")
    parser.add_argument(
        "--insecure-listen", action="store_true", help="listen beyond loopback though there is no certificate"
    )
    parser.add_argument("--log", default="info", choices=["debug", "info", "warning", "error"], help="how much to log")
    parser.add_argument("--log-json", action="store_true", help="log one JSON document a line")


def settings(args: argparse.Namespace) -> Settings:
    """What the command line and the environment say.

    Raises:
        UsageError: it makes no sense, or would show tokens to the network.
    """
    if bool(args.tls_certificate) != bool(args.tls_key):
        raise UsageError("--tls-certificate and --tls-key go together")
    if not (_is_loopback(args.host) or args.tls_certificate or args.insecure_listen):
        raise UsageError(
            f"--host {args.host} is beyond loopback, where tokens would be read by anybody on the way: "
            "give --tls-certificate and --tls-key, or --insecure-listen behind a proxy that has them"
        )
    if args.webhook is None and (args.webhook_secret_file or args.allow_private_webhooks):
        raise UsageError("--webhook-secret-file and --allow-private-webhooks are about --webhook, which is missing")
    if not 0 <= args.port <= 65535:
        raise UsageError(f"--port {args.port}: from 0 to 65535")
    return Settings(
        state=args.state.absolute(),
        broker=args.broker,
        host=args.host,
        port=args.port,
        name=args.name,
        webhook=WebhookSettings(
            url=args.webhook, secret_file=args.webhook_secret_file, allow_private=args.allow_private_webhooks
        )
        if args.webhook
        else None,
        model=ModelSettings.read(os.environ),
        certificate=args.tls_certificate,
        private_key=args.tls_key,
        version=__version__,
    )


def run(args: argparse.Namespace) -> None:
    """Runs until SIGTERM or Ctrl-C; one JSON line on stdout says that it is ready."""
    chosen = settings(args)
    logs.configure(args.log, as_json=args.log_json)
    asyncio.run(serve(chosen))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
