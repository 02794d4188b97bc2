# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the fleet's events as they come, those that a topic and a filter let through."""

import argparse
import json

from ganglion.cli import events, gateway_client, gateway_flags
from ganglion.client.operations import events as api


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion watch [TOPIC] [--where JSON]`."""
    events.arguments(parser, example="fridge/# or +/alert/#")
    gateway_flags.arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Follows until Ctrl-C, `--count`, or the end of the gateway."""
    where = None if args.where is None else json.dumps(events.where(args.where))
    events.show(gateway_client.find(args).follow(api.get_watch(topic=args.topic, where=where)), args)
