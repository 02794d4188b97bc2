# SPDX-License-Identifier: GPL-3.0-or-later
"""The language in which a command's diagnostics are shown."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import replace

from ganglion.cli.result import Result
from ganglion.words import LANGUAGES, NOT_BUILT, is_spoken, speaking


def option(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Gives a command `--lang`; what it returns is `common` with it, for the verbs, behind which it may stand too."""
    verbs = argparse.ArgumentParser(add_help=False, parents=[common])
    for each, default in ((parser, None), (verbs, argparse.SUPPRESS)):
        each.add_argument(
            "--lang",
            choices=LANGUAGES,
            default=default,
            help="language of the diagnostics; default: that of the locale",
        )
    return verbs


def of_locale(environment: Mapping[str, str]) -> str:
    """`uk` where the locale of messages is Ukrainian, else `en` (POSIX.1-2017, 8.2)."""
    names = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "uk" if re.match(r"uk(?![a-z])", next(filter(None, names), "")) else "en"


def spoken(run: Callable[[argparse.Namespace], Result | None], args: argparse.Namespace) -> Result | None:
    """Runs a verb in the language that is asked for; its text is made in it, too, when it is shown."""
    if args.lang is not None and not is_spoken(args.lang):
        print(f"ganglion: --lang {args.lang}: {NOT_BUILT}, and English is shown", file=sys.stderr)
    with speaking(args.lang or of_locale(os.environ)):
        result = run(args)
        here = copy_context()
    if result is None:
        return None
    make = result.text
    return replace(result, text=lambda: here.run(make))
