# SPDX-License-Identifier: GPL-3.0-or-later
"""Confidential events of a node that has no key of its group yet: on its disk, sealed under a key of this folder.

One file an event, beside `key`. Nothing is sent from here: what has a key goes into the spool as it is sent.
"""

import logging
import os
from pathlib import Path
from typing import Any, NamedTuple

from ganglion.mesh import files
from ganglion.mesh.aead import KEY_SIZE, NONCE_SIZE, SealError, seal, unseal
from ganglion_micro import cbor

_log = logging.getLogger(__name__)

#: Events, and bytes of them, that may wait. Beyond, the oldest are lost.
LIMIT = 1000
LIMIT_BYTES = 4 * 1024 * 1024


class Waiting(NamedTuple):
    """An event that waits.

    Attributes:
        cls: Its class.
        body: Of the event, class included.
    """

    cls: str
    body: dict[str, Any]


class Held:
    """The folder.

    Args:
        folder: Made when the first event comes.

    Attributes:
        lost: Events that were given up since the start: there were too many, or a file was damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes: dict[int, int] = {}
        self.lost = 0
        if folder.exists():
            found = [path for path in folder.iterdir() if path.name.isdecimal()]
            self._sizes = {int(path.name): path.stat().st_size for path in sorted(found, key=lambda p: int(p.name))}

    def __len__(self) -> int:
        return len(self._sizes)

    def add(self, event: Waiting) -> None:
        """Takes an event; it is safe on the disk when this returns.

        Raises:
            CBORError: the body has no deterministic encoding, or is too large.
            OSError: the disk does not take it.
        """
        nonce = os.urandom(NONCE_SIZE)
        data = nonce + seal(cbor.encode(list(event)), key=self._key(), nonce=nonce, aad=b"")
        number = max(self._sizes, default=0) + 1
        files.write(self._path(number), data)
        self._sizes[number] = len(data)
        while len(self._sizes) > LIMIT or sum(self._sizes.values()) > LIMIT_BYTES:
            self.lost += 1
            _log.error("Too many confidential events wait for a key: the oldest is lost.")
            self.remove(next(iter(self._sizes)))

    def all(self) -> list[tuple[int, Waiting]]:
        """What waits, the oldest first, each with its number here."""
        found = []
        for number in list(self._sizes):
            try:
                data = files.read(self._path(number)) or b""
                plain = unseal(data[NONCE_SIZE:], key=self._key(), nonce=data[:NONCE_SIZE].ljust(NONCE_SIZE), aad=b"")
                found.append((number, Waiting(*cbor.decode(plain))))
            except (SealError, cbor.CBORError, TypeError):
                self.lost += 1
                _log.error("%s is damaged: a confidential event is lost.", self._path(number))
                self.remove(number)
        return found

    def remove(self, number: int) -> None:
        """It waits no more."""
        if self._sizes.pop(number, None) is not None:
            files.remove(self._path(number))

    def _path(self, number: int) -> Path:
        return self._folder / str(number)

    def _key(self) -> bytes:
        path = self._folder / "key"
        key = files.read(path)
        if key is None or len(key) != KEY_SIZE:
            key = os.urandom(KEY_SIZE)
            files.write(path, key)
        return key
