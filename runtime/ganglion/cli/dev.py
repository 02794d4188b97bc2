# SPDX-License-Identifier: GPL-3.0-or-later
"""Has a file run on a device each time it is saved, in memory alone; at the end the device is as it was before."""

import argparse
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ganglion import extras
from ganglion.cli import gateway_flags, saves
from ganglion.cli.lent import is_lent, is_port
from ganglion.cli.mova_watch import say
from ganglion.cli.show import plain
from ganglion.console.terminal import ended_by_signals
from ganglion.errors import GanglionError, NotFoundError, UsageError

if TYPE_CHECKING:
    from ganglion.cli.live import Say
    from ganglion.cli.scripts_node import Scripts

#: Seconds after which a node or a leaf that hears nothing of this command has what was there before.
LEASE = 20
#: Seconds between two questions for new lines of the log.
_LOG = 0.5
#: Answers that a whole log takes at most: a leaf's messages are short.
_PIECES = 32


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion dev NODE|PARENT/LEAF|PORT|NODE:NAME FILE`."""
    parser.add_argument(
        "device",
        metavar="DEVICE",
        help="a node, PARENT/LEAF, a serial port as /dev/ttyUSB0, or NODE:NAME, a port that a node lends",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a MOVA document; for a serial port a file of Python")
    parser.add_argument("--baud", type=int, metavar="N", help="bits a second of a serial port, 115200 if not given")
    gateway_flags.arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Follows the file until Ctrl-C.

    Exit codes: 2 not for this device, 3 no such file, port, node or leaf, 4 port in use, 5 no answer.

    What is wrong with the file is said and ends nothing.
    """
    with ended_by_signals():  # the device is given back, as at Ctrl-C
        _follow(args)


def _follow(args: argparse.Namespace) -> None:
    if is_port(args.device) or is_lent(args.device):
        _serial(args)
    elif args.file.suffix == ".py":
        raise UsageError(
            f"{args.file}: a node and a leaf run MOVA; Python goes to a board on a serial port, as /dev/ttyUSB0, "
            "or NODE:NAME for one that a node lends"
        )
    elif args.baud is not None:
        raise UsageError(f"--baud is for a serial port, and {args.device} is none")
    else:
        _mesh(args)


def _serial(args: argparse.Namespace) -> None:
    extras.need("`ganglion dev` of a serial port", "serial", "serial")
    if args.file.suffix != ".py":
        raise UsageError(
            f"{args.file}: over a serial port goes Python, a .py file; the agent takes MOVA over the mesh alone, as in "
            "`ganglion dev barn/garden shade.yaml`"
        )
    from ganglion.cli.dev_serial import follow

    follow(args, partial(say, args))


def _mesh(args: argparse.Namespace) -> None:
    from ganglion.cli import gateway_client
    from ganglion.cli.live import Live
    from ganglion.cli.scripts_node import scripts_of

    tell = partial(say, args)
    edited = saves.Saves(args.file)
    data: bytes | None = edited.first()
    scripts = scripts_of(gateway_client.find(args), args.device)
    try:
        scripts.listing()
    except NotFoundError:
        raise
    except GanglionError:
        pass  # it is away, or does not let itself be asked: what becomes of the script says so
    log = _Log(scripts, tell)
    log.skip()
    live = Live(scripts, args.device, args.file, tell, seconds=LEASE)
    try:
        while True:
            if data is not None:
                live.save(data)
            live.look()
            log.show()
            time.sleep(saves.LOOK)
            data = edited.look()
    finally:
        live.end()


class _Log:
    """The log of who runs the script, as it comes."""

    def __init__(self, scripts: "Scripts", tell: "Say") -> None:
        self._scripts = scripts
        self._tell = tell
        self._next = 0
        self._due = 0.0

    def skip(self) -> None:
        """What was said before is of no interest here."""
        with suppress(GanglionError):
            for _ in range(_PIECES):
                lines, self._next = self._scripts.log(self._next)
                if not lines:
                    return

    def show(self) -> None:
        """Says what is new."""
        if time.monotonic() < self._due:
            return
        try:
            lines, self._next = self._scripts.log(self._next)
        except GanglionError as error:
            if not error.retry:
                self._tell({"log": None, "error": str(error)}, f"its log is not shown: {plain(str(error))}")
                self._due = float("inf")
                return
            lines = []
        for line in lines:
            self._tell({"log": line}, plain(line))
        self._due = time.monotonic() + _LOG
