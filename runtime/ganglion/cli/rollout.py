# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a release to many nodes, cohort by cohort, and back where it turns out to be bad."""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ganglion.cli import gateway_client, gateway_flags, rollout_text
from ganglion.cli.gateway_client import GatewayClient
from ganglion.cli.result import Result
from ganglion.client.operations import rollouts
from ganglion.errors import UnreachableError

#: States of nodes that a report names.
_TROUBLE = ("failed", "reverted", "gone", "skipped")

#: Seconds for which a gateway that was followed may be away, and between two looks whether it is back.
_AWAY, _LOOK = 60.0, 1.0

#: Options by the fields of the API that they give.
FIELDS = {"selector": "--to", "why": "--reason"}


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion rollout plan|start|list|watch|pause|resume|abort|report`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    plan = verbs.add_parser("plan", parents=[common], help="say who would get it and in which stage, and do nothing")
    start = verbs.add_parser("start", parents=[common], help="begin, as `plan` says it")
    for verb in (plan, start):
        _terms(verb)
    start.add_argument("--watch", action="store_true", help="follow it to its end")
    listing = verbs.add_parser("list", parents=[common], help="every rollout, the newest first")
    listing.add_argument("--state", choices=("running", "paused", "completed", "aborted"), help="those that are so")
    watch = verbs.add_parser("watch", parents=[common], help="follow one to its end")
    pause = verbs.add_parser("pause", parents=[common], help="come to no node more, for now")
    resume = verbs.add_parser("resume", parents=[common], help="go on with one that is paused")
    abort = verbs.add_parser("abort", parents=[common], help="end it, and take it back from those that are on the way")
    abort.add_argument("--reason", default="", metavar="TEXT", help="for the report and the audit")
    abort.add_argument("--send-back", action="store_true", help="also those that have committed, to what they had")
    report = verbs.add_parser("report", parents=[common], help="what happened in it, and who had trouble")
    for verb in (watch, pause, resume, abort, report):
        verb.add_argument("rollout", metavar="ID", help="as `list` shows it")
    performing = {plan: _plan, start: _start, listing: _list, watch: _watch, report: _report}
    performing |= {pause: _pause, resume: _resume, abort: _abort}
    for verb, perform in performing.items():
        gateway_flags.arguments(verb)
        verb.set_defaults(perform=perform)


def _terms(parser: argparse.ArgumentParser) -> None:
    """What is left out is as the gateway has it."""
    add = parser.add_argument
    add("release", metavar="RELEASE", help="its id, the first letters of it, or its name")
    add("--to", required=True, metavar="SELECTOR", help="which nodes: 'tag=fridge and board=esp32', or all")
    add("--id", metavar="ID", help="what to call it: that of a plan gives the cohorts that the plan showed")
    add(
        "--stages",
        metavar="LIST",
        help="percent of all, with soak times where they differ, as 5%%:1h,100%%; default: 1%%,10%%,50%%,100%%",
    )
    add("--soak", metavar="TIME", help="how long a stage must be well before the next; default: 10m")
    add("--quorum", type=int, metavar="PERCENT", help="of a stage's nodes that must have committed; default: 80")
    add("--tolerate", metavar="N|N%", help="so many of all may fail, one more aborts; default: 5%%")
    add("--tolerate-stage", metavar="N|N%", help="so many of one stage may fail; default: 5%%")
    add("--patience", metavar="TIME", help="what a node that is there may take for a step; default: 30m")
    add("--at-once", type=int, metavar="N", help="nodes that are on the way at a time; default: 200")
    add("--crashes", type=int, metavar="N", help="so many crashes of a node are no failure; default: 0")
    add("--alerts", type=int, metavar="N", help="so many alerts of a node are no failure; default: any number")
    add(
        "--while",
        action="append",
        dest="bounds",
        metavar="BOUND",
        help="what a sensor of each node must read: 'system.temperature < 80 for 5m'; give it several times",
    )
    add("--send-back", action="store_true", help="an abort sends back those that have committed, too")


def run(args: argparse.Namespace) -> Result | int:
    """Runs the verb.

    Exit codes: 0 ok, 1 it was aborted, 2 wrong usage, 3 no such rollout, release or node, 4 refused, 5 no gateway
    answers.
    """
    result: Result | int = args.perform(gateway_client.find(args), args)
    return result


def _body(args: argparse.Namespace) -> dict[str, Any]:
    names = ("soak", "quorum", "tolerate", "tolerate_stage", "patience", "at_once", "crashes", "alerts", "bounds")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if args.stages is not None:
        given["stages"] = [part.strip() for part in args.stages.split(",")]
    if args.id is not None:
        given["id_"] = args.id
    return {"release": args.release, "selector": args.to, "send_back": args.send_back, **given}


def _plan(client: GatewayClient, args: argparse.Namespace) -> Result:
    made = client.ask(rollouts.post_rollouts_plan(**_body(args)))
    return Result(data=made, text=lambda: rollout_text.plan(made))


def _start(client: GatewayClient, args: argparse.Namespace) -> Result | int:
    begun = client.ask(rollouts.post_rollouts(**_body(args)))
    if args.watch:
        return _follow(client, begun["id"], as_json=args.json)
    return Result(data=begun, text=lambda: rollout_text.begun(begun))


def _list(client: GatewayClient, args: argparse.Namespace) -> Result:
    found = client.whole(rollouts.get_rollouts(state=args.state), "rollouts")["rollouts"]
    return Result(data={"rollouts": found}, text=lambda: rollout_text.listed(found))


def _watch(client: GatewayClient, args: argparse.Namespace) -> int:
    return _follow(client, args.rollout, as_json=args.json)


def _follow(client: GatewayClient, rollout: str, *, as_json: bool) -> int:
    """Shows it until it ends; 0 where it was completed. Ctrl-C ends the watching, not the rollout."""
    last: dict[str, Any] = {}
    try:
        for last in _documents(client, rollout):
            if as_json:
                print(json.dumps(last, ensure_ascii=False), flush=True)
            else:
                for line in rollout_text.progress(last):
                    print(line, flush=True)
    except KeyboardInterrupt:
        print(f"the rollout goes on; see it again: ganglion rollout watch {rollout}", file=sys.stderr)
        raise
    return 0 if last["state"] == "completed" else 1


def _documents(client: GatewayClient, rollout: str) -> Iterator[dict[str, Any]]:
    """It, each time it has changed, until it has ended; also beyond a gateway that starts anew.

    Raises:
        UnreachableError: the gateway is away for longer than a start takes, or was never there.
    """
    told, state = 0, ""  # how much of what happened was told, and how it stood then
    away: float | None = None
    while True:
        known = told  # a new answer begins with what happened first
        try:
            for document in client.follow(rollouts.get_rollouts_rollout_watch(rollout)):
                away, state = None, document["state"]
                again = min(known, len(document["notes"]))
                known, document["notes"] = known - again, document["notes"][again:]
                told += len(document["notes"])
                yield document
        except UnreachableError:
            if not state:
                raise
        if state in ("completed", "aborted"):
            return
        now = time.monotonic()
        if away is None:
            away = now
            print("ganglion: the gateway broke off, and is looked for; the rollout goes on", file=sys.stderr)
        if now - away > _AWAY:
            raise UnreachableError(f"the gateway broke off; the rollout goes on: ganglion rollout watch {rollout}")
        time.sleep(_LOOK)


def _pause(client: GatewayClient, args: argparse.Namespace) -> Result:
    return _commanded(client.ask(rollouts.post_rollouts_rollout_pause(args.rollout)))


def _resume(client: GatewayClient, args: argparse.Namespace) -> Result:
    return _commanded(client.ask(rollouts.post_rollouts_rollout_resume(args.rollout)))


def _abort(client: GatewayClient, args: argparse.Namespace) -> Result:
    asked = rollouts.post_rollouts_rollout_abort(args.rollout, why=args.reason, send_back=args.send_back)
    return _commanded(client.ask(asked))


def _report(client: GatewayClient, args: argparse.Namespace) -> Result:
    told = client.ask(rollouts.get_rollouts_rollout_report(args.rollout))  # its lists end somewhere, pages do not
    troubled = rollouts.get_rollouts_rollout_nodes(args.rollout, state=list(_TROUBLE), limit=500)
    told["troubled"] = client.whole(troubled, "nodes")["nodes"]
    told["notes"] = client.whole(rollouts.get_rollouts_rollout_notes(args.rollout, limit=500), "notes")["notes"]
    return Result(data=told, text=lambda: rollout_text.report(told))


def _commanded(document: Mapping[str, Any]) -> Result:
    return Result(data=document, text=lambda: rollout_text.commanded(document))
