# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields of the gateway's API in what it refuses, by the options and arguments of the command that asked."""

import argparse
import re
from collections.abc import Mapping

from ganglion.errors import UnfitError

#: A field before what is wrong with it: `?since: …`, `add[0]: …`, also behind another such sentence.
_FIELD = re.compile(r"(^|; )\??([a-z_]+)(?:\[\d+\]|\.[A-Za-z0-9_]+)*(?=: )")


def renamed(
    error: UnfitError, parser: argparse.ArgumentParser, args: argparse.Namespace, own: Mapping[str, str]
) -> UnfitError:
    """The same error, said of what was typed.

    Args:
        parser: Of the whole line. A field that an option or argument of the verb is called like is that one.
        own: Field -> option, of those that the command calls otherwise.
    """
    known = {**_called(parser, args), **own}

    def named(found: re.Match[str]) -> str:
        return found[1] + known[found[2]] if found[2] in known else found[0]

    return UnfitError(_FIELD.sub(named, str(error)))


def _called(parser: argparse.ArgumentParser, args: argparse.Namespace) -> dict[str, str]:
    """What stands on the line for each name among the arguments: `--since`, `NODE`; of the verb before its parents."""
    called: dict[str, str] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            called |= _called(action.choices[getattr(args, action.dest)], args)
        elif action.option_strings:
            called.setdefault(action.dest, max(action.option_strings, key=len))
        else:
            called.setdefault(action.dest, str(action.metavar or action.dest))
    return called
