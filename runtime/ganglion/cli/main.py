# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion <command>`: parses the line, imports the one module it names, turns errors into exit codes.

A command module has `arguments(parser, common)`, where `common` is the parent parser of its own subcommands, and
`run(args)`, which returns a `Result`, or None or an exit code where it has printed what it follows as it came. Its
`FIELDS` say by which option it gives a field of the gateway's API, where the two are not called alike.
"""

import argparse
import gc
import io
import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from ganglion.cli import option
from ganglion.errors import GanglionError, InvalidError, NotFoundError, UnfitError, UsageError

#: command -> (module, extras that bring what it needs, one line of help)
COMMANDS = {
    "up": (
        "ganglion_tools.up.command",
        "gateway,tools,audio,vision",
        "run broker, gateway and three nodes here",
    ),
    "node": ("ganglion.cli.node", "", "run a node from its configuration"),
    "gateway": ("ganglion_gateway.command", "gateway", "run the gateway"),
    "boards": ("ganglion.cli.boards", "", "show the boards that are known, and check a file of your own"),
    "firmware": (
        "ganglion.cli.firmware",
        "firmware",
        "compile the firmware of boards with MicroPython, weigh it, and update a board",
    ),
    "flash": (
        "ganglion.cli.flash",
        "",
        "bring the agent onto a board or a node onto a machine, and see it come",
    ),
    "id": ("ganglion.cli.identity", "", "make, show or replace a node's key"),
    "enrol": ("ganglion.cli.enrol", "", "have this device taken into a mesh"),
    "enrol-key": ("ganglion.cli.enrol_key", "", "create keys that let nodes join"),
    "login": ("ganglion.cli.login", "", "log in to a gateway by name and password, for the commands that follow"),
    "users": ("ganglion.cli.users", "", "say who may log in to the gateway, and as what"),
    "api-key": ("ganglion.cli.api_key", "", "create, list and revoke keys by which programs use the gateway"),
    "devices": ("ganglion.cli.devices", "", "list, approve and revoke the nodes of the fleet"),
    "fleet": ("ganglion.cli.fleet", "", "list the nodes, how each is and why, and tag them"),
    "jobs": ("ganglion.cli.jobs", "", "have many nodes do something, and see what came of it"),
    "logs": ("ganglion.cli.logs", "", "show what nodes log, as it comes or of before"),
    "crash": ("ganglion.cli.crash", "", "show how nodes and leaves crashed"),
    "consents": ("ganglion.cli.consents", "", "agree to what a language model wants, or do not"),
    "webhooks": ("ganglion.cli.webhooks", "", "say where events are delivered to, and see that they are"),
    "dlq": ("ganglion.cli.dlq", "", "look at what no webhook took, and try it again"),
    "hooks": ("ganglion.cli.hooks", "", "let services of others tell of events, by webhooks that they sign"),
    "models": ("ganglion.cli.models", "", "show the language models of the gateway, and what was used of them"),
    "mcp": ("ganglion.cli.mcp", "mcp", "give a language model eight tools for the fleet (MCP)"),
    "leaf": ("ganglion.cli.leaf", "", "let in devices that cannot sign, as leaves of a node"),
    "group": ("ganglion.cli.group", "", "say who reads what is confidential"),
    "rollout": ("ganglion.cli.rollout", "", "bring a release to many nodes stage by stage, and back"),
    "release": ("ganglion.cli.release", "", "make releases, compare them, and have nodes run them"),
    "limits": ("ganglion.cli.limits", "", "limit the actuators of the fleet"),
    "mesh": ("ganglion.cli.mesh", "", "show what the mesh says, and look into its messages"),
    "mova": ("ganglion.cli.mova", "", "check and run MOVA documents"),
    "trace": ("ganglion.cli.trace", "", "show the path of an alert, from sensor to webhook"),
    "watch": ("ganglion.cli.watch", "", "show the fleet's events as they come"),
    "history": ("ganglion.cli.history", "", "show what a node has read before, and what can be said of it"),
    "bus": ("ganglion.cli.bus", "", "show what flows through a node"),
    "scripts": ("ganglion.cli.scripts", "", "list, load and remove the scripts of a node"),
    "dev": ("ganglion.cli.dev", "", "have a file run on a device at each save, in memory alone"),
    "say": ("ganglion.cli.say", "", "say something to a node, for its scripts to understand"),
    "call": ("ganglion.cli.call", "", "call a method of a node"),
    "bridge": ("ganglion.cli.bridge", "", "devices of Zigbee2MQTT, Tasmota and ESPHome"),
    "sensors": ("ganglion.cli.sensors", "", "read, record, calibrate and declare the sensors of a node"),
    "sim": ("ganglion.cli.sim", "", "set what a simulated sensor senses"),
    "broker": ("ganglion_tools.admission.command", "tools", "give a broker an account for each node, and no other"),
    "package": (
        "ganglion_tools.package.command",
        "package",
        "build a deb, ipk, apk or tar of a node for another machine",
    ),
    "bench": ("ganglion_tools.bench.command", "tools", "measure what it costs, beside its peers"),
    "ports": ("ganglion.cli.ports", "", "list serial ports, and which program has them"),
    "files": ("ganglion.cli.files", "", "list, put, get and remove files of a MicroPython device"),
    "console": ("ganglion.cli.console", "", "talk to a device on a serial port, or to a node across the mesh"),
    "doctor": ("ganglion.cli.doctor", "", "say what is installed, what is missing and what to do"),
}


class _Parser(argparse.ArgumentParser):
    """Raises what is wrong with a line, so that it is shown as every other error is."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        # In place of "invalid int value"
        self.register("type", int, option.whole)
        self.register("type", float, option.number)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As of argparse, with the nearest word in place of all of them, where there is one."""
        if action.choices is not None and value not in action.choices:
            from ganglion.settings import closest

            choices = [str(each) for each in action.choices]
            near = closest(str(value), choices)
            hint = f"one of {', '.join(choices)}" if near is None else f'did you mean "{near}"?'
            raise argparse.ArgumentError(action, f"{str(value)[:80]!r} is none; {hint}")

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        raise UsageError(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code.

    0 ok, 1 failed, 2 usage, 3 not found, 4 refused, 5 no answer, 130 Ctrl-C.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in words
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr has it: a terminal may lack a letter
    try:
        return _run(words, alone=argv is None)
    except GanglionError as error:
        return _ended(error, as_json=as_json)
    except ModuleNotFoundError as error:
        name = (error.name or "ganglion").partition(".")[0]
        if name.startswith("ganglion"):
            raise
        said = (
            f"the Python module {name} is not there, which Ganglion needs: install it with the system's packages or pip"
        )
        return _ended(GanglionError(f"{said} (docs/packages.md)"), as_json=as_json)
    except BrokenPipeError:
        # The reader has gone (`| head`): nothing is wrong, and nothing more can be said on stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None:
            raise
        kind = NotFoundError if isinstance(error, FileNotFoundError) else InvalidError
        return _ended(kind(f"{error.filename}: {error.strerror or error}"), as_json=as_json)
    except KeyboardInterrupt:
        return 130


def _ended(error: GanglionError, *, as_json: bool) -> int:
    """Says what went wrong. Words of a node, a device or a machine may be in it, and a terminal obeys escapes."""
    from ganglion.cli.show import plain

    if as_json:
        print(json.dumps(error.data(), ensure_ascii=False))
    lines = str(error).expandtabs().split("\n")
    print("ganglion:", "\n".join(map(plain, lines)), file=sys.stderr)
    return error.exit_code


def _run(words: list[str], *, alone: bool) -> int:
    """Runs a command; `alone` in this process, which ends with it."""
    common = _Parser(add_help=False)
    common.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="one JSON document on stdout, people's text on stderr",
    )
    parser = _Parser(prog="ganglion", description="A runtime for the edge of the network.")
    parser.set_defaults(json=False)  # a parser of a verb must not take back what stands before the verb
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(required=True, metavar="<command>", dest="command")
    wanted = next((word for word in words if word in COMMANDS), None)
    module: ModuleType | None = None
    for name, (_, _, line) in COMMANDS.items():
        sub = commands.add_parser(name, help=line, parents=[common])
        if name == wanted:
            module = _settled(name) if alone else load(name)
            sub.description = (module.__doc__ or "").partition("\n")[0]
            module.arguments(sub, common)
    args = parser.parse_args(words)
    assert module is not None  # argparse has refused every other word
    try:
        result = module.run(args)
    except UnfitError as error:
        from ganglion.cli.fields import renamed

        raise renamed(error, parser, args, getattr(module, "FIELDS", {})) from None
    if result is None:
        return 0
    if isinstance(result, int):
        return result
    if args.json:
        print(json.dumps(result.data, indent=2, ensure_ascii=False))
    elif text := result.text():
        print(text)
    return int(result.exit_code)


def _settled(name: str) -> ModuleType:
    """The module behind a command, in a process that keeps it to the end.

    The collector of cycles would go through all modules again and again while they are made, then at each full
    collection, then once more at the end: a third of what it takes to start and end a gateway, for nothing.
    """
    gc.disable()
    try:
        return load(name)
    finally:
        gc.freeze()
        gc.enable()


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
        from ganglion.extras import is_installed, is_there, remedy

        if not all(is_installed(extra) for extra in extras.split(",")):
            raise UsageError(f"`ganglion {name}` needs more than is installed: {remedy(extras)}")
        if not is_there(module.partition(".")[0]):
            raise UsageError(f"`ganglion {name}` is not in this package, which is for nodes: {remedy(extras)}")
    return import_module(module)
