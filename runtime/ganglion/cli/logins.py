# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ganglion login` has kept: of each gateway the tokens of one session, in a file that only its owner may read."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion import config
from ganglion.errors import InvalidError, RefusedError, no_json, unread

if TYPE_CHECKING:
    from ganglion.client import documents

#: Seconds before its end at which an access token is used no more.
_MARGIN = 30.0

Book = dict[str, Any]


def path() -> Path:
    """The file."""
    return config.state_folder() / "logins.json"


def last() -> str:
    """The gateway that was logged in to last; "" for none."""
    return str(_read().get("last", ""))


def token(url: str) -> str:
    """An access token for a gateway, fetched anew where the last is over; "" where nobody has logged in there.

    Raises:
        RefusedError: the session is over.
        UnreachableError: the gateway does not answer.
    """
    url = url.rstrip("/")
    if url not in _read().get("gateways", {}):
        return ""
    with _held():  # a refresh token is good once: of two commands at a time one waits
        book = _read()
        known = book.get("gateways", {}).get(url)
        if known is None:
            return ""
        if known["expires"] - time.time() < _MARGIN:
            known = _refreshed(book, url, known)
        return str(known["access"])


def keep(url: str, name: str, granted: "documents.Granted") -> None:
    """Keeps what a login gave."""
    with _held():
        book = _read()
        book.setdefault("gateways", {})[url.rstrip("/")] = _entry(name, granted)
        book["last"] = url.rstrip("/")
        _write(book)


def forget(url: str) -> None:
    """Keeps nothing of a gateway any more."""
    with _held():
        _forget(_read(), url.rstrip("/"))


def _refreshed(book: Book, url: str, known: dict[str, Any]) -> dict[str, Any]:
    from ganglion.client.operations import auth
    from ganglion.client.sync import GatewayClient

    try:
        granted = GatewayClient(url, "").ask(auth.post_auth_refresh(refresh_token=known["refresh"]))
    except RefusedError:
        _forget(book, url)
        raise RefusedError(f"the session at {url} is over: `ganglion login {url}`") from None
    book["gateways"][url] = _entry(known["name"], granted)
    _write(book)
    entry: dict[str, Any] = book["gateways"][url]
    return entry


def _entry(name: str, granted: "documents.Granted") -> dict[str, Any]:
    return {
        "name": name,
        "access": granted["access_token"],
        "refresh": granted["refresh_token"],
        "expires": time.time() + granted["expires_in"],
    }


def _forget(book: Book, url: str) -> None:
    book.get("gateways", {}).pop(url, None)
    if book.get("last") == url:
        del book["last"]
    _write(book)


def _read() -> Book:
    try:
        book = json.loads(path().read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        why = unread(error) if isinstance(error, OSError) else no_json(error)
        raise InvalidError(f"{why}: remove it and log in again", where=str(path())) from None
    if not isinstance(book, dict):
        raise InvalidError("is no record of logins: remove it and log in again", where=str(path()))
    return book


def _write(book: Book) -> None:
    """In one step, so that a break in the middle loses no session."""
    file = path()
    new = file.with_name(f".{file.name}.new")
    with open(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as out:
        json.dump(book, out, indent=2)
    new.replace(file)


@contextmanager
def _held() -> Iterator[None]:
    path().parent.mkdir(parents=True, exist_ok=True)
    with path().with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
