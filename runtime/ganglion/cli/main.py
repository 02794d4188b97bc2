# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion <command>`: parses the line, imports the one module it names, turns errors into exit codes.

A command module has `arguments(parser, common)`, where `common` is the parent parser of its own subcommands, and
`run(args)`, which returns a `Result`, or None where it has followed something and printed it as it came.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from ganglion.errors import GanglionError, UsageError

#: command -> (module, extras that bring what it needs, one line of help)
COMMANDS = {
    "up": (
        "ganglion_tools.up.command",
        "gateway,tools,audio,vision",
        "run broker, gateway and three nodes here",
    ),
    "node": ("ganglion.cli.node", "", "run a node from its configuration"),
    "gateway": ("ganglion_gateway.command", "gateway", "run the gateway"),
    "id": ("ganglion.cli.identity", "", "make or show this node's identity"),
    "enrol-key": ("ganglion.cli.enrol_key", "", "create keys that let nodes join"),
    "devices": ("ganglion.cli.devices", "", "list the nodes of the fleet"),
    "mova": ("ganglion.cli.mova", "", "check and run MOVA documents"),
    "trace": ("ganglion.cli.trace", "", "show the path of an alert, from sensor to webhook"),
    "watch": ("ganglion.cli.watch", "", "show the fleet's events as they come"),
    "bus": ("ganglion.cli.bus", "", "show what flows through a node"),
    "sim": ("ganglion.cli.sim", "", "set what a simulated sensor senses"),
    "bench": ("ganglion_tools.bench.command", "tools", "measure what it costs, beside its peers"),
    "doctor": ("ganglion.cli.doctor", "", "say what is installed, what is missing and what to do"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code: 0 ok, 1 failed, 2 usage, 3 not found, 4 refused, 5 timeout."""
    words = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in words
    try:
        return _run(words)
    except GanglionError as error:
        if as_json:
            print(json.dumps({"error": str(error), "exit_code": error.exit_code}))
        print(f"ganglion: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader has gone (`| head`): nothing is wrong, and nothing more can be said on stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _run(words: list[str]) -> int:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="one JSON document on stdout, people's text on stderr")
    parser = argparse.ArgumentParser(prog="ganglion", description="A runtime for the edge of the network.")
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(required=True, metavar="<command>", dest="command")
    wanted = next((word for word in words if word in COMMANDS), None)
    module: ModuleType | None = None
    for name, (_, _, line) in COMMANDS.items():
        sub = commands.add_parser(name, help=line, parents=[common])
        if name == wanted:
            module = load(name)
            sub.description = (module.__doc__ or "").partition("\n")[0]
            module.arguments(sub, common)
    args = parser.parse_args(words)
    assert module is not None  # argparse has refused every other word
    result = module.run(args)
    if result is None:
        return 0
    if args.json:
        print(json.dumps(result.data, indent=2, ensure_ascii=False))
    elif text := result.text():
        print(text)
    return int(result.exit_code)


def _version() -> str:
    from ganglion import __version__

    return f"ganglion {__version__}"


def load(name: str) -> ModuleType:
    """The module behind a command.

    Raises:
        UsageError: an extra that it needs is not installed.
    """
    module, extras, _ = COMMANDS[name]
    if extras:
        from ganglion.cli.extras import is_installed

        if not all(is_installed(extra) for extra in extras.split(",")):
            raise UsageError(f"`ganglion {name}` needs more than is installed: pip install 'ganglion[{extras}]'")
    return import_module(module)
