# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of a node, after it was decided which Ganglion does it."""

import argparse
import asyncio
import faulthandler
import logging
import os
from pathlib import Path

from ganglion import __version__, config
from ganglion.clock import Clock
from ganglion.linux.supervisor import Supervisor
from ganglion.mesh import files
from ganglion.node import Node
from ganglion.node.crashes import Crashes
from ganglion.release.folder import Folder
from ganglion.release.launch import Launched
from ganglion.release.start import OtherError, begin

_log = logging.getLogger(__name__)

#: Seconds after the window of a trial within which a node that does not hang has come to an end of it.
_HANGS = 60


def live(args: argparse.Namespace, state: Path, launched: Launched) -> None:
    """Runs it, until it is told to stop or becomes another start of it."""
    if not launched.agent:
        config.load(args.config)  # what is wrong is said before anything is made
    environment = dict(os.environ)
    other = False
    with files.held(state, "node"):
        try:
            again = _lived(args, state, launched)
        except OtherError:
            again = other = True
    if again:
        os.environ.clear()
        os.environ.update(environment)
        launched.again(other=other)


def _lived(args: argparse.Namespace, state: Path, launched: Launched) -> bool:
    """Runs the node once; whether it is to be started anew."""
    begun = begin(Folder(state / "release"), args.config, Clock().now, launched)
    settings = config.override(begun.config, brokers=config.brokers(args.broker), enrol_key_file=args.enrol_key_file)
    if begun.trial:
        # A release that hangs ends the process, with where it hangs in the log; its next start is counted
        faulthandler.dump_traceback_later(begun.window + _HANGS, exit=True)
        begun.settled = faulthandler.cancel_dump_traceback_later
    elif launched.counted is not None:
        faulthandler.cancel_dump_traceback_later()
    if launched.agent:
        words = "Ganglion %s of the release %s runs; %s is installed"
        _log.info(words, __version__, begun.record.runs[:12], launched.base)
    crashes = Crashes(state, f"ganglion/{__version__}")
    nodes: list[Node] = []
    try:
        with crashes.guarded(lambda: nodes[0].recent() if nodes else ()):
            nodes.append(node := Node(settings, state, Supervisor.of(os.environ), begun, crashes))
            asyncio.run(node.run())
    except Exception as error:
        if not begun.broke(error):
            raise
        _log.error("the node ended, and starts without what ended it", exc_info=error)
        return True
    return node.again
