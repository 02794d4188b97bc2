# SPDX-License-Identifier: GPL-3.0-or-later
"""Says something to a node: its scripts know the intent, and do what it triggers."""

import argparse
from typing import Any

from ganglion.cli import gateway_flags, show
from ganglion.cli.result import Result
from ganglion.cli.show import plain
from ganglion.errors import NotFoundError
from ganglion.settings import nearest

#: Seconds: a node asks the gateway, which may ask a model, and then waits for what runs.
_PATIENCE = 60.0


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion say NODE TEXT [--session ID] [--teach INTENT]`."""
    parser.add_argument("node", metavar="NODE", help="its name or id")
    parser.add_argument("text", metavar="TEXT", help="what somebody says")
    parser.add_argument("--session", metavar="ID", default="", help="go on with this session")
    parser.add_argument("--teach", metavar="INTENT", help="say nothing, but have the gateway learn that this is meant")
    gateway_flags.arguments(parser)


def run(args: argparse.Namespace) -> Result:
    """Exit codes: 0 understood, 1 not understood, busy or a run failed, 3 no such node, 5 the node does not answer.

    Raises:
        NotFoundError: nobody is taught an intent that no script of the node has.
    """
    from ganglion.cli import gateway_client
    from ganglion.client.operations import intents

    gateway = gateway_client.find(args)
    if args.teach is not None:
        known = gateway.command(args.node, "scripts.intents", {})["result"]["intents"]
        if args.teach not in known:
            there = nearest(args.teach, known) or f"; there are {', '.join(known) or 'none'}"
            raise NotFoundError(f"no script of {args.node} has the intent {args.teach!r}{plain(there)}")
        taught = gateway.ask(intents.post_intents_feedback(text=args.text, intent=args.teach))
        return Result(data=taught, text=lambda: f"learned: {args.text!r} is {args.teach}")
    params = {"text": args.text} | ({"session_id": args.session} if args.session else {})
    answer = gateway.command(args.node, "scripts.say", params, timeout=_PATIENCE, on_progress=show.progress)
    said = answer["result"]
    failed = any(each["status"] in ("failed", "cancelled") for each in said["runs"])
    understood = said["recognition"]["intent"] is not None
    busy = said.get("ignored", 0) > 0  # a node of an older version does not say
    return Result(data=said, text=lambda: _text(said), exit_code=1 if failed or busy or not understood else 0)


def _text(said: dict[str, Any]) -> str:
    found = said["recognition"]
    if found["intent"] is None:
        return "\n".join(["not understood", *(f"  {plain(each)}" for each in found["notes"])])
    lines = [f"{plain(found['intent'])} ({plain(found['by'])}, {found['confidence']:.2f})"]
    if found["response"]:
        lines.append(plain(found["response"]))
    for each in said["runs"]:
        lines += [plain(text) for text in each.get("said", ())]
        what = f"{each['script']}: {each['protocol']}" if "protocol" in each else "a run"
        end = f": {each['error']}" if each.get("error") else ""
        lines.append(plain(f"{what} {each['status']}{end}"))
    if said.get("ignored", 0) > 0:
        lines.append("busy: what this begins is still running, or was done before; say it again later")
    return "\n".join(lines)
