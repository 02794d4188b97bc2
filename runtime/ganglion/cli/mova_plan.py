# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what a MOVA document comes to: its parts in one spelling, its plan, its protocols as flowcharts."""

import argparse
import json
from pathlib import Path
from typing import Any

from ganglion.cli.document import HELP, loaded
from ganglion.cli.result import Result, save, table, write
from ganglion.errors import NotFoundError
from ganglion.mova.check import refuse
from ganglion.mova.graph import graph
from ganglion.mova.model import model
from ganglion.mova.normal import normal


def parsed(args: argparse.Namespace) -> Result:
    """`ganglion mova parse FILE [--output JSON]`: the document in one spelling, whichever it was written in.

    Raises:
        DocumentError: the document is not valid.
        InvalidError: it cannot be written where it was asked for.
    """
    document = loaded(args.file)
    refuse(document)
    data = {"file": document.file, "form": document.form, "version": document.version, **normal(model(document))}
    if args.output is not None:
        save(args.output, data)
    return Result(data=data, text=lambda: json.dumps(data, ensure_ascii=False, indent=2))


def compiled(args: argparse.Namespace) -> Result:
    """`ganglion mova compile FILE [--output PLAN]`.

    Raises:
        DocumentError: the document is not valid, or uses what the engine does not carry out.
        InvalidError: the plan cannot be written where it was asked for.
    """
    # The other verbs must not pay for what only compiling needs.
    from ganglion.mova.compile import compile
    from ganglion_micro import plan as p

    plan = compile(loaded(args.file))
    data = plan.encode()
    if args.output is not None:
        write(args.output, data)
    document: dict[str, Any] = {
        "name": plan.name,
        "format": p.FORMAT,
        "hash": plan.hash,
        "bytes": len(data),
        "protocols": [{"name": each[p.TITLE], "steps": len(each[p.STEPS])} for each in plan.body[p.PROTOCOLS]],
        "triggers": [
            {"id": each[p.TRIGGER_ID], "source": p.SOURCES[each[p.SOURCE]], "topic": each[p.TOPIC] or None}
            for each in plan.body[p.TRIGGERS]
        ],
        "output": None if args.output is None else str(args.output),
    }
    return Result(data=document, text=lambda: _text(document))


def _text(document: dict[str, Any]) -> str:
    head = f"{document['name']}: a plan of {document['bytes']} bytes, format {document['format']}\n{document['hash']}"
    protocols = table(("steps", "protocol"), [(str(each["steps"]), each["name"]) for each in document["protocols"]])
    rows = [(each["id"], each["source"], each["topic"] or "") for each in document["triggers"]]
    written = f"\n\nwritten to {document['output']}" if document["output"] else ""
    return f"{head}\n\n{protocols}" + (f"\n\n{table(('trigger', 'on', 'topic'), rows)}" if rows else "") + written


def drawn(args: argparse.Namespace) -> Result:
    """`ganglion mova graph FILE [--protocol NAME]`: Mermaid, which many pages and editors draw.

    Raises:
        DocumentError: the document is not valid.
        NotFoundError: there is no such protocol.
    """
    document = loaded(args.file)
    refuse(document)
    of = model(document)
    chosen = [each for each in of.protocols if args.protocol in (None, each.name)]
    if not chosen:
        names = ", ".join(each.name for each in of.protocols) or "none"
        raise NotFoundError(f"{args.file} has no protocol {args.protocol!r}, but {names}")
    graphs = [{"protocol": each.name, "mermaid": graph(of, each)} for each in chosen]
    return Result(data={"file": document.file, "graphs": graphs}, text=lambda: "\n\n".join(_titled(graphs)))


def _titled(graphs: list[dict[str, str]]) -> list[str]:
    if len(graphs) == 1:
        return [graphs[0]["mermaid"]]
    return [f"%% {each['protocol']}\n{each['mermaid']}" for each in graphs]


def arguments(verbs: Any, common: argparse.ArgumentParser) -> None:
    """The options of all three."""
    verb = verbs.add_parser("parse", parents=[common], help="show a document in one spelling, as JSON")
    verb.add_argument("file", type=Path, metavar="FILE", help=HELP)
    verb.add_argument("--output", "-o", type=Path, metavar="JSON", help="write it there too")
    verb.add_argument("--validate", action="store_true", help="accepted: what is not valid is always refused")
    verb.add_argument("--detailed", action="store_true", help="accepted: all that there is is always shown")
    verb = verbs.add_parser("compile", parents=[common], help="make the plan that nodes run, and show its hash")
    verb.add_argument("file", type=Path, metavar="FILE", help=HELP)
    verb.add_argument("--output", "-o", type=Path, metavar="PLAN", help="where to write it")
    verb = verbs.add_parser("graph", parents=[common], help="draw protocols as flowcharts, in Mermaid")
    verb.add_argument("file", type=Path, metavar="FILE", help=HELP)
    verb.add_argument("--protocol", metavar="NAME", help="this one alone")
