# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a node: its sensors, scripts and actuators, joined to a mesh and a broker."""

import argparse
import asyncio
import faulthandler
import logging
import os
import sys
from pathlib import Path

from ganglion import __version__, config
from ganglion.clock import Clock
from ganglion.linux.supervisor import Supervisor
from ganglion.mesh import files
from ganglion.node import Node
from ganglion.node.crashes import Crashes
from ganglion.release.folder import Folder
from ganglion.release.start import begin

#: Seconds after the window of a trial within which a node that does not hang has come to an end of it.
_HANGS = 60


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

    A node that is to run another release becomes a new process in the place of this one, with the same id.
    """
    logging.basicConfig(level=args.log.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    for handler in logging.getLogger().handlers:
        handler.setLevel(args.log.upper())  # whoever looks at more at the node's console does not fill this log with it
    environment = dict(os.environ)
    own = config.load(args.config)
    state = args.state or config.state_folder() / "nodes" / own.node.name
    with files.held(state, "node"):
        again = _lived(args, own, state)
    if again:
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606 - this very program


def _lived(args: argparse.Namespace, own: config.Config, state: Path) -> bool:
    """Runs the node once; whether it is to be started anew."""
    begun = begin(Folder(state / "release"), own.path, Clock().now)
    settings = config.override(begun.config, brokers=config.brokers(args.broker), enrol_key_file=args.enrol_key_file)
    if begun.trial:
        # A release that hangs ends the process, with where it hangs in the log; its next start is counted
        faulthandler.dump_traceback_later(begun.window + _HANGS, exit=True)
        begun.settled = faulthandler.cancel_dump_traceback_later
    crashes = Crashes(state, f"ganglion/{__version__}")
    nodes: list[Node] = []
    try:
        with crashes.guarded(lambda: nodes[0].recent() if nodes else ()):
            nodes.append(node := Node(settings, state, Supervisor.of(os.environ), begun, crashes))
            asyncio.run(node.run())
    except Exception as error:
        if not begun.broke(error):
            raise
        logging.getLogger(__name__).error("the node ended, and starts without what ended it", exc_info=error)
        return True
    return node.again
