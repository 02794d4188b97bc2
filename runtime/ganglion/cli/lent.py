# SPDX-License-Identifier: GPL-3.0-or-later
"""Serial ports that nodes lend, `NODE:NAME`, for commands that take a port of this machine.

Run as `python -m ganglion.cli.lent NODE:NAME BAUD [--gateway URL] [--token-file FILE]`, it does for such a port what
`ganglion.device.restoring` does for one of this machine: it takes over from the dead.
"""

import argparse
import contextlib
import re
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ganglion.cli import gateway_flags
from ganglion.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from ganglion.console.far import Far
    from ganglion.device.link import Opener
    from ganglion.device.port import Port


def is_port(word: str) -> bool:
    """Whether a word names a serial port, there or not; everything else is a node, a leaf, or a port that one lends."""
    if word.startswith(("/", ".", "~")) or "://" in word or re.fullmatch(r"COM\d+", word, re.IGNORECASE):
        return True
    with contextlib.suppress(OSError, ValueError):
        return stat.S_ISCHR(Path(word).stat().st_mode)
    return False


def is_lent(word: str) -> bool:
    """Whether a word names a port that a node lends, there or not."""
    return ":" in word and not is_port(word)


def far(args: argparse.Namespace, target: str, *, take: bool = False, watch: bool = False) -> "Far":
    """The way to a port that a node lends.

    Args:
        args: Where the gateway is, as `gateway_flags` has it.
        target: `NODE:NAME`.
        take, watch: As `Far` has them.

    Raises:
        UsageError: it is named otherwise.
    """
    from ganglion.cli import gateway_client
    from ganglion.cli.console_link import check_scope
    from ganglion.console.far import Far
    from ganglion.console.session import Asked

    node, _, port = target.partition(":")
    if not node or not port or "/" in node:
        raise UsageError(f"{target}: write NODE:NAME for a port that a node lends; `ganglion ports --node NODE`")
    gateway = gateway_client.find(args)

    def ask(asked: Asked) -> object:
        try:
            return gateway.command(node, asked.method, asked.params, timeout=asked.seconds)["result"]
        except RefusedError:
            check_scope(gateway)
            raise

    return Far(target, ask, take=take, watch=watch)


class Writer:
    """Opens one port that a node lends, to write there; a context manager, at whose end the session is over.

    Args:
        args, target: As `far` has them.
        take: Write where somebody else does, who may only read then.
    """

    def __init__(self, args: argparse.Namespace, target: str, *, take: bool = False) -> None:
        self._far = far(args, target, take=take)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._far.close()

    def open(self, name: str, *, baud: int) -> "Port":
        """The port; a `baud` of 0 is what the node says.

        Raises:
            RefusedError: somebody else writes there.
            GanglionError: what the node or the gateway says.
        """
        port = self._far.open(name, baud=baud)
        if port.refusal:
            port.close()
            raise RefusedError(port.refusal.partition(", and you")[0] + ": wait, or end that first")
        return port


def way(args: argparse.Namespace, target: str, stack: contextlib.ExitStack) -> tuple["Opener", int]:
    """What opens a port, here or lent, for a program that writes there; and its speed, 0 for what the node says.

    Args:
        args: `baud`, None where it was not given; and as `far` has them.
        stack: At whose end the session at a lent one is over.
    """
    if is_lent(target):
        return stack.enter_context(Writer(args, target)).open, args.baud or 0
    from ganglion.device.port import BAUD, open_port

    return open_port, args.baud or BAUD


def flags(args: argparse.Namespace) -> list[str]:
    """The line's flags by which another process of ours finds the same gateway."""
    found = [] if args.gateway is None else ["--gateway", args.gateway]
    return found if args.token_file is None else [*found, "--token-file", str(args.token_file.absolute())]


def main(words: list[str]) -> int:
    """See above."""
    from ganglion.device.restoring import restore

    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("baud", type=int)
    gateway_flags.arguments(parser)
    args = parser.parse_args(words)
    with contextlib.ExitStack() as stack:
        return restore(
            lambda: stack.enter_context(Writer(args, args.target, take=True)).open(args.target, baud=args.baud)
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
