# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords: hashed by argon2id, compared in the same time whether somebody of that name is known or not."""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ganglion.errors import InvalidError
from ganglion.sentences import say

#: Letters of a password. NIST SP 800-63B asks for 8 at least where nothing else is asked; a machine is behind this.
LEAST, MOST = 12, 256
#: Hashes that are made at the same time; each takes 19 MiB.
_AT_ONCE = 2


class Passwords:
    """Makes and checks hashes, off the event loop.

    19 MiB, two passes, one lane is what OWASP's Password Storage Cheat Sheet asks of argon2id at least.
    """

    def __init__(self, *, memory: int = 19 * 1024, passes: int = 2) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory, parallelism=1)
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._nobody = ""

    async def hash(self, password: str) -> str:
        """What is kept of a password, with its parameters and salt."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def check(self, known: str | None, password: str) -> bool:
        """Whether this is the password of a hash; None for somebody who is not known, which takes as long."""
        if not self._nobody:
            self._nobody = await self.hash(secrets.token_urlsafe())
        async with self._turn:
            right = await asyncio.to_thread(self._verify, known or self._nobody, password)
        return right and known is not None

    def is_weaker(self, known: str) -> bool:
        """Whether a hash was made with parameters that are not those of now."""
        return self._hasher.check_needs_rehash(known)

    def _verify(self, known: str, password: str) -> bool:
        try:
            return self._hasher.verify(known, password)
        except (VerificationError, InvalidHashError):
            return False


def check_choice(password: str, *, name: str) -> None:
    """Looks at a password that somebody chooses.

    Raises:
        InvalidError: it is too short, too long, or the name.
    """
    if not LEAST <= len(password) <= MOST:
        raise InvalidError(say("has {least} to {most} letters", least=LEAST, most=MOST), where="new")
    if len(set(password)) < 4 or name.casefold() in password.casefold():
        raise InvalidError(
            say("is too easily guessed: it holds the name, or hardly any different letters"), where="new"
        )


def one_time() -> str:
    """A password for the first login: 20 letters, in groups."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))
