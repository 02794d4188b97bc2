# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a node: its sensors, scripts and actuators, joined to a mesh and a broker."""

import argparse
import logging
import os
import tomllib
from contextlib import suppress
from pathlib import Path

from ganglion.release.launch import launched


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion node run CONFIG`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    run = verbs.add_parser("run", parents=[common], help="run until SIGTERM or Ctrl-C")
    run.add_argument("config", type=Path, metavar="CONFIG", help="the node's TOML file")
    run.add_argument("--state", type=Path, help="keys and what must survive a restart; default: the XDG state folder")
    run.add_argument(
        "--broker",
        action="append",
        metavar="URL",
        help="use this broker in place of mqtt.broker; give it again for another address of it; or GANGLION_BROKER",
    )
    run.add_argument("--enrol-key-file", type=Path, help="use this file in place of mesh.enrol_key_file")
    run.add_argument("--log", default="info", choices=["debug", "info", "warning", "error"], help="how much to log")


def run(args: argparse.Namespace) -> None:
    """Runs the node; one JSON line on stdout says that it is up and joined. systemd hears of it where it asks.

    First it is decided which Ganglion does it: this one, or one that a release has brought. A node that is to run
    another release becomes a new process in the place of this one, with the same id.
    """
    logging.basicConfig(level=args.log.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    for handler in logging.getLogger().handlers:
        handler.setLevel(args.log.upper())  # whoever looks at more at the node's console does not fill this log with it
    state = _state(args)
    of = launched(state)
    from ganglion.cli.node_life import live  # a node is much to import, and another one may run it

    live(args, state, of)


def _state(args: argparse.Namespace) -> Path:
    """Where the node keeps what it keeps."""
    if args.state is not None:
        return Path(args.state)
    from ganglion import config  # packages say the folder, and a release may run by a version that reads more

    name = None
    with suppress(OSError, ValueError, KeyError, TypeError):
        name = tomllib.loads(args.config.read_text(encoding="utf-8"))["node"]["name"]
    if not isinstance(name, str) or not name or os.sep in name or name in (".", ".."):
        name = config.load(args.config).node.name  # says what is wrong
    return config.state_folder() / "nodes" / name
