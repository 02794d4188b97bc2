# SPDX-License-Identifier: GPL-3.0-or-later
"""For who writes MOVA documents: one to begin with, the language for an editor, and what an edit has changed."""

import argparse
import json
import os
import re
from pathlib import Path
from typing import Any

from ganglion.cli.document import HELP, loaded
from ganglion.cli.result import Result, write
from ganglion.errors import RefusedError, UsageError
from ganglion.mova.check import check
from ganglion.mova.diagnostic import Diagnostic, Severity, report
from ganglion.mova.difference import ABSENT, Difference, differences
from ganglion.mova.load import Document, load
from ganglion.mova.model import model
from ganglion.mova.normal import normal
from ganglion.mova.templates import TEMPLATES, template
from ganglion.mova.vocabulary import json_schema
from ganglion.mova.worded import worded

_NAME = re.compile(r"[A-Za-z0-9_]{1,40}")


def arguments(verbs: Any, common: argparse.ArgumentParser) -> None:
    """`ganglion mova init|schema|diff`."""
    verb = verbs.add_parser("init", parents=[common], help="write a document to begin with")
    verb.add_argument("file", type=Path, metavar="FILE", help="where to; its name becomes that of the script")
    verb.add_argument("--template", choices=TEMPLATES, default="edge", help="default: edge")
    verbs.add_parser("schema", parents=[common], help="JSON Schema of the language, for editors")
    verb = verbs.add_parser("diff", parents=[common], help="what two documents mean differently")
    verb.add_argument("before", type=Path, metavar="BEFORE", help=HELP)
    verb.add_argument("after", type=Path, metavar="AFTER", help="another one")


def begun(args: argparse.Namespace) -> Result:
    """Writes a template. What is there is never written over.

    Raises:
        UsageError: the name of the file is none of a script.
        RefusedError: there is a file already.
        InvalidError: it cannot be written.
    """
    name = args.file.stem
    if not _NAME.fullmatch(name) or args.file.suffix not in (".yaml", ".yml", ".json"):
        raise UsageError(f"{args.file}: give it a name of letters, digits and _ with .yaml or .json, as in fridge.yaml")
    if os.path.lexists(args.file):
        raise RefusedError(f"{args.file} is there already")
    text = template(args.template, name)
    root = load(text, file=f"{name}.yaml").root
    assert root is not None  # a template is valid
    if args.file.suffix == ".json":
        text = json.dumps(root, indent=2, ensure_ascii=False) + "\n"
    write(args.file, text.encode())
    data = {"file": str(args.file), "template": args.template}
    verb = "test" if root.get("tests") else "run"
    return Result(data=data, text=lambda: f"wrote {args.file}; try: ganglion mova {verb} {args.file}")


def described() -> Result:
    """The schema."""
    schema = json_schema()
    return Result(data=schema, text=lambda: json.dumps(schema, indent=2))


def compared(args: argparse.Namespace) -> Result:
    """Exit codes: 0 they mean the same, 1 they do not, or one is not valid and its diagnostics are shown.

    Raises:
        NotFoundError: there is no such file.
    """
    documents = [loaded(file) for file in (args.before, args.after)]
    checked = [(document, check(document)) for document in documents]
    if invalid := [each for each in checked if any(found.severity is Severity.ERROR for found in each[1])]:
        return _incomparable(invalid)
    sides = [{"version": document.version, **worded(normal(model(document)))} for document in documents]
    found = list(differences(sides[0], sides[1]))
    data = {"same": not found, "differences": [_document(each) for each in found]}
    return Result(data=data, text=lambda: "\n".join(map(_line, found)) or "the same", exit_code=1 if found else 0)


def _incomparable(invalid: list[tuple[Document, list[Diagnostic]]]) -> Result:
    files = [report(document, found) for document, found in invalid]
    lines = [each.text(document.file) for document, found in invalid for each in found]
    end = f"cannot be compared: {' and '.join(document.file for document, _ in invalid)} must be valid first"
    data = {"same": None, "valid": False, "files": files}
    return Result(data=data, text=lambda: "\n".join([*lines, end]), exit_code=1)


def _document(difference: Difference) -> dict[str, Any]:
    sides = {"before": difference.before, "after": difference.after}
    return {"path": difference.path} | {side: value for side, value in sides.items() if value is not ABSENT}


def _line(difference: Difference) -> str:
    before, after = (value if value is ABSENT else json.dumps(value, ensure_ascii=False) for value in difference[1:])
    if before is ABSENT:
        return f"+ {difference.path}: {after}"
    if after is ABSENT:
        return f"- {difference.path}: {before}"
    return f"~ {difference.path}: {before} -> {after}"
