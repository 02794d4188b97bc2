# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests that MOVA documents bring, in virtual time."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.cli.document import HELP, loaded
from ganglion.cli.original import Instead
from ganglion.cli.result import Result, save
from ganglion.errors import NotFoundError, UsageError
from ganglion.units import SECOND

if TYPE_CHECKING:
    from ganglion.mova.trial import Outcome


_HERE = "a test gives the model's answers itself, under `llm`; `ganglion mova run` asks a real one"
_INSTEAD = {
    "--dry-run": "a test reaches nothing outside of it",
    "--step-by-step": "a test runs in virtual time: --verbose says all that happened, and `ganglion mova run` has it",
    "--session-id": "each test has sessions of its own; `ganglion mova run` goes on with one",
    "--redis-url": "each test has sessions of its own; `ganglion mova run` keeps them",
    "--llm": _HERE,
    "--llm-model": _HERE,
    "--llm-temperature": _HERE,
    "--llm-max-tokens": _HERE,
    "--llm-timeout": _HERE,
    "--llm-preset": _HERE,
    "--llm-api-key": _HERE,
    "--step-id": "write a test into the document that expects what the step does, and name it with --name",
    "--api-id": "run a protocol that calls the tool, with `ganglion mova run`",
}


def arguments(verbs: Any, common: argparse.ArgumentParser) -> None:
    """`ganglion mova test FILE…`."""
    verb = verbs.add_parser("test", parents=[common], help="run the tests of documents, a day in less than a second")
    verb.add_argument("files", nargs="+", type=Path, metavar="FILE", help=HELP)
    verb.add_argument("--name", metavar="TEXT", help="only tests whose name has this in it")
    verb.add_argument(
        "--replay", metavar="TRACE", help="run again what a trace of `mova run` or a node has recorded, and compare"
    )
    verb.add_argument("--output", "-o", type=Path, metavar="FILE", help="write the report there, as JSON")
    verb.add_argument("--verbose", "-v", action="store_true", help="say all that happened in each test")
    for option, const in _INSTEAD.items():
        verb.add_argument(option, action=Instead, const=const)


def tested(args: argparse.Namespace) -> Result:
    """Exit codes: 0 all passed, 1 one did not or a document is wrong, 3 no such file, test or protocol.

    Raises:
        DocumentError: a document is not valid.
        InvalidError: a test makes no sense.
        NotFoundError: no test has that name.
    """
    if args.replay is not None:
        return _replayed(args)
    # The other verbs must not pay for what only running needs.
    from ganglion.mova.compile import compile
    from ganglion.mova.trial import run_all

    found: list[tuple[str, Outcome]] = []
    without: list[str] = []
    for file in args.files:
        document = loaded(file)
        plan = compile(document)
        if document.root is not None and not document.root.get("tests"):
            without.append(document.file)
        found += [(document.file, outcome) for outcome in run_all(document, plan, named=args.name or "")]
    if args.name is not None and not found:
        raise NotFoundError(f"no test has {args.name!r} in its name")
    passed = all(not outcome.failures for _, outcome in found)
    data = {"passed": passed, "tests": [_report(file, outcome) for file, outcome in found]}
    if args.output is not None:
        save(args.output, data)
    return Result(data=data, text=lambda: _text(found, without, args.verbose), exit_code=0 if passed else 1)


def _replayed(args: argparse.Namespace) -> Result:
    from ganglion.cli.mova_trace import read
    from ganglion.mova.compile import compile
    from ganglion.mova.rerun import rerun

    if len(args.files) != 1 or args.name is not None:
        raise UsageError("--replay runs one protocol of one FILE again, and none of its tests")
    document = loaded(args.files[0])
    trace = read(args.replay)
    episode, differences = rerun(compile(document), trace)
    data = {"file": document.file, "same": not differences, "differences": differences, "episode": episode}
    text = "\n".join([*differences, f"{episode['protocol']}: {'runs otherwise' if differences else 'runs the same'}"])
    return Result(data=data, text=lambda: text, exit_code=1 if differences else 0)


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


def _text(found: "list[tuple[str, Outcome]]", without: list[str], verbose: bool) -> str:
    lines = [f"no tests in {file}" for file in without]
    for file, outcome in found:
        said = "FAILED" if outcome.failures else "ok"
        lines.append(f"{said:6}  {file}: {outcome.name} ({outcome.elapsed / SECOND:g} s in {outcome.took:.3f} s)")
        lines += [f"        {each}" for each in outcome.failures]
        if verbose:
            lines += [f"        {each.kind} {each.name}: {each}" for each in outcome.happened]
    bad = sum(bool(outcome.failures) for _, outcome in found)
    if found:
        lines.append(f"{bad} of {len(found)} failed" if bad else f"{len(found)} passed")
    return "\n".join(lines)
