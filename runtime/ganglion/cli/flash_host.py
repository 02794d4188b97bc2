# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a node onto a Linux machine by SSH: looks what is there, says what it will do, does it, sees the node come."""

import argparse
import asyncio
import getpass
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganglion import config
from ganglion.board import Board
from ganglion.cli import enrol_file, gateway_client, option
from ganglion.cli.gateway_client import GatewayClient
from ganglion.cli.result import Result
from ganglion.cli.show import bytes_done
from ganglion.console.terminal import cancelled_by_signals
from ganglion.errors import UnreachableError, UsageError
from ganglion.flash.host import address, install, package
from ganglion.flash.host.connection import AGAIN, Remote
from ganglion.flash.host.login import Access, connect
from ganglion.flash.host.machine import Machine
from ganglion.flash.host.plan import Plan, candidates, checked_machine, plan, recognised
from ganglion.units import SECOND

#: Times that a connection is made again which broke while the package was sent.
_AGAIN = 3
_FINGERPRINT = re.compile("SHA256:[A-Za-z0-9+/]{43}")


def run(args: argparse.Namespace) -> Result:
    """Exit codes: 0 done or nothing to do, 1 it did not work, 2 usage, 3 no such board or file, 4 refused, 5 no answer.

    Raises:
        UsageError: something must be said first.
    """
    if args.host_key is not None and not _FINGERPRINT.fullmatch(args.host_key):
        raise UsageError(f"--host-key {args.host_key}: SHA256: and 43 letters, as ssh-keygen -lf shows it")
    if args.name is not None and not config.NAME.fullmatch(args.name):
        raise UsageError(f"--name {args.name!r}: 1 to 40 letters, digits, _ or -")
    wait = option.duration(args.wait or "2m", "--wait") / SECOND
    among = candidates(args.board)
    users = {each.flashing.user for each in among}
    where = address.parse(args.host, users.pop() if len(users) == 1 else "")
    brokers = config.brokers([args.broker] if args.broker else None)
    file = None if args.package is None else package.read(args.package)
    access = Access(
        host_key=args.host_key or "",
        identities=tuple(args.identity or ()),
        confirm=_confirm if sys.stdin.isatty() else None,
        ask=_ask if sys.stdin.isatty() else None,
    )
    gateway = gateway_client.find(args) if args.gateway or os.environ.get("GANGLION_GATEWAY") else None
    work = _Work(
        where=where,
        access=access,
        among=among,
        file=file,
        name=args.name,
        broker=brokers[0] if brokers else None,
        key=enrol_file.read(args.enrol_key) if args.enrol_key else "",
        gateway=gateway,
    )
    # Where it is broken off, what was there is put back, over the connection that it has
    return asyncio.run(cancelled_by_signals(work.run(dry_run=args.dry_run, wait=wait)))


class _Work:
    """One run of the command."""

    def __init__(
        self,
        *,
        where: address.Address,
        access: Access,
        among: list[Board],
        file: package.Package | None,
        name: str | None,
        broker: str | None,
        key: str,
        gateway: GatewayClient | None,
    ) -> None:
        self._where = where
        self._access = access
        self._among = among
        self._file = file
        self._name = name
        self._broker = broker
        self._key = key
        self._gateway = gateway
        self._last_seen: dict[str, Any] = {}
        self._sent = 0

    async def run(self, *, dry_run: bool, wait: float) -> Result:
        # Until all of the package is there nothing is changed, so that much may be begun anew as often as one likes
        for again in range(_AGAIN, -1, -1):
            remote = await connect(self._where, self._access)
            async with remote:
                try:
                    machine, made = await self._planned(remote, dry_run=dry_run)
                    if dry_run:
                        return self._result(machine, made, {}, dry_run=True)
                    self._sent += await install.sent(remote, made, bytes_done("package"))
                except UnreachableError as error:
                    if not again:
                        raise
                    _say(f"{str(error).removesuffix(AGAIN)}; trying once more")
                    continue
                if self._gateway is not None:
                    self._last_seen = {each["name"]: each["last_seen"] for each in await self._nodes()}
                ready = await install.installed(
                    remote, made, wait=wait, say=_say, seen=None if self._gateway is None else self._seen(made)
                )
                return self._result(machine, made, ready, dry_run=False)
        raise AssertionError("the last time returns or raises")

    async def _planned(self, remote: Remote, *, dry_run: bool) -> tuple[Machine, Plan]:
        where = str(self._where)
        machine = await install.looked(remote)
        _say(f"{where} is {machine.model or machine.machine} with {machine.system}")
        board = recognised(machine, self._among, where)
        needed = checked_machine(machine, board, where)
        if self._file is None:
            self._file = await asyncio.to_thread(_built, machine.form, needed)
        if not self._key and self._gateway is not None and not machine.is_member:
            self._key = "-" if dry_run else await asyncio.to_thread(enrol_file.made, self._gateway, where)
        made = plan(
            machine,
            board,
            self._file,
            await install.configured(remote),
            name=self._name,
            broker=self._broker,
            key=self._key,
            where=where,
        )
        return machine, made

    def _seen(self, made: Plan) -> install.Seen:
        async def seen(name: str) -> bool:
            for each in await self._nodes():
                if each["name"] == name and each["online"]:
                    return not made.due("service") or each["last_seen"] != self._last_seen.get(name)
            return False

        return seen

    async def _nodes(self) -> list[dict[str, Any]]:
        assert self._gateway is not None
        return list(await asyncio.to_thread(self._gateway.items, "/api/v1/nodes", "nodes"))

    def _result(self, machine: Machine, made: Plan, ready: dict[str, Any], *, dry_run: bool) -> Result:
        told = asdict(machine)
        data = {
            "host": str(self._where),
            "board": made.board.name,
            "machine": {key: told[key] for key in ("system", "model", "machine", "installed", "disk", "available")},
            "package": {"file": str(made.package.path), "sha256": made.package.sha256, "version": made.package.version},
            "name": made.name,
            "node": ready.get("id"),
            "dry_run": dry_run,
            "plan": made.data(),
            "sent": self._sent,
            "changed": not dry_run and not made.is_empty,
        }

        def text() -> str:
            if dry_run:
                marks = {True: "would", False: "     "}
                lines = [f"{marks[step.due]}  {step.text}" for step in made.steps]
                return "\n".join([f"{self._where} would be a {made.board.name} called {made.name}", *lines])
            if made.is_empty:
                return f"{made.name} on {self._where} is as it should be: nothing was changed"
            # What a machine says of itself is not shown, its name is the one that was sent
            return f"{made.name} runs on {self._where} and has joined\nnext: ganglion devices list"

        return Result(data=data, text=text)


def _built(form: str, architecture: str) -> package.Package:
    """A package of this clone, which is kept: one day it may be the older one that is to come back.

    Raises:
        UsageError: none can be built here.
    """
    from ganglion.cli.main import load

    try:
        build = load("package").build
        path: Path = build(form, architecture, config.state_folder() / "packages")
    except UsageError as error:
        raise UsageError(f"{error}; or give one with --package FILE") from None
    return package.read(path)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def _confirm(where: str, kind: str, fingerprint: str) -> bool:
    """Asks a person at the terminal about a key."""
    _say(f"the key of {where} is not known here: {fingerprint} ({kind})")
    with _interruptible():
        print("Is that the machine? Type yes to trust it from now on: ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() == "yes"


async def _ask(what: str) -> str | None:
    """Asks a person at the terminal for a secret, which is not shown."""
    with _interruptible():
        return getpass.getpass(f"{what}: ", stream=sys.stderr)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Has Ctrl-C end a question at once: nothing else goes on meanwhile, for nothing else is to be done."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
