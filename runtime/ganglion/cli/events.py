# SPDX-License-Identifier: GPL-3.0-or-later
"""Events on a terminal as they come: what `ganglion watch` and `ganglion bus watch` have in common."""

import argparse
import json
import sys
from collections.abc import Iterable
from itertools import islice
from typing import Any

from ganglion.bus import Filter
from ganglion.cli.show import clock, plain
from ganglion.errors import InvalidError, UsageError


def arguments(parser: argparse.ArgumentParser, *, example: str) -> None:
    """`[TOPIC] [--where JSON] [--count N]`."""
    parser.add_argument("topic", nargs="?", default="#", metavar="TOPIC", help=f"an MQTT topic filter, as in {example}")
    parser.add_argument("--where", metavar="JSON", help='a filter on events, as in \'{"value": {"$gt": 8}}\'')
    parser.add_argument("--count", type=int, metavar="N", help="end after so many events")


def show(documents: Iterable[dict[str, Any]], args: argparse.Namespace) -> None:
    """Prints them until they end or `--count` is reached.

    Raises:
        UsageError: the count is less than one.
    """
    if args.count is not None and args.count < 1:
        raise UsageError(f"--count {args.count}: at least 1")
    for document in islice((each for each in documents if not _is_loss(each)), args.count):
        print(json.dumps(document, ensure_ascii=False) if args.json else _text(document), flush=True)


def _is_loss(document: dict[str, Any]) -> bool:
    if "dropped" not in document:
        return False
    print(
        f"ganglion: {plain(document['dropped'])} events were too fast for this terminal and are lost", file=sys.stderr
    )
    return True


def where(text: str) -> Any:
    """The filter in a word; what is wrong with it is said before the gateway is asked.

    Raises:
        UsageError: it is none.
    """
    try:
        return Filter.parse(text, where="--where").source
    except InvalidError as error:
        raise UsageError(str(error)) from None


def _text(document: dict[str, Any]) -> str:
    source = f"  ({plain(document['source'])})" if document["source"] else ""
    return f"{clock(document['timestamp'])}  {plain(document['topic'])}  {plain(document['value'])}{source}"
