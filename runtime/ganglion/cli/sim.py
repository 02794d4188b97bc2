# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets what a simulated sensor of a node senses; a real one refuses."""

import argparse
import json
import math

from ganglion.cli import gateway_client, gateway_flags
from ganglion.cli.result import Result
from ganglion.cli.show import plain
from ganglion.errors import UsageError


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion sim set NODE SENSOR VALUE`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    verb = verbs.add_parser("set", parents=[common], help="make a simulated sensor sense a value")
    verb.add_argument("node", metavar="NODE", help="its name or id")
    verb.add_argument("sensor", metavar="SENSOR", help="as in fridge.temperature")
    verb.add_argument("value", metavar="VALUE", help="a number, true, false, or `trace` to follow its trace again")
    gateway_flags.arguments(verb)


def run(args: argparse.Namespace) -> Result:
    """Sets the value. Exit codes: 0 ok, 3 no such node or sensor, 4 the sensor is real, 5 the node does not answer."""
    value = _value(args.value)
    done = gateway_client.find(args).command(args.node, "sim.set", {"sensor": args.sensor, "value": value})
    now = "follows its trace" if value is None else f"senses {json.dumps(value)}"
    return Result(data=done, text=lambda: f"{plain(args.sensor)} of {plain(args.node)} {now}")


def _value(text: str) -> float | bool | None:
    """The value in a word.

    Raises:
        UsageError: it is no number, truth or `trace`.
    """
    if text == "trace":
        return None
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, bool | int | float) or not math.isfinite(value):
        raise UsageError(f"a sensor cannot sense {text!r}: give a number, true, false, or `trace`")
    return value
