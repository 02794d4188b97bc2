# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts of one broker, as `broker.json` keeps them, and what a new list of members changes. No I/O."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ganglion.errors import InvalidError, NotFoundError, no_json
from ganglion_tools.admission import rights
from ganglion_tools.admission.rights import Rights

KINDS = ("mosquitto", "nats")
#: Users that are no node. A node's user is its id, which is never one of these.
GATEWAY, ENROL = "gateway", "enrol"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A node that the gateway has let in.

    Attributes:
        id: Its node id.
        name: What people call it; "" where nobody knows yet.
        former: Ids that it had under earlier keys.
        next: Ids under keys that it was given a credential for and may go on under at any moment.
    """

    id: str
    name: str = ""
    former: tuple[str, ...] = ()
    next: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who may connect.

    Attributes:
        user: `gateway`, `enrol`, or a node id.
        hash: Of the password, as the broker reads it.
        name: What people call the node.
        ids: Node ids that it speaks for; none for `gateway` and `enrol`.
    """

    user: str
    hash: str
    name: str = ""
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One broker.

    Attributes:
        kind: `mosquitto` or `nats`.
        mesh: Id of the mesh, 13 letters.
        hosts: Names and addresses by which clients know it, the usual one first.
        port: TCP port of MQTT.
        tls: Whether it speaks TLS; without, it listens on loopback alone.
        owner: The system user that runs it.
        accounts: By user.
    """

    kind: str
    mesh: str
    hosts: tuple[str, ...]
    port: int
    tls: bool
    owner: str
    accounts: Mapping[str, Account]

    def rights(self, account: Account) -> Rights:
        """What an account may do."""
        if account.user == GATEWAY:
            return rights.gateway(self.mesh)
        return rights.enrol(self.mesh) if account.user == ENROL else rights.node(self.mesh, account.ids)

    def without(self, user: str) -> "Book":
        """The same without an account, which `admit` makes anew.

        Raises:
            NotFoundError: there is none.
        """
        if user not in self.accounts:
            raise NotFoundError(f"there is no account {user!r}; a node's is called by its id, as in `accounts`")
        return replace(self, accounts={name: one for name, one in self.accounts.items() if name != user})

    def write(self) -> bytes:
        """The file."""
        accounts = [asdict(account) for account in self.accounts.values()]
        return json.dumps({**asdict(self), "accounts": accounts}, indent=1).encode() + b"\n"

    @classmethod
    def read(cls, data: bytes, where: str) -> "Book":
        """What is in the file.

        Raises:
            InvalidError: it is no such file.
        """
        try:
            fields = json.loads(data)
            accounts = [Account(**{**one, "ids": tuple(one["ids"])}) for one in fields.pop("accounts")]
            hosts = tuple(fields.pop("hosts"))
            return cls(**fields, hosts=hosts, accounts={account.user: account for account in accounts})
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            why = f"it {no_json(error)}" if isinstance(error, ValueError) else str(error)
            raise InvalidError(
                f"this is no book of a broker's accounts ({why}): make another folder with `ganglion broker init`",
                where=where,
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a list of members makes of a book.

    Attributes:
        book: As it is now.
        passwords: Of the accounts that are new, by user.
        removed: Accounts that are gone.
        differs: Whether the broker must be told.
    """

    book: Book
    passwords: Mapping[str, str]
    removed: tuple[Account, ...]
    differs: bool


def admit(book: Book, members: Iterable[Member], password: Callable[[], str], hashed: Callable[[str], str]) -> Change:
    """Gives an account to each member that has none, and takes it from whoever is a member no more.

    A node keeps its account, and so the file that was carried to it, when its key changes.

    Args:
        password: Makes a new one.
        hashed: What the broker keeps of one.
    """
    kept: dict[str, Account] = {}
    passwords: dict[str, str] = {}

    def add(user: str, name: str = "", ids: tuple[str, ...] = ()) -> None:
        if (known := book.accounts.get(user)) is None:
            passwords[user] = password()
            known = Account(user=user, hash=hashed(passwords[user]))
        kept[user] = replace(known, name=name, ids=ids)

    add(GATEWAY)
    add(ENROL)
    for member in sorted(members, key=lambda member: member.id):
        ids = (member.id, *member.former, *member.next)
        add(next((own for own in ids if own in book.accounts), member.id), member.name, ids)
    removed = tuple(account for user, account in book.accounts.items() if user not in kept)
    return Change(
        book=replace(book, accounts=kept),
        passwords=passwords,
        removed=removed,
        differs=_told(kept) != _told(book.accounts),
    )


def _told(accounts: Mapping[str, Account]) -> dict[str, Any]:
    """What the broker knows of accounts: not their names."""
    return {user: (account.hash, account.ids) for user, account in accounts.items()}
