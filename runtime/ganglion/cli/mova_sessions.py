# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the session of `ganglion mova run`, and lists, shows and deletes the sessions that a store keeps."""

import argparse
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ganglion.cli.result import Result
from ganglion.errors import NotFoundError, UsageError
from ganglion.mova.ports import SessionStore

T = TypeVar("T")


def arguments(verbs: Any, common: argparse.ArgumentParser) -> None:
    """`ganglion mova sessions list|show|delete`."""
    sessions = verbs.add_parser("sessions", parents=[common], help="list, show and delete the sessions that are kept")
    does = sessions.add_subparsers(required=True, metavar="<verb>", dest="does")
    for name, line in (
        ("list", "list their ids"),
        ("show", "show the data of one"),
        ("delete", "delete one"),
    ):
        verb = does.add_parser(name, parents=[common], help=line)
        if name != "list":
            verb.add_argument("session", metavar="ID", help="the id of the session")
        store_argument(verb, argparse.SUPPRESS)


def store_argument(parser: argparse.ArgumentParser, default: Any) -> None:
    """`--sessions URL`, which MOVA's SDK spells `--redis-url`. It stands before the verb too; there it has the default.

    The default is None, or `argparse.SUPPRESS` behind the verb.
    """
    parser.add_argument(
        "--sessions",
        "--redis-url",
        default=default,
        metavar="URL",
        help="where sessions are kept: sqlite:///FILE or redis://host:6379/0",
    )


def load(url: str, session_id: str) -> dict[str, Any] | None:
    """The data of a session; None where there is none."""
    return _with(url, lambda store: store.load(session_id))


def save(url: str, session_id: str, before: dict[str, Any] | None, after: dict[str, Any], ttl: int) -> None:
    """Keeps what a run changed, for `ttl` seconds."""
    _with(url, lambda store: store.save(session_id, before, after, ttl))


def managed(args: argparse.Namespace) -> Result:
    """Lists, shows or deletes.

    Raises:
        UsageError: no store is named.
        NotFoundError: there is no such session, or not even the file in which it would be.
    """
    from ganglion.mova.session.store import file_of

    if args.sessions is None:
        raise UsageError(
            "say where the sessions are kept: --sessions sqlite:///FILE, or --sessions redis://host:6379/0"
        )
    if (file := file_of(args.sessions)) is not None and not file.exists():
        raise NotFoundError(f"there are no sessions in {file}: there is no such file")
    if args.does == "list":
        ids = _with(args.sessions, lambda store: store.ids())
        return Result(data=ids, text=lambda: "\n".join(ids))
    missing = NotFoundError(f"there is no session {args.session!r}, or its time is over")
    if args.does == "delete":
        if not _with(args.sessions, lambda store: store.delete(args.session)):
            raise missing
        return Result(data={"deleted": args.session}, text=lambda: f"{args.session} is deleted")
    data = load(args.sessions, args.session)
    if data is None:
        raise missing
    return Result(data=data, text=lambda: json.dumps(data, indent=2, ensure_ascii=False))


def _with(url: str, do: Callable[[SessionStore], Awaitable[T]]) -> T:
    """What is done with the store that a URL names."""
    import asyncio

    from ganglion.clock import Clock
    from ganglion.mova.session.store import open_store

    async def whole() -> T:
        store = open_store(url, Clock())
        try:
            return await do(store)
        finally:
            await store.aclose()

    return asyncio.run(whole())
