# SPDX-License-Identifier: GPL-3.0-or-later
"""Has an edit live on a node: each time a document is saved it is checked, tested, and put on the node."""

import argparse
import base64
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.cli import gateway_flags
from ganglion.cli.show import plain
from ganglion.errors import GanglionError
from ganglion.mova.load import load

if TYPE_CHECKING:
    from ganglion.cli.gateway_client import GatewayClient
    from ganglion.mova.plan import Plan

#: Seconds between two looks at the file.
_LOOK = 0.2
#: Seconds between two looks at the node: it forgets the script when it starts again.
_LOOK_AT_NODE = 3.0


def arguments(verbs: Any, common: argparse.ArgumentParser) -> None:
    """`ganglion mova watch FILE --node NODE`."""
    verb = verbs.add_parser("watch", parents=[common], help="have each edit live on a node, once it passes its tests")
    verb.add_argument("file", type=Path, metavar="FILE", help="a document, JSON or YAML")
    verb.add_argument("--node", required=True, metavar="NODE", help="its name or id")
    verb.add_argument("--once", action="store_true", help="put it there as it is now, and end")
    gateway_flags.arguments(verb)


def watched(args: argparse.Namespace) -> None:
    """Follows the file until Ctrl-C; a document that is wrong or fails is said, and the one before goes on.

    The node keeps what it was given until it starts again, and then gets it again; so does one that was away. A
    document that is given another name takes the place of what was put under the one before.

    Raises:
        GanglionError: with `--once`, what is wrong.
    """
    from ganglion.cli import gateway_client

    live = _Live(args, gateway_client.find(args))
    if args.once:
        live.take(put(live.gateway, args.node, args.file))
        return
    before = None
    while True:
        data = _bytes(args.file)
        if data != before:
            before = data
            live.put()
        elif time.monotonic() >= live.due and not live.is_there():
            live.put()
        time.sleep(_LOOK)


class _Live:
    """What is to be live on a node, and whether it is.

    Attributes:
        due: When to look at the node again, on the monotonic clock.
    """

    def __init__(self, args: argparse.Namespace, gateway: "GatewayClient") -> None:
        self.gateway = gateway
        self.due = 0.0
        self._args = args
        self._name = ""
        self._waits = False  # for the node or the gateway to answer
        self._said = ""

    def put(self) -> None:
        """Has the document run, or says why it does not."""
        began = time.perf_counter()
        try:
            answer = put(self.gateway, self._args.node, self._args.file)
        except GanglionError as error:
            self._waits = error.retry
            self._wrong(error)
        else:
            self._waits = False
            self.take(answer, time.perf_counter() - began)
        self.due = time.monotonic() + _LOOK_AT_NODE

    def take(self, answer: dict[str, Any], took: float = 0.0) -> None:
        """Says that it is live."""
        args, name = self._args, answer["name"]
        text = f"live on {args.node} after {took:.2f} s: {plain(name)} {plain(answer['hash'])[:12]}"
        if answer["replaced"] and not self._name:
            text += "; it took the place of another script of that name"
        _say(args, {"live": True, **answer, "took_s": round(took, 3)}, text)
        self._said = ""
        if self._name and self._name != name:
            _remove(args, self.gateway, self._name)
        self._name = name

    def is_there(self) -> bool:
        """Whether the node has it still; no, where it has not got it because nobody answered."""
        self.due = time.monotonic() + _LOOK_AT_NODE
        if self._waits or not self._name:
            return not self._waits
        try:
            listed = self.gateway.command(self._args.node, "scripts.list", {})["result"]["scripts"]
        except GanglionError as error:
            if error.retry:
                self._wrong(error)
            return True
        return any(each["name"] == self._name for each in listed)

    def _wrong(self, error: GanglionError) -> None:
        if str(error) != self._said:
            self._said = str(error)
            again = ": it is tried again" if error.retry else ""
            _say(self._args, {"live": False, **error.data()}, f"not live: {plain(str(error))}{again}")


def _remove(args: argparse.Namespace, gateway: "GatewayClient", name: str) -> None:
    """Ends what was put under the name that the document had before."""
    try:
        gateway.command(args.node, "scripts.remove", {"name": name})
    except GanglionError as error:
        text = f"{plain(name)}, its name before, is not removed: {plain(str(error))}"
        _say(args, {"removed": None, "error": str(error)}, text)
    else:
        _say(args, {"removed": name}, f"{plain(name)}, its name before, runs no more on {args.node}")


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""  # an editor is about to write it; `load` says what is wrong where it stays so


def _say(args: argparse.Namespace, document: dict[str, Any], text: str) -> None:
    print(json.dumps(document, ensure_ascii=False) if args.json else text, flush=True)


def put(gateway: "GatewayClient", node: str, file: Path) -> dict[str, Any]:
    """Has a script run on a node: `{"name", "hash", "replaced"}`.

    Raises:
        GanglionError: it is not valid, fails one of its tests, or the node does not take it.
    """
    params = {"plan": base64.urlsafe_b64encode(compiled(file).encode()).decode()}
    answer: dict[str, Any] = gateway.command(node, "scripts.put", params)["result"]
    return answer


def compiled(file: Path) -> "Plan":
    """The plan of a script that passes its own tests.

    Raises:
        GanglionError: it is not valid, or fails one of its tests.
    """
    # The other verbs must not pay for what only running needs.
    from ganglion.mova.compile import compile
    from ganglion.mova.trial import run_all

    document = load(file)
    plan = compile(document)
    for outcome in run_all(document, plan):
        if outcome.failures:
            raise GanglionError(f"{document.file}: the test {outcome.name!r} fails: {outcome.failures[0]}")
    return plan
