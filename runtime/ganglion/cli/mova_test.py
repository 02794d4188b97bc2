# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests that MOVA documents bring, in virtual time."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.cli.result import Result
from ganglion.errors import NotFoundError
from ganglion.mova.load import load
from ganglion.units import SECOND

if TYPE_CHECKING:
    from ganglion.mova.trial import Outcome


def arguments(verbs: Any, common: argparse.ArgumentParser) -> None:
    """`ganglion mova test FILE…`."""
    verb = verbs.add_parser("test", parents=[common], help="run the tests of documents, a day in less than a second")
    verb.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a document, JSON or YAML")
    verb.add_argument("--name", metavar="TEXT", help="only tests whose name has this in it")


def tested(args: argparse.Namespace) -> Result:
    """Exit codes: 0 all passed, 1 one did not or a document is wrong, 3 no such file or test.

    Raises:
        DocumentError: a document is not valid.
        InvalidError: a test makes no sense.
        NotFoundError: no test has that name.
    """
    # The other verbs must not pay for what only running needs.
    from ganglion.mova.compile import compile
    from ganglion.mova.trial import run_all

    found: list[tuple[str, Outcome]] = []
    for file in args.files:
        document = load(file)
        plan = compile(document)
        found += [(document.file, outcome) for outcome in run_all(document, plan, named=args.name or "")]
    if args.name is not None and not found:
        raise NotFoundError(f"no test has {args.name!r} in its name")
    passed = all(not outcome.failures for _, outcome in found)
    reports = [_report(file, outcome) for file, outcome in found]
    return Result(data={"passed": passed, "tests": reports}, text=lambda: _text(found), exit_code=0 if passed else 1)


def _report(file: str, outcome: "Outcome") -> dict[str, Any]:
    happened = [
        {"at_s": each.at / SECOND, "kind": each.kind, "name": each.name, "value": each.value}
        for each in outcome.happened
    ]
    return {
        "file": file,
        "name": outcome.name,
        "passed": not outcome.failures,
        "failures": outcome.failures,
        "happened": happened,
        "virtual_s": outcome.elapsed / SECOND,
        "took_s": round(outcome.took, 6),
    }


def _text(found: "list[tuple[str, Outcome]]") -> str:
    lines = []
    for file, outcome in found:
        said = "FAILED" if outcome.failures else "ok"
        lines.append(f"{said:6}  {file}: {outcome.name} ({outcome.elapsed / SECOND:g} s in {outcome.took:.3f} s)")
        lines += [f"        {each}" for each in outcome.failures]
    bad = sum(bool(outcome.failures) for _, outcome in found)
    lines.append(f"{bad} of {len(found)} failed" if bad else f"{len(found)} passed")
    return "\n".join(lines)
