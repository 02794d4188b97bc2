# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what is wrong with MOVA documents, and with `--advanced` what could be better and where they would run."""

import argparse
from pathlib import Path
from typing import Any

from ganglion.cli.document import HELP, loaded
from ganglion.cli.result import Result, save, table
from ganglion.errors import NotFoundError
from ganglion.mova.check import check
from ganglion.mova.diagnostic import Diagnostic, Severity, report
from ganglion.mova.load import Document
from ganglion.words import _


def arguments(verbs: Any, common: argparse.ArgumentParser) -> None:
    """`ganglion mova check FILE… [--advanced] [--detailed] [--output FILE]`, and `validate`, which is the same."""
    for name, line in (("check", "say what is wrong with documents"), ("validate", "the same as check")):
        verb = verbs.add_parser(name, parents=[common], help=line)
        verb.add_argument("files", nargs="+", type=Path, metavar="FILE", help=HELP)
        verb.add_argument(
            "--advanced",
            "-a",
            action="store_true",
            help="also what is never reached or used, secrets in clear, and what it needs on which board",
        )
        verb.add_argument(
            "--detailed",
            "-d",
            "--verbose",
            "-v",
            action="store_true",
            help="also how many parts of each kind there are",
        )
        verb.add_argument("--output", "-o", type=Path, metavar="FILE", help="write the report there, as JSON")


def checked(args: argparse.Namespace) -> Result:
    """Exit codes: 0 all are valid, whatever warnings there are; 1 one is not; 3 one cannot be opened."""
    reports: list[tuple[dict[str, Any], list[Diagnostic]]] = []
    code = 0
    for file in args.files:
        try:
            document = loaded(file)
        except NotFoundError as error:
            code = error.exit_code
            reports.append((_unread(file, error), []))
            continue
        diagnostics = check(document)
        more: dict[str, Any] = {}
        if args.advanced and _valid(diagnostics):
            more["boards"] = _advanced(document, diagnostics)
        if args.detailed:
            more["parts"] = _parts(document)
        reports.append((report(document, diagnostics) | more, diagnostics))
    valid = all(each["valid"] for each, _found in reports)
    data = {"valid": valid, "files": [each for each, _found in reports]}
    if args.output is not None:
        save(args.output, data)
    return Result(data=data, text=lambda: _text(reports), exit_code=code or int(not valid))


def _valid(diagnostics: list[Diagnostic]) -> bool:
    return all(each.severity is not Severity.ERROR for each in diagnostics)


def _unread(file: Path, error: NotFoundError) -> dict[str, Any]:
    return {
        "file": str(file),
        "form": None,
        "version": None,
        "valid": False,
        "error": str(error),
        "diagnostics": [],
    }


def _advanced(document: Document, diagnostics: list[Diagnostic]) -> list[dict[str, Any]]:
    """Adds to the findings on a valid document, and says what it needs on each board."""
    # A plain check must not pay for what this needs.
    from dataclasses import asdict

    from ganglion.board import boards
    from ganglion.mova.advanced import advanced
    from ganglion.mova.compile import compile
    from ganglion.mova.diagnostic import DocumentError
    from ganglion.mova.needs import memory, needs

    diagnostics += advanced(document)
    diagnostics.sort(key=lambda each: (each.line, each.column))
    missing: list[str] = []
    costs: dict[str, Any] = {"needs": [], "plan_bytes": None, "heap_bytes": None}
    try:
        plan = compile(document)
    except DocumentError as error:
        missing = list(dict.fromkeys(each.message for each in error.diagnostics if each.severity is Severity.ERROR))
    else:
        costs = {
            "needs": [asdict(each) for each in needs(plan)],
            "plan_bytes": len(plan.encode()),
            "heap_bytes": memory(plan),
        }
    found = []
    for board in boards():
        cannot = [f"no {each['capability']}" for each in costs["needs"] if each["capability"] not in board.capabilities]
        found.append({"board": board.name, "fits": not (missing or cannot), "missing": missing + cannot} | costs)
    return found


def _parts(document: Document) -> dict[str, int]:
    from ganglion.mova.model import model, walk

    if not document.form:
        return {}
    of = model(document)
    counts = {f"{what}s": len(names) for what, _key, names in of.named if names}
    return counts | {"steps": sum(len(list(walk(each.steps))) for each in of.protocols)}


def _text(reports: list[tuple[dict[str, Any], list[Diagnostic]]]) -> str:
    lines = []
    for told, diagnostics in reports:
        lines += [each.text(told["file"]) for each in diagnostics]
        if "error" in told:
            lines.append(told["error"])
        if parts := told.get("parts"):
            lines.append(f"{told['file']}: " + ", ".join(f"{count} {what}" for what, count in parts.items()))
        if "boards" in told:
            lines += ["", *_boards(told["file"], told["boards"]), ""]
    bad = sum(not told["valid"] for told, _found in reports)
    end = _("{bad} of {count} invalid") if bad else _("{count} valid")
    lines.append(end.format(bad=bad, count=len(reports)))
    return "\n".join(lines)


def _boards(file: str, boards: list[dict[str, Any]]) -> list[str]:
    first = boards[0]
    lines = []
    if first["plan_bytes"] is not None:
        lines.append(
            f"{file}: a plan of {first['plan_bytes']} bytes, once loaded {first['heap_bytes']} bytes of memory"
        )
        needs = [(each["capability"], each["parts"], each["plan_bytes"], each["needs"]) for each in first["needs"]]
        lines += [table(("capability", "parts", "bytes of the plan", "needs"), needs), ""]
    rows = [(each["board"], "yes" if each["fits"] else "no", "; ".join(each["missing"])) for each in boards]
    return [*lines, table(("board", "fits", "missing"), rows)]
