# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the gateway: the fleet's server with its database, webhooks, model bridge, API and dashboard."""

import argparse
import asyncio
import os
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path

from ganglion import __version__
from ganglion.cli import option
from ganglion.cli.result import Result
from ganglion.config import brokers, state_folder
from ganglion.errors import UsageError
from ganglion.mesh.links.spec import LinkSpec, several
from ganglion.mqtt.url import BrokerUrl
from ganglion_gateway import logs
from ganglion_gateway.backup import command as backup
from ganglion_gateway.model.configuration import ModelsSettings
from ganglion_gateway.server import serve
from ganglion_gateway.settings import Settings, TraceSettings, WebhookSettings
from ganglion_gateway.store.url import DatabaseUrl
from ganglion_gateway.webhook.address import check_url
from ganglion_micro import gl1


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The options of `ganglion gateway`."""
    parser.add_argument("--state", type=Path, default=state_folder() / "gateway", help="database, keys and token")
    parser.add_argument(
        "--database",
        metavar="URL",
        help="postgresql://host/name?account=FILE in place of a file in --state; or GANGLION_DATABASE",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8470, help="TCP port; 0 picks a free one")
    parser.add_argument(
        "--broker",
        action="append",
        metavar="URL",
        help="mqtt:// or mqtts://, its account in ?account=FILE; again for another address of it; or GANGLION_BROKER",
    )
    parser.add_argument(
        "--link",
        action="append",
        metavar="LINK",
        help="lan (the default), lan:INTERFACE or the URL of another broker; again for more; none: --broker alone",
    )
    parser.add_argument("--name", default="gateway", help="what the mesh calls it")
    parser.add_argument("--webhook", metavar="URL", help="deliver alerts here, signed by Standard Webhooks")
    parser.add_argument("--webhook-secret-file", type=Path, metavar="FILE", help="holds the whsec_…; else one is made")
    parser.add_argument(
        "--allow-private-webhooks", action="store_true", help="let --webhook be http, and on a private address"
    )
    parser.add_argument(
        "--models", type=Path, metavar="FILE", help="language models, budgets and cache, TOML; or GANGLION_MODELS"
    )
    parser.add_argument(
        "--home-assistant",
        metavar="URL",
        help="announce the fleet to Home Assistant on this broker, as --broker has it; or GANGLION_HOME_ASSISTANT",
    )
    parser.add_argument(
        "--home-assistant-group",
        action="append",
        metavar="NAME",
        help="announce there what is confidential to this group, too; again for more",
    )
    parser.add_argument("--tls-certificate", type=Path, metavar="FILE", help="PEM: serve https with this certificate")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="PEM: the key of the certificate")
    parser.add_argument(
        "--insecure-listen", action="store_true", help="listen beyond loopback though there is no certificate"
    )
    parser.add_argument(
        "--trusted-proxy",
        action="append",
        metavar="CIDR",
        help="believe the X-Forwarded-For and X-Forwarded-Proto of proxies in this network; again for more",
    )
    parser.add_argument("--log", default="info", choices=["debug", "info", "warning", "error"], help="how much to log")
    parser.add_argument("--log-json", action="store_true", help="log one JSON document a line")
    parser.set_defaults(verb=None)
    backup.arguments(parser.add_subparsers(metavar="[backup | restore]", dest="verb"), common)


def settings(args: argparse.Namespace) -> Settings:
    """What the command line and the environment say.

    Raises:
        UsageError: it makes no sense, or would show tokens to the network or a password to the machine.
        InvalidError: what the environment says is no URL.
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
    if args.webhook is not None:
        _check_webhook(args.webhook, allow_http=args.allow_private_webhooks)
    if not 0 <= args.port <= 65535:
        raise UsageError(f"--port {args.port}: from 0 to 65535")
    return Settings(
        state=args.state.absolute(),
        broker=brokers(args.broker, "mqtt://127.0.0.1:1883"),
        database=_database(args.database),
        host=args.host,
        links=_links(args.link),
        port=args.port,
        name=args.name,
        webhook=WebhookSettings(
            url=args.webhook, secret_file=args.webhook_secret_file, allow_private=args.allow_private_webhooks
        )
        if args.webhook is not None
        else None,
        models=_models(args.models),
        traces=TraceSettings.read(os.environ),
        certificate=args.tls_certificate,
        private_key=args.tls_key,
        trusted_proxies=tuple(_network(each) for each in args.trusted_proxy or ()),
        home_assistant=(home_assistant := _home_assistant(args.home_assistant)),
        home_assistant_groups=_home_assistant_groups(args.home_assistant_group, home_assistant),
        version=__version__,
    )


def run(args: argparse.Namespace) -> Result | None:
    """Runs until SIGTERM or Ctrl-C; one JSON line on stdout says that it is ready. Or makes or restores a backup."""
    if args.verb is not None:
        return backup.run(args, _database(args.database))
    chosen = settings(args)
    logs.configure(args.log, as_json=args.log_json)
    asyncio.run(serve(chosen))
    return None


def _check_webhook(url: str, *, allow_http: bool) -> None:
    if url.startswith("http://") and not allow_http:
        raise UsageError(
            f"--webhook {url} is not https: anybody on the way could read it; --allow-private-webhooks says that this "
            "is fine"
        )
    with option.usage("--webhook"):
        check_url(url, allow_http=True)


def _links(flags: list[str] | None) -> tuple[LinkSpec, ...] | None:
    if flags == ["none"]:
        return None
    with option.usage("--link"):
        return tuple(several(flags or ["lan"]))


def _database(flag: str | None) -> DatabaseUrl | None:
    with option.usage("--database"):
        url = None if flag is None else DatabaseUrl.parse(flag)
    if url is not None and url.has_password:
        raise UsageError(
            f"--database {url} has a password, which the list of processes shows to everybody: "
            "write user:password into a file and name it with ?account=FILE, or put the URL into GANGLION_DATABASE"
        )
    given = flag or os.environ.get("GANGLION_DATABASE", "").strip()
    return DatabaseUrl.parse(given) if given else None


def _models(flag: Path | None) -> ModelsSettings:
    """The language models of a file, else the one of the environment."""
    path = flag or (Path(given) if (given := os.environ.get("GANGLION_MODELS", "").strip()) else None)
    return ModelsSettings.of_environment(os.environ) if path is None else ModelsSettings.of_file(path)


def _home_assistant(flag: str | None) -> str:
    """The broker of Home Assistant; checked here, so that a mistake is found before anything runs."""
    with option.usage("--home-assistant"):
        url = None if flag is None else BrokerUrl.parse(flag)
    if url is not None and url.password is not None:
        raise UsageError(
            f"--home-assistant {url} has a password, which the list of processes shows to everybody: "
            "name a file with it by ?account=FILE, or put the URL into GANGLION_HOME_ASSISTANT"
        )
    given = flag or os.environ.get("GANGLION_HOME_ASSISTANT", "").strip()
    if given:
        BrokerUrl.parse(given)
    return given


def _home_assistant_groups(flags: list[str] | None, broker: str) -> tuple[str, ...]:
    if flags and not broker:
        raise UsageError("--home-assistant-group is about --home-assistant, which is missing")
    if wrong := [name for name in flags or () if not gl1.level(name)]:
        raise UsageError(f"--home-assistant-group {wrong[0]!r}: a group's name is 1 to 32 of a-z A-Z 0-9 _ -")
    return tuple(flags or ())


def _network(given: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(given)
    except ValueError as error:
        raise UsageError(f"--trusted-proxy {given!r}: {error}: give a network as 10.1.0.0/16, or an address") from None
    if not network.prefixlen:
        raise UsageError(f"--trusted-proxy {given}: would believe anybody: give the network that the proxy is in")
    return network


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
