# SPDX-License-Identifier: GPL-3.0-or-later
"""Talks to a device on a serial port and lets other programs share it; or to a node or a leaf, across the mesh."""

import argparse
import contextlib
import sys
from pathlib import Path

from ganglion.cli import extras, gateway_flags, lent, option
from ganglion.errors import UsageError
from ganglion.units import SECOND

_BAUD = 115200
_ENDINGS = {"cr": b"\r", "lf": b"\n", "crlf": b"\r\n", "none": None}
#: What the console of a node has not: flags, with their names among the arguments and what they are where not given.
_OF_PORTS = (
    ("--baud", "baud", None),
    ("--hex", "hex", False),
    ("--raw", "raw", False),
    ("--share", "share", None),
    ("--listen", "listen", None),
    ("--unprotected", "unprotected", False),
    ("--until", "until", ""),
    ("--for", "limit", None),
    ("--eol", "eol", "cr"),
    ("--pace", "pace", None),
    ("--once", "once", False),
)


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion console PORT|NODE|NODE:NAME [--share PATH] [--listen ADDRESS] [--record FILE] …`."""
    parser.add_argument(
        "target",
        metavar="PORT|NODE",
        help="as /dev/ttyUSB0; socket://HOST:PORT, rfc2217://HOST:PORT; NODE:NAME, a port that a node lends; or a "
        "node's name or id, or PARENT/LEAF",
    )
    parser.add_argument(
        "--baud", type=int, metavar="N", help=f"bits a second, {_BAUD} or what the node says if not given"
    )
    parser.add_argument("--record", type=Path, metavar="FILE", help="into a new file, as asciicast v2")
    parser.add_argument("--watch", action="store_true", help="send nothing")
    shown = parser.add_argument_group("what is shown")
    shown.add_argument("--timestamps", action="store_true", help="the time before each line")
    shown.add_argument("--hex", action="store_true", help="bytes in hexadecimal")
    shown.add_argument("--raw", action="store_true", help="bytes as they are, with control sequences that may do harm")
    shared = parser.add_argument_group("other programs at the same port")
    shared.add_argument("--share", metavar="PATH", help="as a pty, a port of this machine at this path")
    shared.add_argument("--listen", metavar="ADDRESS", help="by RFC 2217: HOST:PORT, or a PORT of 127.0.0.1")
    shared.add_argument("--unprotected", action="store_true", help="let --listen be for other machines, unencrypted")
    script = parser.add_argument_group("in scripts")
    script.add_argument("--until", default="", metavar="TEXT", help="end once the device has said this")
    script.add_argument("--for", dest="limit", metavar="TIME", help="end after so long, as in 10s")
    script.add_argument(
        "--eol", choices=_ENDINGS, default="cr", help="what a line of a pipe ends with; cr if not given"
    )
    script.add_argument("--pace", type=int, metavar="N", help="bytes a second of what is piped or pasted")
    script.add_argument("--once", action="store_true", help="end when the port is gone, and do not wait for it")
    node = parser.add_argument_group("of a node")
    node.add_argument("--take", action="store_true", help="write where somebody else does, who may only read then")
    gateway_flags.arguments(parser)


def run(args: argparse.Namespace) -> int | None:
    """Until Ctrl-], or what a script asks for.

    Exit codes: 0 ended, 1 a file or address that cannot be had, 2 usage, 3 no such port, 4 in use, no permission, or a
    file that is there already, 5 the port is gone or has not said in time what was waited for, 130 Ctrl-C, 143 SIGTERM;
    of a node, see there.
    """
    if not lent.is_port(args.target) and ":" not in args.target:
        if wrong := [flag for flag, name, default in _OF_PORTS if getattr(args, name) != default]:
            raise UsageError(f"{', '.join(wrong)}: for a port, and {args.target} is a node; a port is as /dev/ttyUSB0")
        from ganglion.cli import console_node

        return console_node.run(args)
    if args.take and lent.is_port(args.target):
        raise UsageError("--take is for a node; who writes at a port is said there")
    if lent.is_port(args.target) and not extras.is_installed("serial"):
        raise UsageError(f"the console of a port needs more than is installed: {extras.remedy('serial')}")
    _check(args)
    return _run(args)


def _check(args: argparse.Namespace) -> None:
    """Raises UsageError for options that make no sense."""
    if args.take and args.watch:
        raise UsageError("--watch enters nothing, and --take is for who writes")
    if args.baud is not None and args.baud < 1:
        raise UsageError(f"--baud {args.baud}: at least 1")
    if args.pace is not None and args.pace < 1:
        raise UsageError(f"--pace {args.pace}: at least 1 byte a second")
    if args.raw and (args.hex or args.timestamps):
        raise UsageError("--raw shows bytes as they are, without --hex and --timestamps")
    if args.json and (args.raw or args.hex or args.timestamps):
        raise UsageError("--json has lines and their times, without --raw, --hex and --timestamps")
    if args.unprotected and not args.listen:
        raise UsageError("--unprotected is for --listen")


def _run(args: argparse.Namespace) -> int:
    from ganglion.console.console import Console, Wanted
    from ganglion.console.listener import Listener
    from ganglion.console.person import Person
    from ganglion.console.pty import Pty
    from ganglion.console.screens import JsonScreen, PlainScreen
    from ganglion.console.terminal import ended_by_signals, keys_as_pressed
    from ganglion.console.view import View
    from ganglion.device.link import Link

    is_person = sys.stdin is not None and sys.stdin.isatty() and not args.json
    view = View(hexadecimal=args.hex, times=args.timestamps, raw=args.raw)
    plain = PlainScreen(view, sys.stdout.buffer, sys.stderr.buffer, terminal=is_person and sys.stdout.isatty())
    screen = JsonScreen(sys.stdout.buffer) if args.json else plain
    wanted = Wanted(
        watches=args.watch,
        until=args.until.encode(),
        limit=None if args.limit is None else option.duration(args.limit, "--for") / SECOND,
        rate=args.pace,
        ending=_ENDINGS[args.eol],
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        far = None if lent.is_port(args.target) else lent.far(args, args.target, take=args.take, watch=args.watch)
        if far is not None:
            stack.callback(far.close)
            link = Link(args.target, baud=args.baud or 0, returns=not args.once, opener=far.open)
        else:
            link = Link(args.target, baud=args.baud or _BAUD, returns=not args.once)
        stack.callback(link.close)
        listener = Listener(args.listen, unprotected=args.unprotected) if args.listen else None
        if listener is not None:
            stack.callback(listener.close)
        pty = Pty(args.share) if args.share else None
        console = Console(link, screen, wanted, pty=pty, listener=listener)
        link.say = console.tell
        if far is not None:
            far.say = console.tell
        stack.callback(console.close)
        if args.record is not None:
            console.record(args.record)
        if link.refusal and not args.watch and (is_person or args.json):  # a script is told by its end
            console.tell(link.refusal)
        if pty is not None:
            console.tell(f"shared as {pty.path}")
        if listener is not None:
            console.tell(f"shared as {listener.url}" + ", unencrypted, for whoever reaches it" * args.unprotected)
        if is_person:
            Person(console, plain, sys.stdin.fileno())
            stack.enter_context(keys_as_pressed(sys.stdin.fileno()))
            console.tell(f"{link.name} at {link.baud} baud; Ctrl-] ends, Ctrl-T h says what else there is")
        elif sys.stdin is not None:
            console.pipe(sys.stdin.fileno())
        console.run()
    return 0
