# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads, records, calibrates and declares the sensors of a node, or reads one on this machine without any node."""

import argparse
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganglion.cli import gateway_flags, option
from ganglion.cli.result import Result
from ganglion.errors import UsageError
from ganglion.units import SECOND

_ONE = {
    "start": "read a sensor that was stopped",
    "stop": "read a sensor no more, until the next start of it or of the node",
    "remove": "remove a sensor that was added",
}
_SOME = {
    "read": "read sensors now",
    "watch": "show what sensors read, as it comes",
    "record": "write what sensors read into a file, until Ctrl-C",
}


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion sensors list|read|watch|record|calibrate|add|remove|start|stop|reload|inspect NODE …`, `check FILE`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")

    def of_node(name: str, line: str) -> argparse.ArgumentParser:
        verb = verbs.add_parser(name, parents=[common], help=line)
        verb.add_argument("node", metavar="NODE", help="its name or id")
        gateway_flags.arguments(verb)
        return verb

    of_node("list", "the sensors of a node, their health and last values")
    inspect = of_node("inspect", "all that is known of a sensor: ranges, rates, statistics, reference points")
    inspect.add_argument("sensor", nargs="?", metavar="SENSOR", help="as `list` shows it; else all")
    for name, line in _SOME.items():
        verb = verbs.add_parser(name, parents=[common], help=line)
        verb.add_argument("words", nargs="+", metavar="NODE SENSOR", help="a node and sensors, as in kitchen fridge")
        gateway_flags.arguments(verb)
        if name != "watch":
            verb.add_argument("--local", type=Path, metavar="FILE", help="no NODE: sensors of this TOML file, here")
        if name != "read":
            verb.add_argument("--count", type=int, metavar="N", help="end after so many events or rows")
        if name == "record":
            verb.add_argument("--to", type=Path, required=True, metavar="FILE", help="NAME.csv, or NAME.cbor")
            verb.add_argument("--force", action="store_true", help="replace a file of that name")
            verb.add_argument("--for", dest="time", metavar="TIME", help="end after so long, as in 10m")
    calibrate = of_node("calibrate", "correct a channel by a value that it should read now")
    calibrate.add_argument("sensor", metavar="CHANNEL", help="as in fridge.temperature")
    calibrate.add_argument("reference", nargs="?", type=float, metavar="VALUE", help="what it should read, in its unit")
    calibrate.add_argument("--second", action="store_true", help="keep the reference of before: a line through both")
    calibrate.add_argument("--within", type=float, metavar="X", help="how far apart steady readings may be")
    calibrate.add_argument("--clear", action="store_true", help="forget the references: the configuration holds again")
    add = of_node("add", "add a sensor, which is there after a restart too")
    add.add_argument("sensor", metavar="NAME", help="what it is to be called")
    add.add_argument(
        "values", nargs="+", metavar="KEY=VALUE", help="its table, as in kind=bme280 range.temperature=[-40,85]"
    )
    for name, line in _ONE.items():
        of_node(name, line).add_argument("sensor", metavar="SENSOR", help="as `list` shows it")
    of_node("reload", "read the sensors of the node's configuration again; who is unchanged goes on")
    check = verbs.add_parser("check", parents=[common], help="read each sensor of a TOML file once, on this machine")
    check.add_argument("file", type=Path, metavar="FILE", help="TOML with tables [sensor.NAME]")


def run(args: argparse.Namespace) -> Result | None:
    """Exit codes: 0 ok, 1 a table is wrong, 3 no such node or sensor, 4 refused, 5 node or sensor does not answer."""
    if getattr(args, "count", None) is not None and args.count < 1:
        raise UsageError(f"--count {args.count}: at least 1")
    if args.verb == "check" or getattr(args, "local", None) is not None:
        from ganglion.cli import sensors_local

        if args.verb == "check":
            return sensors_local.check(args.file)
        if args.verb == "read":
            return sensors_local.read(args.local, args.words)
        return sensors_local.record(
            args.local, args.words, args.to, seconds=_seconds(args.time), count=args.count, force=args.force
        )
    from ganglion.cli import sensors_remote

    if args.verb in _SOME:
        args.node, *args.sensors = args.words
        if args.verb != "watch" and not args.sensors:
            raise UsageError(f"{args.verb} needs a NODE and a SENSOR, or --local FILE and a SENSOR")
    if args.verb == "watch":
        sensors_remote.watch(args)
        return None
    if args.verb == "record":
        return sensors_remote.record(args, seconds=_seconds(args.time))
    if args.verb == "add":
        return sensors_remote.add(args, table(args.values))
    if args.verb == "calibrate" and (args.reference is None) != args.clear:
        raise UsageError("give the VALUE that the channel should read now, or --clear")
    does: Any = getattr(sensors_remote, args.verb)
    result: Result = does(args)
    return result


def table(words: Sequence[str]) -> dict[str, Any]:
    """A sensor's table from the command line: `KEY=VALUE` each, a value as JSON, as a list or table of TOML, or else
    text; `range.temperature=[-40, 85]` is the key `temperature` of the table `range`, as in the configuration.

    Raises:
        UsageError: a word is none, or a key is there twice.
    """
    from ganglion.cli.call import value

    found: dict[str, Any] = {}
    for word in words:
        key, given = value(word)
        *outer, last = key.split(".")
        at = found
        for name in outer:
            at = at.setdefault(name, {})
            if not isinstance(at, dict):
                raise UsageError(f"{word}: {name} is given already, and is no table")
        if last in at:
            raise UsageError(f"{word}: {key} is given twice")
        at[last] = _toml(given) if isinstance(given, str) and given[:1] in ("{", "[") else given
    return found


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text


def _seconds(time: str | None) -> float | None:
    return None if time is None else option.duration(time, "--for") / SECOND
