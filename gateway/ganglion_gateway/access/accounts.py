# SPDX-License-Identifier: GPL-3.0-or-later
"""People who use the gateway: who logs in, who is logged in, and what changes about them. All of it in the audit."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.sentences import say
from ganglion.units import SECOND
from ganglion_gateway.access import passwords
from ganglion_gateway.access.bearer import ACCESS, Bearer
from ganglion_gateway.access.entrance import Entrance, WrongError
from ganglion_gateway.access.limiter import Failures
from ganglion_gateway.access.passwords import Passwords
from ganglion_gateway.access.permissions import ROLES, Role
from ganglion_gateway.access.tokens import Keyring, Principal
from ganglion_gateway.store import accounts, audit, keys
from ganglion_gateway.store.database import Database, Row

#: Nanoseconds that a login holds at most, and without a refresh.
LIFETIME, IDLE = 30 * 86400 * SECOND, 7 * 86400 * SECOND
#: Seconds after which what another gateway has changed in the same database holds here.
_LOOK = 3.0
_DAY = 86400.0
_CLIENT = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a login gives.

    Attributes:
        login: Its id.
        access: The token that requests bear.
        refresh: The one for the next access token, good once.
        seconds: That `access` holds.
        must_change: The password is to be changed first.
    """

    login: str
    access: str
    refresh: str
    must_change: bool
    seconds: int = ACCESS


class Accounts:
    """Users and logins of one gateway.

    Args:
        keyring: Is told of every change at once.
        failures: By address, as for tokens at the dashboard.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(
        self, database: Database, keyring: Keyring, bearer: Bearer, failures: Failures, clock: Callable[[], int]
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._bearer = bearer
        self._passwords = Passwords()
        self._entrance = Entrance(database, failures, self._passwords, clock)
        self._clock = clock
        self._loading = asyncio.Lock()

    async def load(self) -> None:
        """Takes over what the database has."""
        async with self._loading:  # or what was read before a change could be taken over after it
            self._keyring.load(await keys.active_api_keys(self._database))
            self._keyring.load_logins(await accounts.holding(self._database, self._clock()))

    async def run(self) -> None:
        """Looks again and again, as there may be another gateway at the same database, and clears away what is over."""
        cleared = 0.0
        while True:
            await asyncio.sleep(_LOOK)
            with suppress(SQLAlchemyError):  # a database that is away for a while: who may enter stays who may
                await self.load()
                if time.monotonic() - cleared > _DAY or not cleared:
                    await self._clear()
                    cleared = time.monotonic()

    async def _clear(self) -> None:
        now = self._clock()
        await self._database.write(lambda connection: accounts.prune(connection, now, now - IDLE))

    async def first(self) -> str | None:
        """Makes the user `admin` where there is nobody yet; the password that is to be shown once, or None."""
        if await accounts.all_users(self._database, after="", limit=1):
            return None
        password = passwords.one_time()
        hashed, at = await self._passwords.hash(password), self._clock()

        async def work(connection: AsyncConnection) -> bool:
            row = await accounts.add_user(
                connection, name="admin", role=Role.ADMIN.value, password=hashed, must_change=True, at=at
            )
            if row is not None:
                await _note(connection, at, "gateway", "user.create", "admin", {"role": "admin"})
            return row is not None

        # Another gateway beside the same database may have made the user meanwhile, with another password
        return password if await self._database.write(work) else None

    async def login(self, name: str, password: str, *, address: str, client: str, holds: int = LIFETIME) -> Granted:
        """Lets somebody in.

        Args:
            holds: Nanoseconds.

        Raises:
            TooOftenError: this address or this account was wrong too often.
            WrongError: name or password.
        """
        user = await self._entrance.check(name, password, address)
        at = self._clock()

        async def work(connection: AsyncConnection) -> Row:
            row = await accounts.begin(
                connection, user["id"], at=at, expires=at + holds, address=address, client=client[:_CLIENT]
            )
            await _note(connection, at, user["name"], "login", user["name"], {"session": row["id"], "from": address})
            return row

        row = await self._database.write(work)
        await self.load()
        return self._granted(row, user)

    async def refresh(self, token: str) -> Granted:
        """The next tokens of a login. Whoever shows one that was used ends the login, as two have it.

        Raises:
            WrongError: it is none, was used, or the login is over.
        """
        said = self._bearer.read_refresh(token)
        if said is None:
            raise WrongError
        at = self._clock()

        async def work(connection: AsyncConnection) -> Row | None:
            row = await accounts.advance(connection, said.login, said.counter, at=at, idle=at - IDLE)
            if row is None and await accounts.end(connection, said.login):
                await _note(connection, at, "gateway", "login.reuse", said.login, {"counter": said.counter})
            return row

        row = await self._database.write(work)
        user = None if row is None else await accounts.user_by_id(self._database, row["user"])
        await self.load()
        if row is None or user is None:
            raise WrongError
        return self._granted(row, user)

    async def logout(self, who: Principal) -> None:
        """Ends the login that asks."""
        await self.end(who, who.key)

    async def end(self, who: Principal, login: str) -> None:
        """Ends a login: one's own, or whosever it is for those who manage users.

        Raises:
            NotFoundError: there is none of that id.
        """
        row = await accounts.find_login(self._database, login)
        if row is None or (row["user"] != who.user and not who.may("access")):
            raise NotFoundError(
                say("you have no session {login}: GET /api/v1/auth/sessions lists those that you have", login=login)
            )
        await self._change(who, "login.end", login, {}, lambda connection: accounts.end(connection, login))

    async def change_password(self, name: str, old: str, new: str, *, address: str, login: str = "") -> None:
        """Has another password hold, and ends the logins but one.

        Raises:
            TooOftenError, WrongError: as in `login`.
            InvalidError: the new one cannot be one.
        """
        user = await self._entrance.check(name, old, address)
        passwords.check_choice(new, name=name)
        if new == old:
            raise InvalidError(say("is the one that it was: choose another"), where=say("the password"))
        await self._set(user["name"], user, new, must_change=False, keep=login)

    async def add(self, who: Principal, name: str, role: Role) -> tuple[Row, str]:
        """A new user, and the password for the first login, which is shown now or never.

        Raises:
            RefusedError: the name is taken, or the role may more than who asks.
        """
        _within(who, role)
        password = passwords.one_time()
        hashed, at = await self._passwords.hash(password), self._clock()

        async def work(connection: AsyncConnection) -> Row:
            row = await accounts.add_user(
                connection, name=name, role=role.value, password=hashed, must_change=True, at=at
            )
            if row is None:
                raise RefusedError(say("there is a user {name!r} already", name=name))
            await _note(connection, at, who.name, "user.create", name, {"role": role.value})
            return row

        return await self._database.write(work), password

    async def find(self, name: str) -> Row:
        """A user by the name.

        Raises:
            NotFoundError: there is none.
        """
        if (row := await accounts.find_user(self._database, name)) is None:
            raise NotFoundError(
                say("there is no user {name!r}: `ganglion users list` shows those that there are", name=name)
            )
        return row

    async def give_password(self, who: Principal, name: str) -> str:
        """A new password for the first login, shown now or never; ends all logins of the user."""
        user, password = await self._managed(who, name), passwords.one_time()
        await self._set(who.name, user, password, must_change=True)
        return password

    async def set_role(self, who: Principal, name: str, role: Role) -> Row:
        """Another role, at once.

        Raises:
            NotFoundError: there is no such user.
            RefusedError: nobody would be admin any more, or the role may more than who asks.
        """
        user = await self._managed(who, name)
        _within(who, role)

        async def work(connection: AsyncConnection) -> None:
            await _as_it_was(connection, user)
            if role is not Role.ADMIN:
                await _not_the_last(connection, user)
            await accounts.change_user(connection, user["id"], role=role.value)

        await self._change(who, "user.role", name, {"before": user["role"], "role": role.value}, work)
        return {**user, "role": role.value}

    async def remove(self, who: Principal, name: str) -> None:
        """Removes a user, whose logins are over at once. Raises: see `set_role`."""
        user = await self._managed(who, name)

        async def work(connection: AsyncConnection) -> None:
            await _as_it_was(connection, user)
            await _not_the_last(connection, user)
            await accounts.remove_user(connection, user["id"])

        await self._change(who, "user.remove", name, {"role": user["role"]}, work)

    async def _managed(self, who: Principal, name: str) -> Row:
        """A user whom another may manage: one that may no more than they may."""
        user = await self.find(name)
        _within(who, Role(user["role"]))
        return user

    async def _set(self, actor: str, user: Row, password: str, *, must_change: bool, keep: str = "") -> None:
        hashed, at = await self._passwords.hash(password), self._clock()

        async def work(connection: AsyncConnection) -> None:
            await _as_it_was(connection, user)
            await accounts.change_user(connection, user["id"], password=hashed, must_change=must_change, changed=at)
            await accounts.end_all(connection, user["id"], but=keep)
            await _note(connection, at, actor, "user.password", user["name"], {"must_change": must_change})

        await self._database.write(work)
        await self.load()

    async def _change(self, who: Principal, action: str, target: str, detail: dict[str, Any], work: Any) -> None:
        at = self._clock()

        async def noted(connection: AsyncConnection) -> None:
            await work(connection)
            await _note(connection, at, who.name, action, target, detail)

        await self._database.write(noted)
        await self.load()

    def _granted(self, row: Row, user: Row) -> Granted:
        return Granted(
            login=row["id"],
            access=self._bearer.access(user["id"], row["id"], self._clock() // SECOND),
            refresh=self._bearer.refresh(row["id"], row["counter"]),
            must_change=user["must_change"],
        )


def _within(who: Principal, role: Role) -> None:
    if not ROLES[role] <= who.scopes:
        raise RefusedError(
            say("{name} may less than {role}, and gives or takes nobody that role", name=who.name, role=role.value)
        )


async def _not_the_last(connection: AsyncConnection, user: Row) -> None:
    if await accounts.admins(connection) == [user["id"]]:
        raise RefusedError(say("{name} is the only admin left: make somebody else one first", name=user["name"]))


async def _as_it_was(connection: AsyncConnection, user: Row) -> None:
    """Raises: RefusedError, the user has another role by now, and whether that one may be managed was not looked at."""
    if await accounts.role_of(connection, user["id"]) != user["role"]:
        raise RefusedError(say("{name} was given another role meanwhile: ask again", name=user["name"]))


async def _note(connection: AsyncConnection, at: int, actor: str, action: str, target: str, detail: Row) -> None:
    await audit.record(connection, at=at, actor=actor, action=action, target=target, detail=detail)
