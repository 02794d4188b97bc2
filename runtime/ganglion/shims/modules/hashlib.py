# SPDX-License-Identifier: GPL-3.0-or-later
"""`hashlib`: CPython's, of data that may be text, and whose hashes end with their digest."""

import hashlib as _hashlib
from collections.abc import Callable
from typing import Any

from ganglion.shims.buffers import readable as _readable


def __getattr__(name: str) -> Any:
    return getattr(_hashlib, name)


class _Hash:
    """A hash that is asked for its digest once."""

    _make: Callable[[], Any]

    def __init__(self, data: Any = b"") -> None:
        self._hash: Any = type(self)._make()
        self._done = False
        self.update(data)

    def update(self, data: Any) -> None:
        """Adds data.

        Raises:
            ValueError: the digest was asked for.
        """
        self._still()
        self._hash.update(_readable(data))

    def digest(self) -> bytes:
        """The hash.

        Raises:
            ValueError: it was asked for before.
        """
        self._still()
        self._done = True
        return bytes(self._hash.digest())

    def hexdigest(self) -> str:
        return self.digest().hex()

    def _still(self) -> None:
        if self._done:
            raise ValueError("hash is final")


class sha256(_Hash):
    _make = staticmethod(_hashlib.sha256)


class sha1(_Hash):
    _make = staticmethod(lambda: _hashlib.sha1(usedforsecurity=False))


class md5(_Hash):
    _make = staticmethod(lambda: _hashlib.md5(usedforsecurity=False))
