# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes MOVA documents anew in one layout, and turns one form of a document into the other."""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

from ganglion.cli.document import HELP, loaded
from ganglion.cli.result import Result, write
from ganglion.errors import GanglionError, InvalidError, NotFoundError, UsageError
from ganglion.mova.diagnostic import Diagnostic, DocumentError
from ganglion.mova.load import Document, is_json


def arguments(verbs: Any, common: argparse.ArgumentParser) -> None:
    """`ganglion mova fmt FILE…`."""
    verb = verbs.add_parser("fmt", parents=[common], help="write documents anew in one layout, in place")
    verb.add_argument("files", nargs="+", type=Path, metavar="FILE", help=HELP + ", which is written to stdout")
    verb.add_argument("--to", choices=("flat", "classes"), default="", help="turn it into this form of a document")
    verb.add_argument("--check", action="store_true", help="write nothing, and say which files would change")
    verb.add_argument("--output", "-o", metavar="FILE", help="where to write the one document, - for stdout")
    verb.add_argument("--drop-comments", action="store_true", help="let JSON lose its comments")


def laid_out(args: argparse.Namespace) -> Result:
    """Exit codes: 0 all are in the layout now; 1 one is invalid, or with --check would change; 3 there is no such file.

    Raises:
        UsageError: the options do not go together.
        InvalidError: a file cannot be written.
    """
    if args.output is not None and (len(args.files) > 1 or args.check):
        raise UsageError("--output takes one FILE, and no --check")
    if args.output is None and not args.check and "-" in map(str, args.files):
        if len(args.files) > 1:
            raise UsageError("what comes from stdin is written to stdout: give no FILE beside it")
        args.output = "-"
    # All are read before the first is written.
    documents = [_loaded(file) for file in args.files]
    if args.output not in (None, "-") and isinstance(documents[0], Document):
        _same_format(documents[0], args.output)
    done = [each if isinstance(each, _Outcome) else _one(each, args) for each in documents]
    code = max((each.error.exit_code for each in done if each.error), default=0)
    code = code or int(args.check and any(each.changed for each in done))
    data = {"files": [_data(each, args) for each in done]}
    return Result(data=data, text=lambda: _text(done, args), exit_code=code)


def _same_format(document: Document, output: str) -> None:
    if is_json(document.text, output) != is_json(document.text, document.file):
        raise UsageError(f"{output}: fmt changes the layout and the form; JSON stays JSON, and YAML stays YAML")


class _Outcome(NamedTuple):
    """What has become of a document: what it was, its new text, or why there is none."""

    file: str
    before: str = ""
    text: str = ""
    error: GanglionError | None = None

    @property
    def changed(self) -> bool:
        return self.error is None and self.text != self.before

    @property
    def diagnostics(self) -> list[Diagnostic]:
        return self.error.diagnostics if isinstance(self.error, DocumentError) else []


def _loaded(file: Path) -> Document | _Outcome:
    try:
        return loaded(file)
    except NotFoundError as error:
        return _Outcome(file=str(file), error=error)


def _one(document: Document, args: argparse.Namespace) -> _Outcome:
    # Checking must not pay for what only this needs.
    from ganglion.editor.layout import formatted

    try:
        text = formatted(document, to=args.to, drop_comments=args.drop_comments)
    except InvalidError as error:
        return _Outcome(file=document.file, error=error)
    outcome = _Outcome(file=document.file, before=document.text, text=text)
    if args.output not in (None, "-"):
        write(Path(args.output), text.encode())
    elif args.output is None and outcome.changed and not args.check:
        write(Path(document.file), text.encode())
    return outcome


def _data(outcome: _Outcome, args: argparse.Namespace) -> dict[str, Any]:
    data = {
        "file": outcome.file,
        "changed": outcome.changed,
        "error": None if outcome.error is None else str(outcome.error),
        "diagnostics": [each.data() for each in outcome.diagnostics],
    }
    return data | ({"text": outcome.text} if args.output == "-" else {})


def _text(done: list[_Outcome], args: argparse.Namespace) -> str:
    if args.output == "-" and done[0].error is None:
        return done[0].text.removesuffix("\n")
    lines = []
    for each in done:
        if each.diagnostics:
            lines += [found.text(each.file) for found in each.diagnostics]
        elif each.error is not None:
            lines.append(str(each.error))
        elif args.output is not None or each.changed:
            lines.append(f"{'would change' if args.check else 'wrote'} {args.output or each.file}")
    left = sum(not (each.error or each.changed or args.output) for each in done)
    return "\n".join([*lines, *([f"{left} in the layout already"] if left else [])])
