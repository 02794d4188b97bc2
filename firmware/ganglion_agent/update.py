# SPDX-License-Identifier: GPL-3.0-or-later
"""An update, as methods that a leaf's parent calls; the other slot is written, and never the one that runs.

    update.begin   {version, size, sha256, seal?}   of the manifest, which names every file with its size and hash, so
                                                    its hash is the hash of all; it is longer than a message of a leaf
    update.chunk   {file, offset, data}             `file` and `offset` as the answer before said; "" is the manifest
    update.commit  {}                               the other slot runs on trial at the next boot
    update.status  {}

`sha256` is in hexadecimal, `data` and `seal` in base64: the calls come by way of a gateway that speaks JSON.
Each is answered with the state, and where that is `receiving`, with the file and the offset that come next: whoever
sends does what it is told, and needs to remember nothing. The other states are `idle`, `busy` (`update.status` does the
next part of the work), `ready` to be committed, `committed`, `running`: that is the version that runs, and `trial`:
the one that runs is not kept yet, so begin later. What was received is on the flash under a name made of its hash, so a
`begin` after a break, of either side, goes on where the flash is. A file that the running slot has too is copied there.
Each file is read back and hashed before it gets its name, and one that is damaged is asked for again.

Whose update is it? The leaf's HMAC says that its parent has sent it, and that is all unless the board's configuration
asks for more: then `seal.of(...)` is handed in, and a manifest is taken only with a COSE_Sign1 of the mesh's issuer
over its hash, so a parent that was broken into can send nothing of its own.
"""

from binascii import a2b_base64, unhexlify

from ganglion_agent.manifest import MANIFEST, entries, part, refusal, sha256_of, size_of, version
from ganglion_agent.slots import replace

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ganglion_agent.slots import Slots

    Params = dict[str, Any]

#: Bytes of a manifest, and files in it, at most.
MANIFEST_SIZE = 16384
FILES = 160
#: Bytes that one call hashes or copies before it answers `busy`: `update.status` goes on.
WORK = 16384
#: Blocks that are left to the rest of the board.
SPARE = 4


class Update:
    """The one update that a board receives at a time.

    Args:
        files: Of the board, as `slots` has them, and `free`.
        slots: With the slot that runs.
        check: Raises ValueError where a seal (bytes, or None) does not hold for a manifest's SHA-256.

    Attributes:
        damaged: Files that were not what the manifest says, and are received again.
    """

    def __init__(
        self, files: "Any", slots: "Slots", check: "Callable[[bytes | None, bytes], None] | None" = None
    ) -> None:
        self.damaged = 0
        self._committed = False
        self._files = files
        self._slots = slots
        self._check = check
        self._into = slots.path(slots.other) + "/"
        self._from = slots.path(slots.slot) + "/"
        self._version = ""
        self._manifest = ""  # its name until it is committed; empty before `begin`
        self._size = 0
        self._digest = ""
        self._read = False  # whether the manifest is there, and was looked through
        self._done = 0  # files of the manifest that are in place
        self._next: "tuple[str, int, str] | None" = None  # the one to be received

    def begin(self, params: "Params") -> "Params":
        """Begins, or goes on after a break. Raises: ValueError, it is not taken, and why."""
        name, size, digest = params.get("version"), params.get("size"), params.get("sha256")
        if type(name) is not str or type(size) is not int or type(digest) is not str or len(digest) != 64:
            raise ValueError("an update has a version, and the size and SHA-256 of its manifest")
        whole = unhexlify(digest)  # it is part of a file's name below
        if not 0 < size <= MANIFEST_SIZE:
            raise ValueError("a manifest of {} bytes, and {} is the limit".format(size, MANIFEST_SIZE))
        if self._slots.trial:
            return {"state": "trial", "version": name}  # the other slot is what it would go back to
        if sha256_of(self._files, self._from + MANIFEST) == digest:
            return {"state": "running", "version": name}
        self._committed = self._slots.pending
        if self._committed:
            if sha256_of(self._files, self._into + MANIFEST) != digest:
                raise ValueError("another update waits for the board to be reset")
            self._version = name
            return self._status()
        if self._check is not None:
            self._check(_decoded(params.get("seal", "")), whole)
        self._version, self._size, self._digest = name, size, digest
        self._manifest, self._read, self._done, self._next = "", False, 0, None
        self._open()
        return self._settled()

    def chunk(self, params: "Params") -> "Params":
        """Takes bytes of the file that is next; others change nothing. Raises: ValueError, they cannot be taken."""
        name, offset, data = params.get("file"), params.get("offset"), _decoded(params.get("data"))
        if type(name) is not str or type(offset) is not int or data is None:
            raise ValueError("a chunk has a file, an offset and data")
        status = self._settled()
        if status.get("file") != name or status["offset"] != offset or not data:
            return status
        digest, size, _ = self._next or (self._digest, self._size, "")
        if offset + len(data) > size:
            raise ValueError("{} has {} bytes, and this is more".format(name or "the manifest", size))
        path = self._into + (part(digest) if self._next else self._manifest)
        self._guarded(self._append, path, data)
        if self._next and offset + len(data) == size and self._closed(path, digest, name):
            self._next = None
            self._done += 1
        return self._settled()

    def commit(self, params: "Params") -> "Params":
        """Has what was received run on trial at the next boot. Raises: ValueError, it is not all there."""
        if self._committed:
            return self._status()
        if self._settled()["state"] != "ready":
            raise ValueError("the update is not complete: ask update.status")
        if self._manifest != MANIFEST:
            self._guarded(replace, self._files, self._into + self._manifest, self._into + MANIFEST)
            self._files.sync()
            self._manifest = MANIFEST
        try:
            self._guarded(self._slots.switch)
        except ValueError:
            self._manifest = ""  # `begin` looks at all of it again
            raise
        self._committed = True
        return self._status()

    def status(self, params: "Params") -> "Params":
        """Where it is; after `busy`, it does the next part. Raises: ValueError, the flash cannot be written."""
        return self._settled()

    def _status(self) -> "Params":
        if self._committed:
            return {"state": "committed", "version": self._version}
        if not self._manifest:
            return {"state": "idle"}
        if self._read and self._next is None:
            return {"state": "ready", "version": self._version}
        digest, size, name = self._next or (self._digest, self._size, "")
        have = size_of(self._files, self._into + (part(digest) if self._next else self._manifest))
        said = {"state": "receiving", "version": self._version, "damaged": self.damaged}
        said.update(file=name, offset=have, size=size)
        return said

    def _open(self) -> None:
        """Finds what is there of the manifest, and throws away what is there of others."""
        if sha256_of(self._files, self._into + MANIFEST) == self._digest:
            self._manifest = MANIFEST
            return
        self._manifest = "m-" + self._digest[:16]
        try:
            names = self._files.listdir(self._into[:-1])
        except OSError:
            self._guarded(self._files.mkdir, self._into[:-1])
            names = []
        for name in names:
            if name[:2] == "m-" and name != self._manifest:
                self._guarded(self._files.remove, self._into + name)

    def _settled(self) -> "Params":
        """Goes on without the parent as far as `WORK` goes."""
        if self._committed or not self._manifest or self._next:
            return self._status()
        path = self._into + self._manifest
        if not self._read:
            have = size_of(self._files, path)
            if have < self._size:
                return self._status()
            if sha256_of(self._files, path) != self._digest:
                self._damaged(path)
                return self._status()
            self._look(path)
            self._read = True
        work = 0
        at = 0
        for entry in entries(self._files, path):
            at += 1
            if at <= self._done:
                continue
            if work >= WORK:
                return {"state": "busy", "version": self._version}
            digest, size, name = entry
            work += size
            if sha256_of(self._files, self._into + name) != digest and not self._copied(entry):
                received = self._into + part(digest)
                if not size:
                    self._guarded(self._append, received, b"")
                if size_of(self._files, received) < size or not self._closed(received, digest, name):
                    self._next = entry
                    break
            self._done += 1
        return self._status()

    def _look(self, path: str) -> None:
        """Looks through the manifest, and makes room: from here on the other slot is no version, unless it is this one.

        Raises:
            ValueError: it is not taken, and the other slot is as it was.
        """
        names, parts, need = set(), set(), 0
        try:
            block, free = self._files.free(self._into[:-1])
            if version(self._files, path) != self._version:
                raise ValueError("the manifest is of another version")
            for digest, size, name in entries(self._files, path):
                wrong = refusal(name) or ("{} is there twice".format(name) if name in names else "")
                if wrong:
                    raise ValueError(wrong)
                need += _blocks(size, block) - _blocks(size_of(self._files, self._into + name), block)
                names.add(name)
                parts.add(part(digest))
            if len(names) > FILES:
                raise ValueError("{} files, and {} is the limit".format(len(names), FILES))
            strays = list(self._strays("", names, parts))
            free += sum([_blocks(size_of(self._files, stray), block) for stray in strays]) - SPARE
            if need > free:
                need, free = need * block // 1024, max(free, 0) * block // 1024
                raise ValueError("it needs {} KiB of flash more, and {} KiB are free".format(need, free))
        except ValueError:
            self._manifest = ""
            self._guarded(self._files.remove, path)
            raise
        for stray in strays:
            self._guarded(self._files.remove, stray)

    def _strays(self, folder: str, names: "set[str]", parts: "set[str]") -> "Iterator[str]":
        """Files of the slot that the manifest does not name."""
        for name in self._files.listdir((self._into + folder)[:-1]):
            path = folder + name
            if path in names or path in parts or path in (self._manifest, MANIFEST):
                continue
            try:
                yield from self._strays(path + "/", names, parts)
            except OSError:  # no folder
                yield self._into + path

    def _copied(self, entry: "tuple[str, int, str]") -> bool:
        """Whether the running slot has the file, too, and it is here now."""
        digest, _, name = entry
        if sha256_of(self._files, self._from + name) != digest:
            return False
        path = self._into + part(digest)
        self._guarded(self._copy, self._from + name, path)
        return self._closed(path, digest, name)

    def _copy(self, old: str, new: str) -> None:
        with self._files.open(old, "rb") as source, self._files.open(new, "wb") as copy:
            while True:
                block = source.read(512)
                if not block:
                    return
                copy.write(block)

    def _append(self, path: str, data: bytes) -> None:
        with self._files.open(path, "ab") as file:
            file.write(data)

    def _damaged(self, path: str) -> None:
        self.damaged += 1
        self._guarded(self._files.remove, path)

    def _closed(self, path: str, digest: str, name: str) -> bool:
        """Reads a file back, and gives it its name; or throws it away, as it is not what the manifest says."""
        self._files.sync()
        if sha256_of(self._files, path) != digest:
            self._damaged(path)
            return False
        at = name.find("/")
        while at > 0:
            try:
                self._files.mkdir(self._into + name[:at])
            except OSError:
                pass  # it is there, or the rename says what is wrong
            at = name.find("/", at + 1)
        self._guarded(replace, self._files, path, self._into + name)
        self._files.sync()
        return True

    def _guarded(self, change: "Callable[..., object]", *arguments: "Any") -> None:
        """A change of the flash. Raises: ValueError, it could not be made."""
        try:
            change(*arguments)
        except OSError as error:
            raise ValueError("the flash could not be written: {}".format(error)) from error


def _decoded(text: "Any") -> "bytes | None":
    """What is in base64; None where it is not. Raises: ValueError, it is damaged."""
    return a2b_base64(text) if type(text) is str else None


def _blocks(size: int, block: int) -> int:
    return (size + block - 1) // block
