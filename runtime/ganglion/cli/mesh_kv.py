# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes what all members of the mesh share, in the copy of the gateway or of a node."""

import argparse
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ganglion.cli import gateway_flags
from ganglion.cli.result import Result, table
from ganglion.cli.show import moment, plain
from ganglion.errors import GanglionError

if TYPE_CHECKING:
    from ganglion.cli.gateway_client import GatewayClient

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

#: Seconds that the node waits for a change, of those that it has for its answer.
_WAIT = 4.0


def arguments(verbs: "Verbs", common: argparse.ArgumentParser) -> None:
    """`ganglion mesh kv get|set|delete|add|remove|list|watch`."""
    kv = verbs.add_parser("kv", help="what all members share: keys with values and sets")
    does = kv.add_subparsers(required=True, metavar="<what>", dest="what")
    for name, about in (
        ("get", "what is at a key"),
        ("set", "give a key a value"),
        ("delete", "remove what is at a key"),
        ("add", "put a member into the set at a key"),
        ("remove", "take a member out of the set at a key"),
        ("list", "the keys, and what is there"),
        ("watch", "changes as they come"),
    ):
        verb = does.add_parser(name, parents=[common], help=about)
        if name in ("list", "watch"):
            verb.add_argument("prefix", metavar="PREFIX", nargs="?", default="", help="of the keys")
        else:
            verb.add_argument("key", metavar="KEY", help="as in shared/target")
        if name == "set":
            verb.add_argument("value", metavar="VALUE", help="JSON, or else text")
        if name in ("add", "remove"):
            verb.add_argument("value", metavar="MEMBER", help="JSON, or else text")
        if name == "watch":
            verb.add_argument("--count", type=int, metavar="N", help="end after so many changes")
        verb.add_argument("--node", metavar="NODE", help="whose copy, by name or id; default: the gateway's")
        gateway_flags.arguments(verb)
        verb.set_defaults(perform=perform)


def perform(args: argparse.Namespace) -> Result | None:
    """Exit codes: 0 ok, 3 no such key or node, 4 the key is not for this member, 5 no answer."""
    from ganglion.cli import events, gateway_client

    gateway = gateway_client.find(args)
    if args.what == "watch":
        events.show(_watch_node(gateway, args) if args.node else _watch(gateway, args.prefix), args)
        return None
    if args.what == "list":
        items = list(_list(gateway, args))
        return Result(data={"items": items}, text=lambda: table(("key", "value", "by", "at"), list(map(_row, items))))
    params = {"key": args.key}
    if args.what in ("set", "add", "remove"):
        params["value" if args.what == "set" else "member"] = _value(args.value)
    document = _ask(gateway, args, params)
    if args.what == "delete":
        return Result(data=document, text=lambda: f"{plain(args.key)} is no more")
    return Result(data=document, text=lambda: plain(document.get("value", document.get("members"))))


def _ask(gateway: "GatewayClient", args: argparse.Namespace, params: Mapping[str, Any]) -> Mapping[str, Any]:
    from ganglion.client.operations import mesh

    answer: Mapping[str, Any]
    if args.node:
        answer = gateway.command(args.node, f"kv.{args.what}", params)["result"]
        return answer
    if args.what == "get":
        answer = gateway.ask(mesh.get_kv_keys_key(args.key))
    elif args.what == "set":
        answer = gateway.ask(mesh.put_kv_keys_key(args.key, value=params["value"]))
    elif args.what == "delete":
        gateway.ask(mesh.delete_kv_keys_key(args.key))
        answer = params
    else:
        answer = gateway.ask(mesh.post_kv_keys_key(args.key, **{args.what: params["member"]}))
    return answer


def _list(gateway: "GatewayClient", args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    from ganglion.client.operations import mesh

    after: str | None = ""
    while after is not None:
        params = {"prefix": args.prefix, "after": after}
        if args.node:
            page = gateway.command(args.node, "kv.list", params)["result"]
        else:
            page = gateway.ask(mesh.get_kv(**params))
        yield from page["items"]
        after = page["next"]


def _watch(gateway: "GatewayClient", prefix: str) -> Iterator[dict[str, Any]]:
    from ganglion.cli import gateway_client
    from ganglion.client.operations import mesh

    for document in gateway_client.endless(gateway, mesh.get_kv_watch(prefix=prefix)):
        yield document if "dropped" in document else {**document, "topic": document["topic"].removeprefix("/kv/")}


def _watch_node(gateway: "GatewayClient", args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    params = {"id": secrets.token_hex(8), "prefix": args.prefix, "wait": _WAIT}
    try:
        while True:
            answer = gateway.command(args.node, "kv.watch", params)["result"]
            for document in answer["events"]:
                yield {**document, "topic": document["topic"].removeprefix("kv/")}
            if answer["dropped"]:
                yield {"dropped": answer["dropped"]}
    finally:
        with suppress(GanglionError):  # else the node forgets it in half a minute
            gateway.command(args.node, "kv.watch", {"id": params["id"], "end": True}, timeout=1.0)


def _row(item: Mapping[str, Any]) -> tuple[str, ...]:
    if "value" not in item:
        return plain(item["key"]), f"{plain(item['members'])} (a set)", "", ""
    return plain(item["key"]), plain(item["value"]), plain(item["name"] or item["by"]), moment(item["at"])


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
