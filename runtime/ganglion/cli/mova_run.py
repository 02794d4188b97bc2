# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a MOVA protocol on this machine: real models and tools, actuators and the mesh untouched."""

import argparse
import json
import logging
import os
import sys
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ganglion.cli import mova_sessions
from ganglion.cli.document import HELP, loaded
from ganglion.cli.original import Instead
from ganglion.cli.quiet import quiet
from ganglion.cli.result import Result, save, table
from ganglion.cli.show import plain
from ganglion.errors import GanglionError, NotFoundError, UsageError
from ganglion.mova.check import refuse
from ganglion.units import MILLISECOND
from ganglion_micro.text import text as shown

#: Characters of a result in the table.
_RESULT = 200

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ganglion.cli.dry import Service, ToldTools
    from ganglion.mova.model import Step


def arguments(verbs: Any, common: argparse.ArgumentParser) -> None:
    """`ganglion mova run FILE`."""
    verb = verbs.add_parser("run", parents=[common], help="run a protocol here; actuators and the mesh stay untouched")
    verb.add_argument("file", type=Path, metavar="FILE", help=HELP)
    verb.add_argument("--protocol", metavar="NAME", help="which protocol; needed where there are several")
    verb.add_argument("--input", metavar="TEXT", help="what the user says: event.value and session.data.user_input")
    verb.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a value of the session, as JSON or text"
    )
    verb.add_argument("--session", "--session-id", metavar="ID", help="the id of the session")
    mova_sessions.store_argument(verb, argparse.SUPPRESS)
    verb.add_argument("--output", "-o", type=Path, metavar="FILE", help="write the result there, as JSON")
    verb.add_argument(
        "--trace", type=Path, metavar="FILE", help="write what `mova trace` and `mova test --replay` read"
    )
    verb.add_argument("--secrets", type=Path, metavar="FILE", help="TOML of secrets, beside GANGLION_SECRET_<NAME>")
    verb.add_argument("--verbose", "-v", action="store_true", help="say prompts, answers and calls of tools")
    verb.add_argument("--step-by-step", action="store_true", help="say each step; on a terminal wait for Enter")
    service_arguments(verb, argparse.SUPPRESS)
    verb.add_argument(
        "--webhook", "--webhook-url", action=Instead, const="webhooks are sent by the gateway, from alerts"
    )


def service_arguments(parser: argparse.ArgumentParser, default: Any) -> None:
    """Which language model is asked. They stand before the verb too; there they have the defaults."""
    parser.add_argument("--llm", metavar="URL", default=default, help="an OpenAI-compatible service")
    parser.add_argument("--llm-model", metavar="NAME", default=default, help="of prompts whose preset names none")
    parser.add_argument("--llm-temperature", metavar="T", type=float, default=default, help="of such prompts, 0 to 2")
    parser.add_argument("--llm-max-tokens", metavar="N", type=int, default=default, help="the most of one answer")
    parser.add_argument("--llm-timeout", metavar="SECONDS", type=float, default=default, help="the longest to wait")
    parser.add_argument("--llm-preset", metavar="NAME", default=default, help="the preset of prompts that name none")
    parser.add_argument("--llm-api-key", metavar="KEY", default=default, help="better: set GANGLION_LLM_KEY")


def performed(args: argparse.Namespace) -> Result:
    """Runs the protocol once and shows its steps. Exit code 1 where it failed."""
    # Checking must not pay for what only running needs.
    import asyncio

    from ganglion.bus import Bus
    from ganglion.cli.dry import DryPorts, ToldTools
    from ganglion.clock import Clock
    from ganglion.mova.compile import compile
    from ganglion.mova.episode import result
    from ganglion.mova.model import model, walk
    from ganglion.mova.once import run_once
    from ganglion.mova.tools import HttpTools

    document = loaded(args.file)
    refuse(document)
    of = model(document)
    protocol = _chosen([each.name for each in of.protocols], args)
    if args.llm_preset is not None:
        for step in (step for each in of.protocols for step in walk(each.steps) if step.action == "prompt"):
            step.raw.setdefault("preset", args.llm_preset)
    plan = compile(document, only=protocol)
    clock = Clock()
    now = clock.now()
    session_id = args.session or f"{now // 1_000_000:x}"
    kept = mova_sessions.load(args.sessions, session_id) if args.sessions else None
    data = of.data | deepcopy(kept or {})  # the run may change what is deep in it
    for each in args.set:
        _put(data, each)
    if args.input is not None:
        data["user_input"] = args.input
    session = {"session_id": session_id, "data": data}
    event = {
        "id": f"cli@{now}",
        "source": "cli",
        "topic": "cli",
        "value": args.input,
        "payload": args.input,
        "timestamp": now,
    }
    bus = Bus()
    ports = DryPorts(data, service(args), bus, clock, verbose=args.verbose)
    real = HttpTools(_secrets(args.secrets))
    told = ToldTools(real)
    tools = told if args.verbose else real
    refused = _Refused(told)
    steps, waits = _Steps(), _Waits(step for each in of.protocols for step in walk(each.steps))

    def watch(records: list[dict[str, Any]]) -> None:
        if args.step_by_step:
            steps.tell(records)
        if args.verbose:
            refused.tell(records)
        waits.tell(records)

    world: dict[str, Any] = {"bus": bus, "ports": ports, "clock": clock, "tools": tools}
    with quiet("ganglion.mova.shell", logging.ERROR):  # its error is the end of what is shown
        episode, left = asyncio.run(run_once(plan, protocol, event=event, session=session, watch=watch, **world))
    _keep({**episode, "event": event, "session": session, "happened": ports.happened}, args.trace)
    outcome = result(episode, session_id, left)
    if args.output is not None:
        save(args.output, outcome)
    if args.sessions:
        mova_sessions.save(args.sessions, session_id, kept, left, of.ttl)
    return Result(data=outcome, text=lambda: _text(episode), exit_code=0 if outcome["status"] == "completed" else 1)


def service(args: argparse.Namespace) -> "Service":
    """The language model service that the command line or the environment names; without a URL where neither does.

    Raises:
        UsageError: a number is out of its range, or the URL is none.
    """
    from ganglion.cli.dry import Service

    if args.llm_api_key is not None:
        print("ganglion: everyone on this machine can see --llm-api-key; better set GANGLION_LLM_KEY", file=sys.stderr)
    if args.llm_temperature is not None and not 0 <= args.llm_temperature <= 2:
        raise UsageError(f"--llm-temperature {args.llm_temperature:g}: from 0 to 2")
    if args.llm_max_tokens is not None and args.llm_max_tokens < 1:
        raise UsageError(f"--llm-max-tokens {args.llm_max_tokens}: at least 1")
    if args.llm_timeout is not None and not 0 < args.llm_timeout <= 3600:
        raise UsageError(f"--llm-timeout {args.llm_timeout:g}: more than 0, and at most 3600 seconds")
    url = args.llm or os.environ.get("GANGLION_LLM_URL", "")
    if url and not _is_url(url):
        raise UsageError(f"the model service {url!r} is no URL: write it as http://127.0.0.1:11434/v1")
    return Service(
        url=url,
        key=args.llm_api_key or os.environ.get("GANGLION_LLM_KEY", ""),
        model=args.llm_model or os.environ.get("GANGLION_LLM_MODEL", ""),
        temperature=args.llm_temperature,
        tokens=args.llm_max_tokens,
        seconds=args.llm_timeout,
    )


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _secrets(file: Path | None) -> Any:
    from ganglion.mova.secrets import Secrets, from_environment, from_file

    values = from_environment(os.environ) | ({} if file is None else from_file(file))
    return Secrets(values, "set GANGLION_SECRET_<NAME>, or write it into the file of --secrets")


def last_run() -> Path:
    """Where the trace of the last run on this machine is kept."""
    from ganglion.config import state_folder

    return state_folder() / "mova" / "last.json"


def _keep(trace: dict[str, Any], wanted: Path | None) -> None:
    if wanted is not None:
        save(wanted, trace, mode=0o600)
    try:
        save(last_run(), trace, mode=0o600)
    except GanglionError as error:  # a run is none the worse for it
        print(f"ganglion: this run's trace is not kept: {error}", file=sys.stderr)


class _Waits:
    """Says on stderr which event a step waits for: nothing but the run itself emits one here."""

    def __init__(self, steps: "Iterable[Step]") -> None:
        self._topics = {each.id: each.raw["event"] for each in steps if each.action == "wait" and "event" in each.raw}
        self._told: list[dict[str, Any]] = []

    def tell(self, steps: list[dict[str, Any]]) -> None:
        """Takes the steps so far."""
        for step in steps:
            is_known = any(step is each for each in self._told)  # it may come again, as another record
            if step["action"] == "wait" and step["status"] == "running" and step["id"] in self._topics and not is_known:
                self._told.append(step)
                said = f"step {step['id']} waits for the event {self._topics[step['id']]}"
                print(f"{said}, which only this run can emit here", file=sys.stderr)


class _Refused:
    """Says on stderr which calls of a model were not sent."""

    def __init__(self, tools: "ToldTools") -> None:
        self._tools = tools
        self._told: list[dict[str, Any]] = []

    def tell(self, steps: list[dict[str, Any]]) -> None:
        """Takes the steps so far."""
        for call in (call for step in steps for call in step["detail"].get("calls", ())):
            if not any(call is each for each in self._told):
                self._told.append(call)
                if "error" in call and "http_status" not in call and call["error"] not in self._tools.failed:
                    print(f"tool {call['tool']}: not called: {call['error']}", file=sys.stderr)


class _Steps:
    """Says on stderr each step that has ended, and on a terminal waits for Enter before the next."""

    def __init__(self) -> None:
        self._told = 0
        self._asked: dict[str, Any] | None = None

    def tell(self, steps: list[dict[str, Any]]) -> None:
        """Takes the steps so far; the last one may be about to be carried out."""
        for step in steps[self._told :]:
            if step["status"] == "running":
                if step is not self._asked:  # and is not just tried again
                    self._ask(step)
                self._asked = step
                return
            self._told += 1
            print(f"step {step['id']} ({step['action']}): {step['status']} {shown(step['detail'])}", file=sys.stderr)

    def _ask(self, step: dict[str, Any]) -> None:
        if sys.stdin.isatty():
            print(f"step {step['id']} ({step['action']}): Enter carries it out ", end="", file=sys.stderr, flush=True)
            sys.stdin.readline()


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


def _text(episode: dict[str, Any]) -> str:
    rows = [
        (
            step["id"],
            step["action"],
            step["status"],
            f"{(step['ended'] - step['started']) / MILLISECOND:.1f} ms",
            _result(step, episode["error"] or ""),
        )
        for step in episode["steps"]
    ]
    end = f"{episode['protocol']}: {episode['status']}"
    if episode["error"]:
        end += f": {episode['error']}"
    return "\n".join([table(("step", "action", "status", "took", "result"), rows), *remarks(episode), end])


def _result(step: dict[str, Any], error: str) -> str:
    """What a step gave, on one line; the error that ends the run is told at the end, and what is missing before it."""
    detail = {key: value for key, value in step["detail"].items() if key != "missing"}
    if "error" in detail and error.endswith(f"step {step['id']} failed: {detail['error']}"):
        del detail["error"]
    text = shown(detail["result"] if detail.keys() == {"result"} else detail or None)
    return text if len(text) <= _RESULT else text[:_RESULT] + "…"


def remarks(episode: dict[str, Any]) -> list[str]:
    """What is said below the table of an episode's steps."""
    lines = [f"and {plain(episode['omitted'])} steps more"] if episode.get("omitted") else []
    for step in episode["steps"]:
        if missing := step["detail"].get("missing"):
            names = ", ".join(dict.fromkeys(map(plain, missing))) if isinstance(missing, list) else plain(missing)
            lines.append(f"warning: {plain(step['id'])}: nothing has set {names}")
    return lines
