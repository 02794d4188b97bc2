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
    """Follows until Ctrl-C or `--count`.

    Exit codes: 0 ok, 4 refused, 5 no gateway answers, or it broke off, 130 Ctrl-C.
    """
    where = None if args.where is None else json.dumps(events.where(args.where))
    asked = api.get_watch(topic=args.topic, where=where)
    events.show(gateway_client.endless(gateway_client.find(args), asked), args)
