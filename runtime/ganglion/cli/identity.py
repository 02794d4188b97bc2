# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes or shows the Ed25519 identity of a node."""

import argparse
from pathlib import Path

from ganglion import config
from ganglion.cli.result import Result
from ganglion.errors import NotFoundError, RefusedError
from ganglion.mesh.identity import Identity


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion id new|show`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    for verb, line in [("new", "make a key; refuses to overwrite one"), ("show", "show the node id and public key")]:
        sub = verbs.add_parser(verb, parents=[common], help=line)
        sub.add_argument("--state", type=Path, default=config.state_folder() / "id", help="the node's state folder")


def run(args: argparse.Namespace) -> Result:
    """Only the public part is ever shown.

    Raises:
        RefusedError: `new`, and there is a key already.
        NotFoundError: `show`, and there is none.
    """
    path = args.state / "identity"
    if args.verb == "new":
        if path.exists():
            raise RefusedError(f"{path} is there already: without its key a node must enrol again; move it away")
        args.state.mkdir(parents=True, exist_ok=True)
        identity = Identity.create()
        identity.save(path)
    else:
        if not path.exists():
            raise NotFoundError(f"{path} does not exist: `ganglion id new --state {args.state}` makes it")
        identity = Identity.load(path)
    data = {
        "node": identity.node_id,
        "kid": identity.kid.hex(),
        "public_key": identity.public.hex(),
        "file": str(path),
    }
    return Result(data=data, text=lambda: "\n".join(f"{key:11} {value}" for key, value in data.items()))
