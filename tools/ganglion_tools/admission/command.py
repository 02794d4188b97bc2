# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives a broker a configuration with one account a node, and keeps it in step with who is in the mesh."""

import argparse
import getpass
import json
import re
import secrets
import shlex
import socket
import sys
import time
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from ganglion.cli import gateway_client, gateway_flags
from ganglion.cli.result import Result
from ganglion.cli.show import plain
from ganglion.client.operations import fleet
from ganglion.errors import GanglionError, InvalidError, RefusedError, UnreachableError, UsageError
from ganglion.mesh.authority import Authority
from ganglion_micro import gl1
from ganglion_tools.admission import book
from ganglion_tools.admission.book import ENROL, GATEWAY, Book, Change, Member
from ganglion_tools.admission.folder import KINDS, Folder, account_of

#: Seconds between two looks of `--follow` at who is in the mesh.
_LOOK = 2.0
#: A name that stands in a certificate (RFC 1035 section 2.3.4); beyond ASCII one is written as xn--….
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion broker init|update`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    init = verbs.add_parser("init", parents=[common], help="write a hardened configuration and the accounts")
    init.add_argument("kind", choices=book.KINDS, help="which broker")
    init.add_argument("--output", type=Path, required=True, metavar="DIR", help="a new folder, for all of it")
    init.add_argument("--tls", action="store_true", help="listen beyond this machine, with an authority of its own")
    init.add_argument(
        "--host", action="append", metavar="NAME", help="a name or address by which nodes know it; default: this host's"
    )
    init.add_argument("--port", type=int, metavar="N", help="TCP port; default: 1883, with --tls 8883")
    init.add_argument("--user", metavar="NAME", help="the system user that runs it; default: you")
    init.add_argument(
        "--state", type=Path, metavar="DIR", help="of a gateway that has not run yet: take the mesh from there"
    )
    gateway_flags.arguments(init)
    update = verbs.add_parser("update", parents=[common], help="bring the accounts in step with who is in the mesh")
    update.add_argument("folder", type=Path, metavar="DIR", help="as `init` made it")
    update.add_argument("--renew", metavar="USER", help="give this account a new password, as where its file was lost")
    update.add_argument("--follow", action="store_true", help="go on with that until Ctrl-C, a line for each change")
    gateway_flags.arguments(update)


def run(args: argparse.Namespace) -> Result | None:
    """Runs the verb."""
    if args.verb == "init":
        return _init(args)
    folder = Folder(args.folder)
    client = gateway_client.find(args)
    if args.follow:
        if args.renew:
            raise UsageError("--renew is done once and --follow goes on: run one after the other")
        _follow(folder, client, as_json=args.json)
        return None
    data = _update(folder, client, renew=args.renew)
    return Result(data=data, text=lambda: _updated(data))


def _init(args: argparse.Namespace) -> Result:
    folder = Folder(args.output)
    if folder.is_made:
        raise RefusedError(
            f"{folder.path} is a broker's folder already: `ganglion broker update {args.output}` brings it in step"
        )
    if args.host and not args.tls:
        raise UsageError("--host is for --tls: without TLS a broker listens on 127.0.0.1 alone")
    for host in args.host or ():
        _check_host(host)
    port = args.port if args.port is not None else 8883 if args.tls else 1883
    if not 1 <= port <= 65535:
        raise UsageError(f"--port {args.port}: from 1 to 65535")
    owner = args.user or getpass.getuser()
    account_of(owner)
    mesh, members = _local(args.state) if args.state else _members(gateway_client.find(args))
    empty = Book(
        kind=args.kind,
        mesh=mesh,
        hosts=_hosts(args.host) if args.tls else ("127.0.0.1",),
        port=port,
        tls=args.tls,
        owner=owner,
        accounts={},
    )
    change = _admit(empty, members)
    folder.certify(change.book)
    folder.save(change.book, change.passwords)
    data = _document(folder, change, pid=None)
    state = f" --state {shlex.quote(str(args.state))}" if args.state else ""
    return Result(data=data, text=lambda: _initialised(data, change.book, state))


def _update(folder: Folder, client: gateway_client.GatewayClient, *, renew: str | None = None) -> dict[str, Any]:
    known = folder.read()
    if renew is not None:
        known = known.without(renew)
    mesh, members = _members(client)
    if mesh != known.mesh:
        raise InvalidError(
            f"this broker is for the mesh {known.mesh}, and the gateway's is {mesh}: name the other with --gateway",
            where=str(folder.path),
        )
    change = _admit(known, members)
    pid = None
    if folder.certify(change.book) or change.differs:
        folder.save(change.book, change.passwords)
        pid = folder.reload(change.book)
    elif change.book != known:
        folder.save(change.book, change.passwords)  # a name has changed, which the broker does not know
    return _document(folder, change, pid=pid)


def _follow(folder: Folder, client: gateway_client.GatewayClient, *, as_json: bool) -> None:
    problem = ""
    while True:
        try:
            data = _update(folder, client)
        except UnreachableError as error:
            if str(error) != problem:
                print(f"ganglion: {error}; it is asked again", file=sys.stderr)
            problem = str(error)
        else:
            problem = ""
            if data["changed"]:
                print(json.dumps(data, ensure_ascii=False) if as_json else _updated(data), flush=True)
        time.sleep(_LOOK)


def _admit(known: Book, members: list[Member]) -> Change:
    return book.admit(known, members, lambda: secrets.token_urlsafe(24), KINDS[known.kind].hashed)


def _members(client: gateway_client.GatewayClient) -> tuple[str, list[Member]]:
    """The mesh and who is in it, as the gateway says.

    Raises:
        GanglionError: the answer is none of a gateway; a name in it becomes a file and a rule.
    """
    answer = client.whole(fleet.get_members(), "members")
    try:
        mesh = answer["mesh"]
        if len(gl1.from_base32(mesh)) != 8:
            raise ValueError(mesh)
        members = [
            Member(id=one["id"], name=one["name"], former=tuple(one["former"]), next=tuple(one["next"]))
            for one in answer["members"]
        ]
        for member in members:
            for own in (member.id, *member.former, *member.next):
                gl1.kid_of(own)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise GanglionError(f"what answers at {client.url} is no gateway of ours: {error}") from None
    return mesh, members


def _local(state: Path) -> tuple[str, list[Member]]:
    authority = Authority.open(state / "authority", now=time.time_ns())
    return authority.mesh_id, []


def _check_host(host: str) -> None:
    try:
        ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host):
            raise UsageError(
                f"--host {host!r}: the name of a host or its address, as broker.example or 10.0.0.2"
            ) from None


def _hosts(given: list[str] | None) -> tuple[str, ...]:
    names = given or [socket.getfqdn() or "localhost"]
    return tuple(dict.fromkeys([*names, "localhost", "127.0.0.1"]))


def _document(folder: Folder, change: Change, *, pid: int | None) -> dict[str, Any]:
    known = change.book
    added = [known.accounts[user] for user in change.passwords]

    def shown(account: book.Account) -> dict[str, Any]:
        return {
            "user": account.user,
            "name": account.name,
            "file": str(folder.path / "accounts" / account.user),
            "node": bool(account.ids),
        }

    return {
        "kind": known.kind,
        "folder": str(folder.path),
        "configuration": str(folder.path / KINDS[known.kind].CONFIGURATION),
        "mesh": known.mesh,
        "url": _url(known),
        "accounts": len(known.accounts),
        "added": [shown(account) for account in added],
        "removed": [{"user": account.user, "name": account.name} for account in change.removed],
        "changed": change.differs,
        "reloaded": pid,
    }


def _url(known: Book) -> str:
    host = f"[{known.hosts[0]}]" if ":" in known.hosts[0] else known.hosts[0]
    return f"mqtt{'s' if known.tls else ''}://{host}:{known.port}"


def _initialised(data: dict[str, Any], known: Book, state: str) -> str:
    folder, url = data["folder"], data["url"]
    program, file = KINDS[known.kind].PROGRAM, shlex.quote(data["configuration"])
    ours = shlex.quote(f"{url}?{f'ca={folder}/tls/ca.pem&' if known.tls else ''}account={folder}/accounts/{GATEWAY}")
    theirs = f"{url}?{'ca=ca.pem&' if known.tls else ''}account=broker.account"
    lines = [
        f"{data['accounts']} accounts of the mesh {known.mesh}, in {folder}",
        "",
        f"start the broker       {program} -c {file}",
        f"start the gateway      ganglion gateway{state} --broker {ours}",
        f'in each node.toml      broker = "{theirs}"',
        *([f"beside it              {folder}/tls/ca.pem"] if known.tls else []),
        f"                       {folder}/accounts/{ENROL} as broker.account, until the node has joined",
        f"then, or by --follow   ganglion broker update {shlex.quote(folder)}",
    ]
    if known.owner == "root":
        lines += ["", "It will run as root: with --user NAME it gives that up."]
    return "\n".join(lines + _to_carry(data))


def _updated(data: dict[str, Any]) -> str:
    if not data["changed"]:
        return f"{data['accounts']} accounts, as they should be; nothing to do"
    lines = [f"no account any more    {plain(one['name'] or one['user'])} ({one['user']})" for one in data["removed"]]
    read = f"the broker (pid {data['reloaded']}) has read them" if data["reloaded"] else "no broker runs from here yet"
    lines.append(f"{data['accounts']} accounts; {read}")
    return "\n".join(lines + _to_carry(data))


def _to_carry(data: dict[str, Any]) -> list[str]:
    lines = [f"  {plain(one['name'] or '(not born yet)')}  {one['file']}" for one in data["added"] if one["node"]]
    carry = "carry to each node its own account, as broker.account, and start the node again:"
    return ["", carry, *lines] if lines else []
