# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in to a machine: whom it trusts there, and what lets one in. Banners of the machine are not shown."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from ganglion.errors import InvalidError, NotFoundError, RefusedError, UnreachableError, unread
from ganglion.flash.host import known
from ganglion.flash.host.address import Address
from ganglion.flash.host.connection import ALIVE, CONNECT, Remote, problem
from ganglion.flash.host.text import shown

#: Seconds that a person has to type a password.
_TYPING = 120
#: Kinds of keys of a machine that is new here, the best first, as OpenSSH has them: people compare the first.
_KINDS = (
    "ssh-ed25519",
    *(f"ecdsa-sha2-nistp{size}" for size in (256, 384, 521)),
    *(f"rsa-sha2-{size}" for size in (512, 256)),
)
#: Questions in a row whether the machine is still there that it may leave unanswered.
_UNANSWERED = 3

#: Shows a machine's name, the kind of its key and the fingerprint; whether that is the machine.
Confirm = Callable[[str, str, str], Awaitable[bool]]
#: Shows what secret is wanted, as in "password of pi@10.0.0.5"; the secret, or None where nobody can be asked.
Ask = Callable[[str], Awaitable[str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one gets into a machine.

    Attributes:
        host_key: Fingerprint that its key must have, `SHA256:…`; empty where `known_hosts` and `confirm` decide.
        identities: Files of private keys; empty for the agent's and those in ~/.ssh.
        confirm: Asked about a key that is not known.
        ask: Asked for a password where no key lets one in.
    """

    host_key: str = ""
    identities: tuple[Path, ...] = ()
    confirm: Confirm | None = None
    ask: Ask | None = None


async def connect(address: Address, access: Access) -> Remote:
    """Logs in.

    Raises:
        UnreachableError: no answer, or not from an SSH server.
        RefusedError: the machine's key is not the one that was expected, or it does not let one in.
        InvalidError: `known_hosts` or a private key cannot be read.
    """
    trusted, is_judged, is_preferred = access.host_key, False, False
    while True:
        known_hosts = await asyncio.to_thread(known.known)
        client = _Client(address, access, trusted, known_hosts)
        try:
            connection = await _connected(client, address, access, known_hosts, _KINDS if is_preferred else ())
        except asyncssh.HostKeyNotVerifiable as error:
            if is_judged or client.offered is None:
                raise RefusedError(f"the key of {address} is not trusted: {shown(error.reason)}") from None
            if not client.is_changed and not is_preferred and client.offered.get_algorithm() != _KINDS[0]:
                is_preferred = True
                continue
            trusted, is_judged = await _judged(client, client.offered, address, access), True
            continue
        if client.offered is not None:
            await asyncio.to_thread(known.remember, client.name, client.port, client.offered)
        return Remote(connection, address)


class _Client(asyncssh.SSHClient):
    """Judges the machine's key and answers for a person."""

    def __init__(self, address: Address, access: Access, trusted: str, known_hosts: asyncssh.SSHKnownHosts) -> None:
        self._address = address
        self._access = access
        self._trusted = trusted
        self._known_hosts = known_hosts
        self._asked = self._is_interactive = False
        self.offered: asyncssh.SSHKey | None = None
        self.name, self.port = address.host, known.SSH_PORT
        self.is_changed = False
        self.until = asyncio.timeout(CONNECT)

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.offered, self.name, self.port = key, host, port
        before = self._known_hosts.match(host, addr, None if port == known.SSH_PORT else port)[0]
        self.is_changed = bool(before)
        return not self.is_changed and key.get_fingerprint() == self._trusted

    async def password_auth_requested(self) -> str | None:
        # Once: a second question would come after three seconds of silence that nobody explains
        if self._asked or self._access.ask is None:
            return None
        self._asked = True
        loop = asyncio.get_running_loop()
        self.until.reschedule(loop.time() + _TYPING)
        secret = await self._access.ask(f"password of {self._address}")
        self.until.reschedule(loop.time() + CONNECT)
        return secret

    def kbdint_auth_requested(self) -> str | None:
        # Once, too: a server that offers it and then asks nothing would be tried until it has enough
        if self._access.ask is None or self._is_interactive:
            return None
        self._is_interactive = True
        return ""

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Any
    ) -> list[str] | None:
        if not prompts:
            return []
        password = await self.password_auth_requested()
        return None if password is None or len(prompts) != 1 else [password]


async def _connected(
    client: _Client,
    address: Address,
    access: Access,
    known_hosts: asyncssh.SSHKnownHosts,
    kinds: tuple[str, ...],
) -> asyncssh.SSHClientConnection:
    given: dict[str, Any] = {"username": address.user} if address.user else {}
    if kinds:
        given["server_host_key_algs"] = kinds
    if access.identities:
        given["client_keys"] = await asyncio.to_thread(_identities, access.identities)
    try:
        async with client.until:
            return await asyncssh.connect(
                address.host,
                address.port or (),
                client_factory=lambda: client,
                known_hosts=known_hosts,
                login_timeout=0,  # `until` is the one that knows of persons
                keepalive_interval=ALIVE,
                keepalive_count_max=_UNANSWERED,
                **given,
            )
    except asyncssh.HostKeyNotVerifiable:
        raise
    except asyncssh.ConfigParseError as error:
        raise InvalidError(shown(str(error)), where="~/.ssh/config") from None
    except asyncssh.ConnectionLost:
        raise UnreachableError(
            f"{address} ended the connection before one was logged in: see there what its SSH server logs"
        ) from None
    except (asyncssh.Error, OSError) as error:
        raise problem(error, address) from None


def _identities(paths: Iterable[Path]) -> list[asyncssh.SSHKey]:
    """Private keys.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: one cannot be read, or needs a passphrase.
    """
    found = []
    for path in paths:
        try:
            found.append(asyncssh.read_private_key(path))
        except FileNotFoundError:
            raise NotFoundError(f"there is no file {path}: `ssh-keygen -f {path}` makes a key") from None
        except OSError as error:
            raise InvalidError(unread(error), where=str(path)) from None
        except asyncssh.KeyImportError as error:
            raise InvalidError(
                f"cannot be used: {shown(str(error))}. A key with a passphrase is for `ssh-add`", where=str(path)
            ) from None
    return found


async def _judged(client: _Client, key: asyncssh.SSHKey, address: Address, access: Access) -> str:
    """The fingerprint, where the machine is to be trusted.

    Raises:
        RefusedError: it is not.
    """
    fingerprint, kind = key.get_fingerprint(), key.get_algorithm()
    name = known.named(client.name, client.port)
    if client.is_changed:
        raise RefusedError(
            f"the key of {address} has changed: it is {fingerprint} now ({kind}), and {known.file()} has another. "
            f"Was the machine installed anew: ssh-keygen -R '{name}', then run this again; "
            "if not, somebody may be between it and you"
        )
    if access.host_key:
        raise RefusedError(
            f"the key of {address} is {fingerprint} ({kind}), not {access.host_key}: "
            "see that it is the machine you mean"
        )
    if access.confirm is None:
        raise RefusedError(
            f"the key of {address} is not known: {fingerprint} ({kind}). Compare it there, with ssh-keygen -lf or on "
            f"OpenWrt with dropbearkey -y -f, then say --host-key {fingerprint}"
        )
    if not await access.confirm(str(address), kind, fingerprint):
        raise RefusedError(f"you did not confirm the key of {address}; nothing was done")
    return fingerprint
