# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a broker, the gateway and three nodes on this machine, live, until Ctrl-C.

Everything listens on loopback; state, keys and logs are kept under the state folder, and a second start finds them.
"""

import argparse
import asyncio
from pathlib import Path

from ganglion.cli import option
from ganglion.config import state_folder
from ganglion_gateway.webhook.address import check_url
from ganglion_tools.up.site import Site


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The options of `ganglion up`."""
    parser.add_argument(
        "--broker",
        default="nats",
        help="nats (the default), mosquitto, or the URL of a broker that runs elsewhere: mqtt://host:1883, "
        "its account in ?account=FILE",
    )
    parser.add_argument("--state", type=Path, default=state_folder(), help="where keys, data and logs are kept")
    parser.add_argument("--webhook", metavar="URL", help="deliver alerts here instead of to a receiver of our own")
    parser.add_argument("--exit-after-first-alert", action="store_true", help="end after one full pass, for scripts")


def run(args: argparse.Namespace) -> None:
    """Follows the site until it is told to stop; prints as it goes."""
    if args.webhook is not None:
        with option.usage("--webhook"):
            check_url(args.webhook, allow_http=True)
    site = Site(state=args.state, broker=args.broker, webhook=args.webhook, as_json=args.json)
    asyncio.run(site.run(until_first_alert=args.exit_after_first_alert))
