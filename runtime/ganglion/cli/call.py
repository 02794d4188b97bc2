# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls a method of a node: on stderr how far it is, on stdout what comes of it; Ctrl-C ends it on the node too."""

import argparse
import json
from pathlib import Path
from typing import Any

from ganglion.cli import gateway_flags, option
from ganglion.cli.result import Result, table
from ganglion.cli.show import plain, progress
from ganglion.errors import InvalidError, NotFoundError, UsageError, unread
from ganglion.mesh.parameters import given
from ganglion.units import SECOND

#: The longest time that a call may take, in nanoseconds.
_LONGEST = 300 * SECOND


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion call NODE METHOD [KEY=VALUE …]` and `ganglion call NODE --list`."""
    parser.add_argument("node", metavar="NODE", help="its name or id")
    parser.add_argument("method", metavar="METHOD", nargs="?", help="as --list shows it")
    parser.add_argument("values", metavar="KEY=VALUE", nargs="*", default=[], help="a parameter, as JSON or text")
    parser.add_argument("--list", action="store_true", help="the methods that the node serves")
    parser.add_argument("--params", metavar="JSON|@FILE", help="all parameters at once; KEY=VALUE goes before them")
    parser.add_argument("--timeout", default="30s", metavar="TIME", help="what the node has for it; default: 30s")
    gateway_flags.arguments(parser)


def run(args: argparse.Namespace) -> Result:
    """Exit codes: 0 ok, 1 failed, 3 no such node or method, 4 refused, 5 no answer in time, 130 Ctrl-C."""
    if args.list == (args.method is not None):
        raise UsageError("give a METHOD, or --list for those that the node serves")
    timeout = option.duration(args.timeout, "--timeout")
    if not 0 < timeout <= _LONGEST:
        raise UsageError("--timeout is at most 5m")
    body = {**params(args.params), **dict(value(word) for word in args.values)}
    from ganglion.cli import gateway_client

    gateway, method = gateway_client.find(args), args.method or "methods"
    answer = gateway.command(args.node, method, body, timeout=timeout / SECOND, on_progress=progress)
    result = answer["result"]
    return Result(data=answer, text=lambda: methods(result) if method == "methods" else _text(result))


def params(given: str | None) -> dict[str, Any]:
    """Those of `--params`: JSON, or a file of it.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it is no object of JSON.
    """
    if given is None:
        return {}
    where, text = "--params", given
    if given.startswith("@"):
        where = given[1:]
        try:
            text = Path(where).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise NotFoundError(f"there is no file {where}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidError(unread(error), where=where) from None
    try:
        params = json.loads(text)
    except (ValueError, RecursionError):
        params = None
    if not isinstance(params, dict):
        raise InvalidError('must be an object of JSON, as in {"sensor": "fridge.temperature"}', where=where)
    return params


def value(word: str) -> tuple[str, Any]:
    """A parameter, as `given` has it.

    Raises:
        UsageError: it is none.
    """
    try:
        return given(word)
    except InvalidError as error:
        raise UsageError(str(error)) from None


def methods(result: Any) -> str:
    """What the method `methods` answers, as a table; anything else as it is."""
    try:
        rows = [(plain(each["name"]), plain(each["summary"])) for each in result["methods"]]
    except (KeyError, TypeError):
        return _text(result)
    return table(("method", "what it does"), rows)


def _text(result: Any) -> str:
    if isinstance(result, str):
        return plain(result)
    return "\n".join(plain(line) for line in json.dumps(result, ensure_ascii=False, indent=2).splitlines())
