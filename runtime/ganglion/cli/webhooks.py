# SPDX-License-Identifier: GPL-3.0-or-later
"""Says where the gateway delivers events to, changes and tries an endpoint, and replaces its secret without a gap."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganglion.cli import gateway_client, gateway_flags, option
from ganglion.cli.by_name import identity
from ganglion.cli.result import Result, table
from ganglion.cli.secret_file import rotated, secret_in
from ganglion.cli.show import moment, plain
from ganglion.client.operations import webhooks as api
from ganglion.errors import UsageError

#: Seconds that an endpoint has for an answer to `test`.
_TEST = 25.0
#: Messages that `show` shows.
_SHOWN = 10
#: Letters of an error in a list.
_WHY = 60

#: Options by the fields of the API that they give.
FIELDS = {"secret": "--secret-file"}


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion webhooks add|list|show|edit|pause|resume|test|rotate|remove`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    add = verbs.add_parser("add", parents=[common], help="deliver events to a URL; its secret is shown this once")
    add.add_argument("url", metavar="URL", help="https://…")
    add.add_argument("--name", default="", metavar="TEXT", help="what people call it; default: the URL")
    add.add_argument(
        "--class",
        action="append",
        dest="classes",
        metavar="CLASS",
        help="events of this class, * for all; again for more; default: alert",
    )
    add.add_argument("--allow-http", action="store_true", help="let it be http, which anybody on the way can read")
    add.add_argument("--allow-private", action="store_true", help="let it be on a private or loopback address")
    edit = verbs.add_parser("edit", parents=[common], help="have one be otherwise; what is not named stays")
    edit.add_argument("--url", metavar="URL", help="where to; what waits goes there, too, and at once")
    edit.add_argument("--name", metavar="TEXT", help="what people call it")
    edit.add_argument("--class", action="append", dest="classes", metavar="CLASS", help="as of `add`; again for more")
    switch = argparse.BooleanOptionalAction
    edit.add_argument("--allow-http", action=switch, help="let it be http")
    edit.add_argument("--allow-private", action=switch, help="let it be on a private or loopback address")
    edit.add_argument("--enabled", action=switch, help="whether events are for it at all")
    pause = verbs.add_parser("pause", parents=[common], help="deliver nothing for now; events wait for it")
    resume = verbs.add_parser("resume", parents=[common], help="go on, with what waits")
    listing = verbs.add_parser("list", parents=[common], help="where events are delivered to, and how that goes")
    show = verbs.add_parser("show", parents=[common], help="one of them, and its last messages")
    test = verbs.add_parser("test", parents=[common], help="deliver one event of the class `test` now, once")
    rotate = verbs.add_parser("rotate", parents=[common], help="replace its secret; both sign for a while")
    rotate.add_argument(
        "--keep", default="24h", metavar="TIME", help="how long the secret before signs, too; default: 24h"
    )
    remove = verbs.add_parser("remove", parents=[common], help="deliver nothing more to it; what waits is gone")
    for verb in (add, rotate):
        verb.add_argument("--secret-file", type=Path, metavar="FILE", help="holds the whsec_…; else one is made")
    for verb in (show, edit, pause, resume, test, rotate, remove):
        verb.add_argument("id", metavar="ID", help="or its name, as `list` shows them")
    for verb in (add, listing, show, edit, pause, resume, test, rotate, remove):
        gateway_flags.arguments(verb)


def run(args: argparse.Namespace) -> Result:
    """Exit codes: 0 ok, 1 the test was not taken, 2 wrong usage, 3 no such webhook, 4 refused, 5 no gateway."""
    client = gateway_client.find(args)
    if args.verb == "list":
        return _list(client.whole(api.get_webhooks(), "webhooks"))
    if args.verb == "add":
        return _add(client, args)
    args.id = by_name(client, args.id)
    if args.verb == "show":
        return _show(client, args.id)
    if args.verb in ("edit", "pause", "resume"):
        return _edit(client, args)
    if args.verb == "test":
        return _test(client.ask(api.post_webhooks_webhook_test(args.id).within(_TEST)))
    if args.verb == "rotate":
        option.duration(args.keep, "--keep")
        asked = api.post_webhooks_webhook_rotate(args.id, keep=args.keep, secret=secret_in(args.secret_file))
        turned = client.ask(asked)
        return Result(data=turned, text=lambda: rotated(turned, "signs"))
    client.ask(api.delete_webhooks_webhook(args.id))
    return Result(data={"id": args.id, "removed": True}, text=lambda: f"nothing more goes to {args.id}")


def by_name(client: gateway_client.GatewayClient, word: str) -> str:
    """The id of a webhook, of which that or the name is given. Raises: as `identity`."""
    return identity(
        word, client.pages(api.get_webhooks(), "webhooks"), what="webhook", listing="ganglion webhooks list"
    )


def _add(client: gateway_client.GatewayClient, args: argparse.Namespace) -> Result:
    asked = api.post_webhooks(
        url=args.url,
        name=args.name,
        classes=args.classes or ["alert"],
        allow_http=args.allow_http,
        allow_private=args.allow_private,
        secret=secret_in(args.secret_file),
    )
    made = client.ask(asked)

    def text() -> str:
        return f"{plain(made['id'])}: {plain(made['url'])}\nsecret, shown this once: {plain(made['secret'])}"

    return Result(data=made, text=text)


def _edit(client: gateway_client.GatewayClient, args: argparse.Namespace) -> Result:
    fields = ("url", "name", "classes", "allow_http", "allow_private", "enabled") if args.verb == "edit" else ()
    wanted: dict[str, Any] = {name: value for name in fields if (value := getattr(args, name)) is not None}
    if args.verb != "edit":
        wanted["paused"] = args.verb == "pause"
    elif not wanted:
        raise UsageError("`ganglion webhooks edit` changes what you name: --url, --name, --class, --allow-…, --enabled")
    made = client.ask(api.patch_webhooks_webhook(args.id, **wanted))
    classes = plain(" ".join(made["classes"]))
    return Result(data=made, text=lambda: f"{plain(made['id'])}: {plain(made['url'])}; {_state(made)}; {classes}")


def _list(told: Mapping[str, Any]) -> Result:
    def text() -> str:
        if not told["webhooks"]:
            return "events go nowhere yet; `ganglion webhooks add URL` says where to"
        rows = [
            (
                plain(one["id"]),
                plain(one["name"]) if one["name"] != one["url"] else "-",
                _state(one),
                *(str(one["messages"].get(state, 0)) for state in ("pending", "delivered", "dead")),
                plain(" ".join(one["classes"])),
                plain(one["url"]),
            )
            for one in told["webhooks"]
        ]
        return table(("id", "name", "state", "waiting", "delivered", "dead", "classes", "url"), rows)

    return Result(data=told, text=text)


def _state(one: Mapping[str, Any]) -> str:
    if not one["enabled"]:
        return "disabled"
    if one["paused"]:
        return "paused"
    lane = one["state"] or {}
    error = plain(lane.get("error") or (one["head"] or {}).get("error") or "")
    why = f": {error[:_WHY]}{'…' if len(error) > _WHY else ''}" if error else ""
    standing = {"open": "is away", "half_open": "is tried again"}.get(lane.get("circuit") or "")
    return f"{standing or 'fails'}{why}" if standing or why else "ok"


def _show(client: gateway_client.GatewayClient, id: str) -> Result:
    one = client.ask(api.get_webhooks_webhook(id))
    messages = client.ask(api.get_webhooks_webhook_messages(id, limit=_SHOWN))["messages"]

    def text() -> str:
        name = f" ({plain(one['name'])})" if one["name"] != one["url"] else ""
        lines = [
            f"{plain(one['id'])}{name}: {plain(one['url'])}",
            f"{_state(one)}; classes {plain(' '.join(one['classes']))}",
            *_first(one),
        ]
        if one["former_until"]:
            lines.append(f"the secret before signs, too, until {moment(one['former_until'])}")
        rows = [
            (plain(each["message"]), plain(each["state"]), str(each["attempts"]), _outcome(each["last_attempt"]))
            for each in messages
        ]
        return "\n".join([*lines, table(("message", "state", "attempts", "last attempt"), rows)] if rows else lines)

    return Result(data={**one, "last": messages}, text=text)


def _first(one: Mapping[str, Any]) -> list[str]:
    """The message that all others wait behind, once it has failed."""
    head, lane = one["head"], one["state"]
    if head is None or not (head["attempts"] or head["error"]):
        return []
    tried = f"{head['attempts']} attempt{'s' if head['attempts'] != 1 else ''} failed"
    again = f"the next one is at {moment(lane['due'] or head['due'])}" if lane else "it waits, as nothing is delivered"
    waiting = one["messages"].get("pending", 0) - 1
    behind = f"; {waiting} wait behind it" if waiting > 0 else ""
    lines = [f"first in line: {plain(head['message'])}, of {moment(head['created'])}: {tried}, {again}{behind}"]
    return [*lines, f"its last attempt: {plain(head['error'])}"] if head["error"] else lines


def _outcome(attempt: Mapping[str, Any] | None) -> str:
    if attempt is None:
        return "none yet"
    return f"{moment(attempt['at'])}: {plain(attempt['error'] or attempt['status'])}"


def _test(told: Mapping[str, Any]) -> Result:
    took = f"{told['took'] / 1e6:.0f} ms"
    said = (
        f"took it in {took}: HTTP status {told['status']}" if told["delivered"] else f"did not: {plain(told['error'])}"
    )
    return Result(data=told, text=lambda: f"{plain(told['webhook'])} {said}", exit_code=0 if told["delivered"] else 1)
