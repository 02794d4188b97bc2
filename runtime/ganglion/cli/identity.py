# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes, shows and replaces the Ed25519 key of a node."""

import argparse
from pathlib import Path
from typing import Any

from ganglion import config
from ganglion.cli import gateway_flags
from ganglion.cli.result import Result
from ganglion.cli.show import plain
from ganglion.errors import NotFoundError, RefusedError, UsageError
from ganglion.mesh.identity import Identity, fingerprint


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion id new|show|rotate`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    for verb, line in [
        ("new", "make a key; refuses to overwrite one"),
        ("show", "show node id, fingerprint and public key"),
        ("rotate", "have a node take another key; it stays the same device"),
    ]:
        sub = verbs.add_parser(verb, parents=[common], help=line)
        sub.add_argument("--state", type=Path, help="the node's state folder; default: the XDG state folder")
        if verb == "rotate":
            sub.add_argument(
                "node", nargs="?", metavar="NODE", help="a node elsewhere, by name or id, asked by its gateway"
            )
            gateway_flags.arguments(sub)


def run(args: argparse.Namespace) -> Result:
    """Only the public part is ever shown. Exit codes: 0 ok, 3 no such key or node, 4 refused, 5 no answer.

    Raises:
        RefusedError: `new`, and there is a key already; `rotate`, and the rotation before is not over.
        NotFoundError: `show` or `rotate`, and there is none.
    """
    if args.verb == "rotate" and args.node is not None:
        return _rotate_there(args)
    state = args.state or config.state_folder() / "id"
    if args.verb == "rotate":
        return _rotate_here(state)
    path = state / "identity"
    if args.verb == "new":
        if path.exists():
            raise RefusedError(f"{path} is there already: without its key a node must enrol again; move it away")
        state.mkdir(parents=True, exist_ok=True)
        identity = Identity.create()
        identity.save(path)
    else:
        if not path.exists():
            raise NotFoundError(f"{path} does not exist: `ganglion id new --state {state}` makes it")
        identity = Identity.load(path)
    data = {
        "node": identity.node_id,
        "fingerprint": fingerprint(identity.node_id),
        "kid": identity.kid.hex(),
        "public_key": identity.public.hex(),
        "file": str(path),
    }
    return Result(data=data, text=lambda: "\n".join(f"{key:11} {value}" for key, value in data.items()))


def _rotate_here(state: Path) -> Result:
    from ganglion.mesh.rotation import prepare

    new = prepare(state)
    data = {
        "node": Identity.load(state / "identity").node_id,
        "next": new.node_id,
        "fingerprint": fingerprint(new.node_id),
    }
    return Result(
        data=data,
        text=lambda: (
            f"{data['node']} becomes {data['next']}: at once where the node runs and is online, else when it is"
        ),
    )


def _rotate_there(args: argparse.Namespace) -> Result:
    from ganglion.cli import gateway_client

    if args.state is not None:
        raise UsageError("`ganglion id rotate` takes NODE for one elsewhere, or --state for one of this machine")
    answer: dict[str, Any] = gateway_client.find(args).command(args.node, "identity.rotate", {})["result"]
    data = {"next": answer["node"], "fingerprint": fingerprint(answer["node"])}
    return Result(
        data=data, text=lambda: f"{args.node} becomes {plain(data['next'])}; `ganglion devices list` shows when"
    )
