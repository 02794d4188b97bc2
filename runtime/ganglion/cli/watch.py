# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the fleet's events as they come, those that a topic and a filter let through."""

import argparse
import json
import sys
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from ganglion.bus import Filter
from ganglion.cli import gateway_client
from ganglion.cli.show import clock, plain
from ganglion.errors import InvalidError, UsageError


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion watch [TOPIC] [--where JSON]`."""
    parser.add_argument(
        "topic", nargs="?", default="#", metavar="TOPIC", help="an MQTT topic filter, as in fridge/# or +/alert/#"
    )
    parser.add_argument("--where", metavar="JSON", help='a filter on events, as in \'{"value": {"$gt": 8}}\'')
    parser.add_argument("--count", type=int, metavar="N", help="end after so many events")
    gateway_client.arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Follows until Ctrl-C, `--count`, or the end of the gateway."""
    if args.count is not None and args.count < 1:
        raise UsageError(f"--count {args.count}: at least 1")
    query = {"topic": args.topic}
    if args.where is not None:
        query["where"] = json.dumps(_where(args.where))
    documents = gateway_client.find(args).follow(f"/api/v1/watch?{urlencode(query)}")
    for document in islice((each for each in documents if not _is_loss(each)), args.count):
        print(json.dumps(document, ensure_ascii=False) if args.json else _text(document), flush=True)


def _is_loss(document: dict[str, Any]) -> bool:
    if "dropped" not in document:
        return False
    print(
        f"ganglion: {plain(document['dropped'])} events were too fast for this terminal and are lost", file=sys.stderr
    )
    return True


def _where(text: str) -> Any:
    """The filter in a word; what is wrong with it is said before the gateway is asked.

    Raises:
        UsageError: it is none.
    """
    try:
        where = json.loads(text)
        Filter(where, where="--where")
    except InvalidError as error:
        raise UsageError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--where is no JSON: {error}") from None
    return where


def _text(document: dict[str, Any]) -> str:
    source = f"  ({plain(document['source'])})" if document["source"] else ""
    return f"{clock(document['timestamp'])}  {plain(document['topic'])}  {plain(document['value'])}{source}"
