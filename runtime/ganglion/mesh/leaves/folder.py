# SPDX-License-Identifier: GPL-3.0-or-later
"""The leaves of a node on its disk: a file for each with its key, and one with its highest epoch.

`ganglion leaf` writes the first, the node that runs the second, so neither overwrites what the other has written.
"""

import logging
import os
import time
from pathlib import Path
from typing import NamedTuple

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.mesh import files
from ganglion.mesh.credential import CredentialError, Trust
from ganglion.mesh.leaves.parent import Entry
from ganglion_micro import cbor, cose, gl1, update_key
from ganglion_micro.leaf_key import KEY_SIZE, MESH_SIZE, LeafKey

_log = logging.getLogger(__name__)

#: Leaves of one node: each is told of in its birth, which has 64 KiB at most.
MOST = 64
#: Nanoseconds in which a second change of a folder may show the same time as the first.
_GRAIN = 100_000_000


class Listed(NamedTuple):
    """A leaf that was let in.

    Attributes:
        entry: What its parent is told.
        added: Seconds since the Unix epoch.
    """

    entry: Entry
    added: int


class LeafFolder:
    """Those of one node.

    Args:
        state: The node's state folder.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._folder = state / "leaves"
        self._seen: int | None = None

    def add(self, name: str, *, now: int) -> LeafKey:
        """Lets a leaf in; its new key is on the disk, for its owner's eyes only.

        Args:
            now: Nanoseconds since the Unix epoch.

        Raises:
            InvalidError: the name cannot be a level of a topic.
            NotFoundError: the node is in no mesh yet.
            RefusedError: there is such a leaf, or there are too many.
        """
        if not gl1.level(name):
            raise InvalidError("a leaf's name is 1 to 32 of a-z A-Z 0-9 _ -", where=name)
        known = self.all()
        if name in known:
            raise RefusedError(
                f"{name} is a leaf of this node already, and its key is not shown again: remove it first, or choose "
                "another name"
            )
        if len(known) >= MOST:
            raise RefusedError(f"this node has {MOST} leaves, and that is the limit: remove one first")
        key = LeafKey(self._mesh(), os.urandom(KEY_SIZE))
        files.write(
            self._file(name), cbor.encode({"mesh": key.mesh, "key": key.key, "added": now // 10**9}), mode=0o600
        )
        return key

    def remove(self, name: str) -> Listed:
        """Refuses a leaf from now on; its key is gone.

        Raises:
            NotFoundError: there is none of this name.
        """
        listed = self.all().get(name)
        if listed is None:
            raise NotFoundError(f"no leaf of this node is called {name!r}: `ganglion leaf list` shows those that are")
        files.remove(self._file(name))
        self._epoch_file(listed.entry.key.kid).unlink(missing_ok=True)  # it says nothing without the key
        return listed

    def all(self) -> dict[str, Listed]:
        """By name.

        Raises:
            InvalidError: a file is none of a leaf's.
        """
        return {path.stem: listed for path in self._files() if (listed := self._read(path)) is not None}

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.cbor"))

    def _read(self, path: Path) -> Listed | None:
        try:
            data = files.read(path)
        except OSError as error:
            remedy = "have `ganglion leaf` run by the user that runs the node"
            raise InvalidError(f"cannot be read: {error.strerror}; {remedy}", where=str(path)) from None
        if data is None:
            return None  # removed meanwhile
        try:
            fields = cbor.decode(data)
            key, added = LeafKey(fields["mesh"], fields["key"]), int(fields["added"])
        except (ValueError, TypeError, LookupError):
            raise InvalidError("is no file of a leaf: remove it and add the leaf again", where=str(path)) from None
        return Listed(Entry(path.stem, key, self._epoch(key.kid)), added)

    def news(self) -> dict[bytes, Entry] | None:
        """The leaves by key id, where the folder has changed since the last call; else None. Logs what is damaged."""
        try:
            changed = os.stat(self._folder).st_mtime_ns
        except FileNotFoundError:
            changed = 0
        if changed == self._seen:
            return None
        entries = {}
        for path in self._files():
            try:
                if (listed := self._read(path)) is not None:
                    entries[listed.entry.key.kid] = listed.entry
            except InvalidError as error:
                _log.error("A leaf is not believed: %s.", error)
        self._seen = changed if time.time_ns() - changed > _GRAIN else None
        return entries

    def keep(self, kid: bytes, epoch: int) -> None:
        """The highest epoch of a leaf, on the disk when it returns."""
        files.write(self._epoch_file(kid), b"%d\n" % epoch, mode=0o600)

    def _epoch(self, kid: bytes) -> int:
        data = files.read(self._epoch_file(kid)) or b"0"
        return int(data) if data.strip().isdigit() else 0

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.cbor"

    def _epoch_file(self, kid: bytes) -> Path:
        # Beside the folder whose change says that leaves came or went
        return self._state / "leaf-epochs" / gl1.base32(kid)

    def on_board(self, key: LeafKey) -> str:
        """What goes onto a board as `leaf.key`: its key, and that of the issuer whose updates of firmware it may take.

        Raises:
            NotFoundError: the node is in no mesh yet.
            InvalidError: what it knows of its mesh is damaged.
        """
        mesh = self._mesh()
        try:
            issuer = Trust.read(files.read(self._state / "bundle.cbor") or b"", pin=mesh).issuer.public
        except CredentialError:
            raise InvalidError("bundle.cbor is damaged", where=str(self._state)) from None
        return f"{key.text()}\n{update_key.text(issuer)}"

    def _mesh(self) -> bytes:
        data = files.read(self._state / "bundle.cbor")
        if data is None:
            raise NotFoundError(
                f"{self._state} is the state folder of no node that has joined a mesh: start the node once, then add "
                "its leaves"
            )
        try:
            return cose.thumbprint(cose.public(cbor.decode(data)["root"]))[:MESH_SIZE]
        except (ValueError, TypeError, LookupError):
            raise InvalidError("bundle.cbor is damaged", where=str(self._state)) from None
