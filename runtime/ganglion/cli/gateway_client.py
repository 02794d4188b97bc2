# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway that a command asks: found by flags, the environment, a running `ganglion up` or a login."""

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganglion import config
from ganglion.client.call import Call
from ganglion.client.sync import COMMAND, START, GatewayClient
from ganglion.errors import InvalidError, NotFoundError, RefusedError, UnreachableError

__all__ = ["COMMAND", "GatewayClient", "find"]


def find(args: argparse.Namespace) -> GatewayClient:
    """The gateway that flags, environment, a running `ganglion up` or the last `ganglion login` name, in this order.

    The token of `ganglion up` or of a login goes to its own gateway only, never to one that is named otherwise.

    Raises:
        NotFoundError: no gateway is named anywhere, or the token's file is missing.
        InvalidError: `up.json` is none.
        RefusedError: the session of a login is over.
    """
    url = args.gateway or os.environ.get("GANGLION_GATEWAY", "")
    token = _token(args.token_file) if args.token_file else os.environ.get("GANGLION_TOKEN", "")
    origin = str(args.token_file or "GANGLION_TOKEN")
    if not url or not token:
        up_url, up_token_file = _up()
        if not token and up_token_file and (not url or url.rstrip("/") == up_url.rstrip("/")):
            token, origin = _token(Path(up_token_file)), up_token_file
        url = url or up_url
    if not url or not token:
        from ganglion.cli import logins

        url = url or logins.last()
        if not url:
            raise NotFoundError(f"no gateway is known here: {START}")
        if not token:
            token, origin = logins.token(url), "`ganglion login`"
    return GatewayClient(url, token.strip(), origin)


def endless(client: GatewayClient, call: Call[Any]) -> Iterator[dict[str, Any]]:
    """The lines of an answer that has no end of its own.

    Raises:
        UnreachableError: it has ended, as the gateway has, or no gateway answers.
    """
    yield from client.follow(call)
    raise UnreachableError(f"the gateway at {client.url} broke off: what comes now is not shown; begin again")


def _up() -> tuple[str, str]:
    """URL and token file of the gateway that `ganglion up` runs; empty where it does not."""
    path = config.state_folder() / "up.json"
    try:
        told = json.loads(path.read_text())
        return str(told["gateway"]), str(told["token_file"])
    except FileNotFoundError:
        return "", ""
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidError("names no gateway: stop `ganglion up`, remove the file, start again", where=str(path)) from (
            error
        )


def _token(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        raise NotFoundError(f"no token in {path}: the gateway makes the file when it first starts") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"the token in {path} cannot be read: {error}") from error
