# SPDX-License-Identifier: GPL-3.0-or-later
"""Says which intent of a document a text has, who says so and how sure that is; takes feedback; measures it all."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.cli import mova_run
from ganglion.cli.document import HELP, loaded
from ganglion.cli.result import Result, table
from ganglion.errors import InvalidError, NotFoundError, UsageError
from ganglion.mova.check import refuse
from ganglion.settings import nearest

if TYPE_CHECKING:
    from ganglion.cli.intent_score import Score
    from ganglion.intent.order import Ask
    from ganglion.intent.recognition import Intents, Recognition
    from ganglion.mova.model import Model


def arguments(verbs: Any, common: argparse.ArgumentParser) -> None:
    """`ganglion mova intent FILE [TEXT]`."""
    verb = verbs.add_parser("intent", parents=[common], help="say which intent a text has, and who says so")
    verb.add_argument("file", type=Path, metavar="FILE", help=HELP)
    verb.add_argument("text", nargs="?", metavar="TEXT", help="what somebody says; default: each line of stdin")
    verb.add_argument("--feedback", type=Path, metavar="FILE", help="what was taught, in JSON lines")
    verb.add_argument("--teach", metavar="INTENT", help="add to the feedback that TEXT has this intent")
    verb.add_argument("--llm", metavar="URL", default=argparse.SUPPRESS, help="an OpenAI-compatible service")
    verb.add_argument("--evaluate", type=Path, metavar="SET.tsv", help="measure on lines of INTENT, a tab and TEXT")


def recognised(args: argparse.Namespace) -> Result:
    """Exit codes: 0 recognised, taught or measured, 1 no text has an intent or a file is wrong, 3 no such intent.

    Raises:
        DocumentError: the document is not valid.
        UsageError: options that make no sense together.
        NotFoundError: no such file, or intent to teach.
        InvalidError: the feedback or the set cannot be read.
    """
    # The other verbs must not pay for what only recognising needs.
    from ganglion.intent.feedback import taught
    from ganglion.mova.intents import of
    from ganglion.mova.model import model

    if str(args.file) == "-" and args.text is None and args.evaluate is None:
        raise UsageError("stdin is the document here: give TEXT, or --evaluate")
    document = loaded(args.file)
    refuse(document)
    made = model(document)
    intents = of(made)
    if args.teach is not None:
        return _teach(args, intents)
    now = _now(made)
    if not intents.by_name:
        raise NotFoundError(f"{document.file} has no intents")
    asked = _asked(args, intents, taught(args.feedback) if args.feedback else [])
    if args.evaluate is not None:
        if args.text is not None:
            raise UsageError("give TEXT, or --evaluate")
        return _evaluated(args.evaluate, intents, asked, now)
    texts = [args.text] if args.text is not None else [line for line in sys.stdin.read().splitlines() if line.strip()]
    found = _recognised(intents, texts, list(asked.values()), now)
    for note in dict.fromkeys(note for each in found for note in each.notes):
        print(f"ganglion: {note}", file=sys.stderr)
    documents = [each.data() for each in found]
    return Result(
        data=documents[0] if args.text is not None else {"recognitions": documents},
        text=lambda: "\n".join(map(_line, found)),
        exit_code=0 if any(each.intent for each in found) else 1,
    )


def _recognised(intents: "Intents", texts: list[str], ask: "list[Ask]", now: datetime) -> "list[Recognition]":
    import asyncio

    from ganglion.intent.order import recognise

    async def each() -> "list[Recognition]":
        return [await recognise(intents, text, ask, now=now) for text in texts]

    return asyncio.run(each())


def _asked(args: argparse.Namespace, intents: "Intents", feedback: list[tuple[str, str]]) -> "dict[str, Ask]":
    """Who is asked after the patterns, in this order: the classifier, and the model where there is one."""
    from importlib import import_module

    from ganglion.bus import Bus
    from ganglion.cli.dry import DryPorts
    from ganglion.clock import Clock
    from ganglion.mova.intents import model_asked

    # A part of the gateway, which is above the runtime: a device that has it is asked by name.
    service = import_module("ganglion_gateway.intents.service").ClassifierService(intents, feedback)
    asked: dict[str, Ask] = {"classifier": service.ask}
    llm = mova_run.service(args)
    if llm.url:
        asked["model"] = model_asked(intents, DryPorts({}, llm, Bus(), Clock()).prompt)
    return asked


def _now(made: "Model") -> datetime:
    """The time, in the zone of the document's profile, else of this machine."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    zone = made.profile.get("timezone")
    if not isinstance(zone, str) or not zone:
        return datetime.now(UTC).astimezone()
    try:
        return datetime.now(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidError(f"this machine knows no time zone {zone!r}", where="profiles[0].timezone") from None


def _teach(args: argparse.Namespace, intents: "Intents") -> Result:
    from ganglion.intent.feedback import teach

    if args.text is None or args.feedback is None:
        raise UsageError("--teach needs TEXT and --feedback FILE")
    if args.teach not in intents.by_name:
        raise NotFoundError(f"{args.file} has no intent {args.teach!r}{nearest(args.teach, intents.by_name)}")
    teach(args.feedback, args.text, args.teach)
    data = {"text": args.text, "intent": args.teach, "feedback": str(args.feedback)}
    return Result(data=data, text=lambda: f"taught {args.feedback}: {args.text!r} is {args.teach}")


def _line(found: "Recognition") -> str:
    head = "no intent" if found.intent is None else f"{found.intent} ({found.by}, {found.confidence:.2f})"
    named = [
        f"  {each.kind}: {each.value}{f' {each.unit}' if each.unit else ''} ({each.text!r})" for each in found.entities
    ]
    return "\n".join([head, *([f"  {found.response}"] if found.response else []), *named])


def _evaluated(path: Path, intents: "Intents", asked: "dict[str, Ask]", now: datetime) -> Result:
    from ganglion.cli.intent_score import examples, scored

    wanted = examples(path, intents)
    scores: list[Score] = []
    notes: dict[str, None] = {}
    for count in range(len(asked) + 1):
        found = _recognised(intents, [text for text, _ in wanted], list(asked.values())[:count], now)
        notes |= dict.fromkeys(note for each in found for note in each.notes)
        scores.append(scored(["patterns", *list(asked)[:count]], [name for _, name in wanted], found))
    for note in notes:
        print(f"ganglion: {note}", file=sys.stderr)

    def text() -> str:
        head = ("asked", "right", "of intents", "of none", "taken for another")
        rows = [
            (
                " + ".join(each.asked),
                *("-" if share is None else f"{share:.1%}" for share in (each.accuracy, each.of_intents, each.of_none)),
                each.wrong,
            )
            for each in scores
        ]
        lines = [f"{n} times {want or 'none'} taken for {got or 'none'}" for want, got, n in scores[-1].confusions]
        return "\n".join([table(head, rows), "", *lines])

    data = {"set": str(path), "texts": len(wanted), "scores": [each.data() for each in scores], "notes": list(notes)}
    return Result(data=data, text=text)
