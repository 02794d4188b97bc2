# SPDX-License-Identifier: GPL-3.0-or-later
"""Where passwords are checked: in equal time for names that nobody has, and as often as guessing leads nowhere."""

import hashlib
import time
from collections.abc import Callable

from ganglion.sentences import say
from ganglion_gateway.access.limiter import Failures, source
from ganglion_gateway.access.passwords import Passwords
from ganglion_gateway.store import accounts, audit, tries
from ganglion_gateway.store.database import Database, Row
from ganglion_gateway.store.tries import Tries


class WrongError(Exception):
    """Name or password, or a refresh token, is not right; which of them is not said."""


class TooOftenError(Exception):
    """Somebody was wrong too often.

    Attributes:
        wait: Seconds.
    """

    def __init__(self, wait: float) -> None:
        super().__init__(say("too many attempts: try again in {wait:.0f} s", wait=wait))
        self.wait = wait


class Entrance:
    """Checks names and passwords.

    Args:
        failures: By address, as for tokens at the dashboard.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(self, database: Database, failures: Failures, passwords: Passwords, clock: Callable[[], int]) -> None:
        self._database = database
        self._passwords = passwords
        self._clock = clock
        self._by_address = failures
        # By account more slowly, so that many addresses together guess no more; an address still has its own ten
        self._by_name = Failures(most=10, seconds=30, everybody=100)

    async def check(self, name: str, password: str, address: str) -> Row:
        """The user of a name and password; counts who is wrong, before it is known, so that haste gains nothing.

        Raises:
            TooOftenError: this address or this account was wrong too often.
            WrongError: name or password.
        """
        now, place = time.monotonic(), source(address)
        # A name of any length takes no more memory than another
        account = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
        wait = max(self._by_address.wait(place, now), self._by_name.wait(account, now))
        # What this gateway refuses by itself costs the database nothing
        together = [Tries(f"address {place}", 10, 6), Tries(f"account {account}", 10, 30), tries.EVERYBODY]
        if wait <= 0 and self._database.shared:
            wait = await self._count(together)
        if wait > 0:
            raise TooOftenError(wait)
        self._by_address.add(place, now)
        self._by_name.add(account, now)
        user = await accounts.find_user(self._database, name)
        if not await self._passwords.check(None if user is None else user["password"], password) or user is None:
            at, known = self._clock(), "" if user is None else user["name"]
            await self._database.write(
                lambda connection: audit.record(
                    connection, at=at, actor="gateway", action="login.failed", target=known, detail={"from": address}
                )
            )
            raise WrongError
        self._by_address.add(place, now, -1)
        self._by_name.add(account, now, -1)
        if self._database.shared:
            await self._database.write(lambda connection: tries.give_back(connection, together))
        if self._passwords.is_weaker(user["password"]):
            better, id = await self._passwords.hash(password), user["id"]
            await self._database.write(lambda connection: accounts.change_user(connection, id, password=better))
        return user

    async def _count(self, together: list[Tries]) -> float:
        """Counts with the other gateways at the database; seconds to wait where that is too often."""
        if (wait := await tries.wait(self._database, together, self._clock())) > 0:
            return wait
        return await self._database.write(lambda connection: tries.take(connection, together, self._clock()))
