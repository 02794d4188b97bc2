# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks MOVA documents, and runs their protocols on this machine."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from ganglion.cli import mova_author, mova_plan, mova_test, mova_watch
from ganglion.cli.result import Result, table
from ganglion.errors import NotFoundError, UsageError
from ganglion.mova.check import check, refuse
from ganglion.mova.diagnostic import Diagnostic, Severity
from ganglion.mova.load import Document, load
from ganglion.mova.ports import Accepted, NoModelError, PromptReply, PromptRequest
from ganglion_micro.text import text as shown


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion mova check|parse|compile|graph|run|test|init|schema|diff|watch`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    for name, line in (("check", "say what is wrong with documents"), ("validate", "the same as check")):
        verb = verbs.add_parser(name, parents=[common], help=line)
        verb.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a document, JSON or YAML")
    mova_plan.arguments(verbs, common)
    mova_test.arguments(verbs, common)
    mova_author.arguments(verbs, common)
    mova_watch.arguments(verbs, common)
    verb = verbs.add_parser("run", parents=[common], help="run a protocol here; actuators and the mesh stay untouched")
    verb.add_argument("file", type=Path, metavar="FILE", help="a document, JSON or YAML")
    verb.add_argument("--protocol", metavar="NAME", help="which protocol; needed where there are several")
    verb.add_argument("--input", metavar="TEXT", help="what the user says: event.value and session.data.user_input")
    verb.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a value of the session, as JSON or text"
    )
    verb.add_argument("--session", metavar="ID", help="the id of the session")
    verb.add_argument("--llm", metavar="URL", help="an OpenAI-compatible service; default: GANGLION_LLM_URL")


def run(args: argparse.Namespace) -> Result | None:
    """Runs the verb. Exit codes: 0 ok, 1 invalid or failed, 3 no such file."""
    match args.verb:
        case "run":
            return _run(args)
        case "parse":
            return mova_plan.parsed(args)
        case "compile":
            return mova_plan.compiled(args)
        case "test":
            return mova_test.tested(args)
        case "watch":
            mova_watch.watched(args)
            return None
        case "init":
            return mova_author.begun(args)
        case "schema":
            return mova_author.described()
        case "diff":
            return mova_author.compared(args)
        case "graph":
            return mova_plan.drawn(args)
    return _check(args.files)


def _check(files: list[Path]) -> Result:
    found = []
    for file in files:
        document = load(file)
        found.append((document, check(document)))
    reports = [_report(document, diagnostics) for document, diagnostics in found]
    valid = all(report["valid"] for report in reports)

    def text() -> str:
        lines = [each.text(document.file) for document, diagnostics in found for each in diagnostics]
        bad = sum(not report["valid"] for report in reports)
        lines.append(f"{bad} of {len(files)} invalid" if bad else f"{len(files)} valid")
        return "\n".join(lines)

    return Result(data={"valid": valid, "files": reports}, text=text, exit_code=0 if valid else 1)


def _report(document: Document, diagnostics: list[Diagnostic]) -> dict[str, Any]:
    return {
        "file": document.file,
        "form": document.form or None,
        "version": document.version or None,
        "valid": all(each.severity is not Severity.ERROR for each in diagnostics),
        "diagnostics": [each.data() for each in diagnostics],
    }


def _run(args: argparse.Namespace) -> Result:
    # Checking must not pay for what only running needs.
    from ganglion.clock import Clock
    from ganglion.mova.compile import compile
    from ganglion.mova.episode import result
    from ganglion.mova.model import model
    from ganglion.mova.once import run_once

    document = load(args.file)
    refuse(document)
    protocol = _chosen([each.name for each in model(document).protocols], args)
    plan = compile(document, only=protocol)
    data = dict(model(document).data)
    for each in args.set:
        _put(data, each)
    if args.input is not None:
        data["user_input"] = args.input
    clock = Clock()
    now = clock.now()
    session_id = args.session or f"{now // 1_000_000:x}"
    session = {"session_id": session_id, "data": data}
    event = {
        "id": f"cli@{now}",
        "source": "cli",
        "topic": "cli",
        "value": args.input,
        "payload": args.input,
        "timestamp": now,
    }
    ports = _DryPorts(data, args.llm or os.environ.get("GANGLION_LLM_URL", ""))
    episode, left = asyncio.run(run_once(plan, protocol, event=event, session=session, ports=ports, clock=clock))
    outcome = result(episode, session_id, left)
    return Result(data=outcome, text=lambda: _text(outcome), exit_code=0 if outcome["status"] == "completed" else 1)


def _chosen(names: list[str], args: argparse.Namespace) -> str:
    if args.protocol is not None:
        if args.protocol not in names:
            raise NotFoundError(f"{args.file} has no protocol {args.protocol!r}, but {', '.join(names) or 'none'}")
        return str(args.protocol)
    if not names:
        raise UsageError(f"{args.file} has no protocol that could be run")
    if len(names) > 1:
        raise UsageError(f"{args.file} has the protocols {', '.join(names)}: say which with --protocol")
    return names[0]


def _put(data: dict[str, Any], word: str) -> None:
    """Sets `key=value` in the session; dots in the key lead into maps."""
    key, sign, value = word.partition("=")
    if not sign or not key:
        raise UsageError(f"--set {word}: write KEY=VALUE, as in --set city=Kyiv")
    *way, last = key.removeprefix("session.data.").split(".")
    for part in way:
        inner = data.get(part)
        data[part] = dict(inner) if isinstance(inner, dict) else {}
        data = data[part]
    try:
        data[last] = json.loads(value)
    except ValueError:
        data[last] = value


def _text(outcome: dict[str, Any]) -> str:
    rows = [
        (step["id"], step["action"], step["status"], f"{step['duration_ms']:.1f} ms", shown(step["result"])[:200])
        for step in outcome["steps"]
    ]
    end = f"{outcome['protocol']}: {outcome['status']}"
    if outcome["error"]:
        end += f": {outcome['error']}"
    return table(("step", "action", "status", "took", "result"), rows) + "\n" + end


class _DryPorts:
    """Real models and tools; what would move or be sent is said on stderr."""

    def __init__(self, data: dict[str, Any], url: str) -> None:
        self._data = data
        self._url = url

    async def prompt(self, request: PromptRequest) -> PromptReply:
        """Asks the service that was named."""
        from ganglion.mova.chat import Chat

        if not self._url:
            raise NoModelError("there is no model: give --llm URL, or set GANGLION_LLM_URL")
        chat = Chat(self._url, os.environ.get("GANGLION_LLM_KEY", ""), os.environ.get("GANGLION_LLM_MODEL", ""))
        return await chat.prompt(request)

    async def actuate(self, actuator: str, value: Any, *, owner: str, for_ns: int | None, priority: int) -> Accepted:
        """Says what would be switched."""
        held = "" if for_ns is None else f" for {for_ns / 1e9:g} s"
        print(f"dry: would set {actuator} to {shown(value)}{held}", file=sys.stderr)
        return Accepted(value, "dry: nothing was switched")

    def publish(self, topic: str, value: Any, *, must_arrive: bool, run: str) -> str:
        """Says what would be published."""
        print(f"dry: would publish {topic} {shown(value)}", file=sys.stderr)
        return "dry"

    def emit(self, topic: str, value: Any, *, source: str) -> None:
        """Says what would be emitted."""
        print(f"dry: would emit {topic} {shown(value)}", file=sys.stderr)

    async def read(self, sensor: str) -> Any:
        """The value that --set gave the sensor's name."""
        value: Any = self._data
        for part in sensor.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is None:
            raise NotFoundError(f"no sensor is read here: give its value with --set {sensor}=VALUE")
        return value

    def episode(self, episode: dict[str, Any]) -> None:
        """The outcome is shown at the end."""
