# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a node: its sensors, scripts and actuators, joined to a mesh and a broker."""

import argparse
import asyncio
import logging
import os
from pathlib import Path

from ganglion import __version__, config
from ganglion.linux.supervisor import Supervisor
from ganglion.mesh import files
from ganglion.node import Node
from ganglion.node.crashes import Crashes


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
    """Runs the node; one JSON line on stdout says that it is up and joined. systemd hears of it where it asks."""
    logging.basicConfig(level=args.log.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    for handler in logging.getLogger().handlers:
        handler.setLevel(args.log.upper())  # whoever looks at more at the node's console does not fill this log with it
    settings = config.load(args.config)
    settings = config.override(settings, brokers=config.brokers(args.broker), enrol_key_file=args.enrol_key_file)
    state = args.state or config.state_folder() / "nodes" / settings.node.name
    crashes = Crashes(state, f"ganglion/{__version__}")
    nodes: list[Node] = []
    with files.held(state, "node"), crashes.guarded(lambda: nodes[0].recent() if nodes else ()):
        nodes.append(Node(settings, state, Supervisor.of(os.environ), crashes))
        asyncio.run(nodes[0].run())
