# SPDX-License-Identifier: GPL-3.0-or-later
"""Has an edit live on a node: each time a document is saved it is checked, tested, and put on the node."""

import argparse
import base64
import json
import time
from pathlib import Path
from typing import Any

from ganglion.cli import gateway_client
from ganglion.cli.gateway_client import GatewayClient
from ganglion.cli.show import plain
from ganglion.errors import GanglionError
from ganglion.mova.load import load

#: Seconds between two looks at the file.
_LOOK = 0.2


def arguments(verbs: Any, common: argparse.ArgumentParser) -> None:
    """`ganglion mova watch FILE --node NODE`."""
    verb = verbs.add_parser("watch", parents=[common], help="have each edit live on a node, once it passes its tests")
    verb.add_argument("file", type=Path, metavar="FILE", help="a document, JSON or YAML")
    verb.add_argument("--node", required=True, metavar="NODE", help="its name or id")
    verb.add_argument("--once", action="store_true", help="put it there as it is now, and end")
    gateway_client.arguments(verb)


def watched(args: argparse.Namespace) -> None:
    """Follows the file until Ctrl-C; a document that is wrong or fails is said, and the one before goes on.

    The node keeps what it was given until it starts again; then it has what its configuration names.

    Raises:
        GanglionError: with `--once`, what is wrong.
    """
    gateway, before = gateway_client.find(args), None
    while True:
        data = _bytes(args.file)
        if data != before:
            before = data
            began = time.perf_counter()
            try:
                answer = _put(gateway, args.node, args.file)
            except GanglionError as error:
                if args.once:
                    raise
                _say(args, {"live": False, "error": str(error)}, f"not live: {plain(str(error))}")
            else:
                took = time.perf_counter() - began
                text = f"live on {args.node} after {took:.2f} s: {plain(answer['name'])} {plain(answer['hash'])[:12]}"
                _say(args, {"live": True, **answer, "took_s": round(took, 3)}, text)
        if args.once:
            return
        time.sleep(_LOOK)


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""  # an editor is about to write it; `load` says what is wrong where it stays so


def _say(args: argparse.Namespace, document: dict[str, Any], text: str) -> None:
    print(json.dumps(document, ensure_ascii=False) if args.json else text, flush=True)


def _put(gateway: GatewayClient, node: str, file: Path) -> dict[str, Any]:
    # The other verbs must not pay for what only running needs.
    from ganglion.mova.compile import compile
    from ganglion.mova.trial import run_all

    document = load(file)
    plan = compile(document)
    for outcome in run_all(document, plan):
        if outcome.failures:
            raise GanglionError(f"{document.file}: the test {outcome.name!r} fails: {outcome.failures[0]}")
    params = {"plan": base64.urlsafe_b64encode(plan.encode()).decode()}
    answer: dict[str, Any] = gateway.command(node, "scripts.put", params)["result"]
    return answer
