# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the fleet's events as they come, those that a topic and a filter let through."""

import argparse
import json
from urllib.parse import urlencode

from ganglion.cli import events, gateway_client, gateway_flags


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion watch [TOPIC] [--where JSON]`."""
    events.arguments(parser, example="fridge/# or +/alert/#")
    gateway_flags.arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Follows until Ctrl-C, `--count`, or the end of the gateway."""
    query = {"topic": args.topic}
    if args.where is not None:
        query["where"] = json.dumps(events.where(args.where))
    events.show(gateway_client.find(args).follow(f"/api/v1/watch?{urlencode(query)}"), args)
