# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs in to a gateway by name and password; commands that name no other token use the session from then on."""

import argparse
import getpass
import sys
from pathlib import Path

from ganglion.cli import logins
from ganglion.cli.gateway_client import GatewayClient
from ganglion.cli.result import Result
from ganglion.client.operations import auth
from ganglion.errors import NotFoundError, RefusedError, UnreachableError, UsageError

#: Options by the fields of the API that they give.
FIELDS = {"password": "--password-file", "old": "--password-file", "new": "--new-password-file"}


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion login URL [--name NAME] [--password-file FILE] [--end]`."""
    parser.add_argument("url", metavar="URL", help="the gateway, as in https://gateway.example:8470")
    parser.add_argument("--name", metavar="NAME", help="of the user; default: asked for")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="holds the password; default: asked for")
    parser.add_argument(
        "--new-password-file", type=Path, metavar="FILE", help="holds the one to choose, after a one-time password"
    )
    parser.add_argument("--end", action="store_true", help="end the session there, and keep nothing of it")


def run(args: argparse.Namespace) -> Result:
    """Logs in, or out.

    Raises:
        UsageError: nobody can be asked for a password here.
        RefusedError: name or password is not right.
    """
    client = GatewayClient(args.url, "")
    if args.end:
        return _end(client.url)
    name = args.name or _ask("name: ", secret=False)
    password = _password(args.password_file, f"password of {name}: ")
    granted = client.ask(auth.post_auth_login(name=name, password=password))
    if granted["must_change"]:
        new = _chosen(args.new_password_file)
        as_user = GatewayClient(args.url, granted["access_token"])
        as_user.ask(auth.post_auth_password(old=password, new=new))
    logins.keep(client.url, name, granted)
    me = GatewayClient(args.url, granted["access_token"]).ask(auth.get_auth_me())
    data = {"gateway": client.url, "name": me["name"], "role": me["role"], "scopes": me["scopes"]}
    return Result(data=data, text=lambda: f"logged in to {client.url} as {me['name']} ({me['role']})")


def _end(url: str) -> Result:
    try:
        token = logins.token(url)
        if not token:
            raise NotFoundError(f"nobody is logged in to {url} here")
        GatewayClient(url, token).ask(auth.post_auth_logout())
    except (RefusedError, UnreachableError):
        pass  # it is over there, or ends by itself: what counts is that nothing is kept here
    logins.forget(url)
    return Result(data={"gateway": url, "ended": True}, text=lambda: f"logged out of {url}")


def _chosen(file: Path | None) -> str:
    if file is not None:
        return _password(file, "")
    if not sys.stdin.isatty():
        raise UsageError(
            "this password was for one login, and another is to be chosen: give the file that holds it by "
            "--new-password-file"
        )
    while True:
        new = _ask("this password was for one login; choose your own, 12 letters at least: ")
        if new == _ask("again: "):
            return new
        print("these are not the same", file=sys.stderr)


def _password(file: Path | None, prompt: str) -> str:
    if file is None:
        return _ask(prompt)
    try:
        return file.read_text().rstrip("\r\n")
    except FileNotFoundError:
        raise NotFoundError(f"no password in {file}: there is no such file") from None
    except UnicodeDecodeError:
        raise RefusedError(f"the password in {file} is no text") from None


def _ask(prompt: str, *, secret: bool = True) -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"there is nobody here to ask: give {'--password-file' if secret else '--name'}")
    try:
        if secret:
            return getpass.getpass(prompt)
        print(prompt, end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip()
    except EOFError:
        raise UsageError("no answer, no login") from None
