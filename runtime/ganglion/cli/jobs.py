# SPDX-License-Identifier: GPL-3.0-or-later
"""Has many nodes do something, each at most once, and shows what came of it; nodes that sleep do it when they wake."""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ganglion.cli import call, gateway_client, gateway_flags, option
from ganglion.cli.result import Result, table
from ganglion.cli.show import ago, moment, plain
from ganglion.client.operations import jobs as api
from ganglion.errors import UnreachableError
from ganglion.units import SECOND

#: Letters of an error that is shown once, of however many nodes.
_LONG = 40
#: How a job can end at a node, and what the command ends with then; of several the first.
_CODES = (("failed", 1), ("cancelled", 1), ("unknown", 5), ("expired", 5))
#: Seconds that a job may take to end once its time is over, as another gateway may have to take it up; and seconds of
#: one answer of the gateway, of which a job may take many.
_GRACE = 30.0
_TURN = 3600.0

#: Options by the fields of the API that they give.
FIELDS = {"selector": "--on"}


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion jobs run|list|show|cancel|watch`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    order = verbs.add_parser("run", parents=[common], help="have nodes do something, and wait for what comes of it")
    order.add_argument("--on", required=True, metavar="SELECTOR", help="which nodes: NAME, 'tag=fridge', all")
    order.add_argument("method", metavar="METHOD", help="as `ganglion call NODE --list` shows it")
    order.add_argument("values", metavar="KEY=VALUE", nargs="*", default=[], help="a parameter, as JSON or text")
    order.add_argument("--params", metavar="JSON|@FILE", help="all parameters at once; KEY=VALUE goes before them")
    order.add_argument(
        "--deadline", default="10m", metavar="TIME", help="wait so long for nodes that are away; 7d at most"
    )
    order.add_argument("--timeout", default="30s", metavar="TIME", help="what a node has for one attempt; 5m at most")
    order.add_argument("--retries", type=int, default=0, metavar="N", help="attempts after one that has failed")
    order.add_argument("--concurrency", type=int, default=16, metavar="N", help="nodes at the same time")
    order.add_argument("--detach", action="store_true", help="do not wait: print its id")
    listing = verbs.add_parser("list", parents=[common], help="every job that is kept")
    show = verbs.add_parser("show", parents=[common], help="what came of a job at each node")
    watch = verbs.add_parser("watch", parents=[common], help="what comes of a job as it does, until it ends")
    cancel = verbs.add_parser("cancel", parents=[common], help="begin it nowhere any more, and end it where it runs")
    for verb in (show, watch, cancel):
        verb.add_argument("job", metavar="JOB", help="its id")
    for verb in (order, listing, show, watch, cancel):
        gateway_flags.arguments(verb)


def run(args: argparse.Namespace) -> Result | int:
    """Runs the verb.

    Exit codes: 0 done everywhere, 1 it failed somewhere, 2 wrong usage, 3 no such node or job, 4 refused, 5 somewhere
    it was not done in time or nobody knows, 130 Ctrl-C, which leaves the job as it is.
    """
    if args.verb == "run":
        order = _order(args)
        client = gateway_client.find(args)
        job = client.ask(api.post_jobs(**order))
        if args.detach:
            return Result(data=job, text=lambda: f"{job['id']}: {_counts(job)}; next: ganglion jobs watch {job['id']}")
        return _watch(client, job, left=(job["deadline"] - job["created"]) / SECOND, as_json=args.json)
    client = gateway_client.find(args)
    match args.verb:
        case "list":
            return _list(client)
        case "watch":
            job = client.ask(api.get_jobs_job(args.job))
            return _watch(client, job, left=(job["deadline"] - time.time_ns()) / SECOND, as_json=args.json)
        case "cancel":
            job = client.ask(api.post_jobs_job_cancel(args.job))
            return Result(
                data=job, text=lambda: f"{job['id']} is being cancelled; next: ganglion jobs watch {job['id']}"
            )
    return _show(client, args.job)


def _order(args: argparse.Namespace) -> dict[str, Any]:
    for name in ("deadline", "timeout"):
        option.duration(getattr(args, name), f"--{name}")
    return {
        "selector": args.on,
        "method": args.method,
        "params": {**call.params(args.params), **dict(call.value(word) for word in args.values)},
        "deadline": args.deadline,
        "timeout": args.timeout,
        "retries": args.retries,
        "concurrency": args.concurrency,
    }


def _list(client: gateway_client.GatewayClient) -> Result:
    jobs = list(client.pages(api.get_jobs(), "jobs"))
    now = time.time_ns()

    def text() -> str:
        if not jobs:
            return "there was no job yet; `ganglion jobs run --on NODE METHOD` makes one"
        rows = [
            (
                job["id"],
                job["state"],
                _counts(job),
                plain(job["method"]),
                plain(job["selector"]),
                plain(job["actor"]),
                ago(job["created"], now),
            )
            for job in jobs
        ]
        return table(("job", "state", "nodes", "method", "on", "by", "made"), rows)

    return Result(data={"jobs": jobs}, text=text)


def _show(client: gateway_client.GatewayClient, identity: str) -> Result:
    job = client.ask(api.get_jobs_job(identity))
    nodes = list(client.pages(api.get_jobs_job_nodes(identity, limit=500), "nodes"))

    def text() -> str:
        names = " ".join(f"{plain(name)}=…" for name in job["names"])
        head = f"{job['id']}  {plain(job['method'])} {names}".rstrip()
        begun, ended = moment(job["created"]), job["ended"]
        until = f"{begun} to {moment(ended)}" if ended else f"begun {begun}, until {moment(job['deadline'])} at most"
        lines = [
            f"{head}  on {plain(job['selector'])}",
            f"{job['state']}: {_counts(job)}; by {plain(job['actor'])}, {until}",
        ]
        said: dict[str, str] = {}
        return "\n".join([*lines, *(_line(node, said) for node in nodes)])

    return Result(data={**job, "results": nodes}, text=text)


def _watch(client: gateway_client.GatewayClient, job: Mapping[str, Any], *, left: float, as_json: bool) -> Result | int:
    """A line for each node as it changes, on stderr where a document is wanted; then how it ended.

    Args:
        left: Seconds until its deadline.

    Raises:
        UnreachableError: the gateway broke off, or nobody ends the job though its time is over.
    """
    ended: dict[str, dict[str, Any]] = {}
    said: dict[str, str] = {}
    identity, until = job["id"], time.monotonic() + max(0.0, left) + _GRACE
    try:
        while (seconds := until - time.monotonic()) > 0:
            for line in client.follow(api.get_jobs_job_watch(identity, seconds=min(seconds, _TURN))):
                if "job" in line:
                    job = line["job"]
                    break
                node = line["node"]
                shown = ended.get(node["node"]) == node  # told again in the next answer
                ended[node["node"]] = node
                if not shown and (node["ended"] is not None or node["error"]):
                    print(_line(node, said), file=sys.stderr if as_json else sys.stdout, flush=True)
            else:
                raise UnreachableError(
                    f"the gateway broke off; the job goes on when it is back: ganglion jobs watch {identity}"
                )
            if job["ended"] is not None:
                return _ended(job, [ended[node] for node in sorted(ended, key=lambda id: (ended[id]["name"], id))])
    except KeyboardInterrupt:
        print(f"\nganglion: the job goes on: `ganglion jobs watch {identity}`, or cancel", file=sys.stderr)
        return 130
    raise UnreachableError(
        f"the job {identity} is past its deadline, and no gateway has ended it ({_counts(job)}): none leads jobs, as "
        f"/health/ready tells; once one does, it ends: ganglion jobs show {identity}"
    )


def _ended(job: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]) -> Result:
    code = next((code for state, code in _CODES if job["nodes"].get(state)), 0)
    return Result(
        data={**job, "results": nodes}, text=lambda: f"{job['id']} {job['state']}: {_counts(job)}", exit_code=code
    )


def _counts(job: Mapping[str, Any]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(job["nodes"].items()))


def _line(node: Mapping[str, Any], already: dict[str, str]) -> str:
    """What came of it at a node.

    Args:
        already: The node of which each error was shown; one of another like it is not shown again.
    """
    if node["state"] == "done":
        said = node["result"] if isinstance(node["result"], str) else json.dumps(node["result"], ensure_ascii=False)
    else:
        said = node["error"]
        if (first := already.setdefault(said, node["name"])) != node["name"] and len(said) > _LONG:
            said = f"as {first}"
    again = f" ({node['attempts']} attempts)" if node["attempts"] > 1 else ""
    return f"{plain(node['name'])}  {node['state']}{again}  {plain(said)}".rstrip()
