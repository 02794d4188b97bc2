# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a backup: a header in clear, then JSON lines, compressed, encrypted where there is a passphrase.

    ganglion-backup 1\\n
    {"created": …, "mesh": …, "revision": …, "encryption": null | {…}}\\n
    frames: a length in 4 bytes, the first first, and that many bytes; a length of 0 ends them
    32 bytes: SHA-256 of all that is before

The frames, put together, are zlib's (RFC 1950). Encrypted, each is one message of libsodium's secretstream
(XChaCha20-Poly1305), the last one marked, with the header as associated data, under a key that argon2id makes of the
passphrase.
"""

import base64
import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from nacl import bindings, exceptions, pwhash

from ganglion.errors import InvalidError, NotFoundError, RefusedError, UsageError, unread

_MAGIC = b"ganglion-backup 1\n"
#: Bytes of a frame before it is encrypted, and the most that a header may have.
_FRAME = 1 << 18
_HEADER = 1 << 16
_DIGEST = 32
#: argon2id's work: three passes over 64 MiB, which a small machine has, too (RFC 9106 section 4, second choice).
_OPS, _MEMORY = 3, 64 << 20
#: The most that a file may ask for, in bytes of memory and passes.
_MOST_MEMORY, _MOST_OPS = 1 << 30, 16


class Writer:
    """Writes a backup into an open file.

    Args:
        file: Written from where it is.
        header: What everybody may know of it; the way of encryption is added.
        passphrase: None for a file that is not encrypted.
    """

    def __init__(self, file: BinaryIO, header: dict[str, Any], passphrase: str | None) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._zip = zlib.compressobj(6)
        self._pending = bytearray()
        self._stream: Any = None
        encryption = None
        if passphrase is not None:
            salt = os.urandom(pwhash.argon2id.SALTBYTES)
            self._stream = bindings.crypto_secretstream_xchacha20poly1305_state()
            key = _key(passphrase, salt, _OPS, _MEMORY)
            start = bindings.crypto_secretstream_xchacha20poly1305_init_push(self._stream, key)
            names = {"cipher": "secretstream-xchacha20poly1305", "kdf": "argon2id", "passes": _OPS, "memory": _MEMORY}
            encryption = {**names, "salt": _text(salt), "start": _text(start)}
        line = json.dumps({**header, "encryption": encryption}).encode() + b"\n"
        self._header = line
        self._put(_MAGIC + line)

    def line(self, document: Any) -> None:
        """One JSON value more."""
        self._pending += self._zip.compress(json.dumps(document, ensure_ascii=False).encode() + b"\n")
        while len(self._pending) > _FRAME:
            self._frame(bytes(self._pending[:_FRAME]))
            del self._pending[:_FRAME]

    def close(self) -> None:
        """Ends the file. Without it, it is none."""
        self._pending += self._zip.flush()
        while len(self._pending) > _FRAME:
            self._frame(bytes(self._pending[:_FRAME]))
            del self._pending[:_FRAME]
        self._frame(bytes(self._pending), last=True)
        self._put(bytes(4))
        self._file.write(self._hash.digest())

    def _frame(self, data: bytes, *, last: bool = False) -> None:
        if self._stream is not None:
            tag = bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL if last else 0
            data = bindings.crypto_secretstream_xchacha20poly1305_push(self._stream, data, self._header, tag)
        self._put(len(data).to_bytes(4, "big") + data)

    def _put(self, data: bytes) -> None:
        self._hash.update(data)
        self._file.write(data)


class Reader:
    """A backup that is whole: the checksum is looked at before anything else is.

    Args:
        path: The file.
        passphrase: For one that is encrypted.

    Attributes:
        header: What everybody may know of it.

    Raises:
        InvalidError: it is none, cut short, or damaged.
        NotFoundError: there is no such file.
        UsageError: it is encrypted, and there is no passphrase.
    """

    def __init__(self, path: Path, passphrase: str | None) -> None:
        self._path = path
        self._passphrase = passphrase
        with self._opened() as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise self._wrong("this is no backup of a gateway, or of a newer kind")
            self._header = file.readline(_HEADER)
            self._check(file)
        self.header: dict[str, Any] = json.loads(self._header)
        if self.header["encryption"] is not None and passphrase is None:
            raise UsageError(f"{path} is encrypted: give its passphrase by --passphrase-file FILE")

    def _opened(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except FileNotFoundError:
            raise NotFoundError(f"there is no backup {self._path}") from None
        except OSError as error:
            raise self._wrong(unread(error)) from None

    def _wrong(self, why: str) -> InvalidError:
        return InvalidError(why, where=str(self._path))

    def _check(self, file: BinaryIO) -> None:
        size = os.fstat(file.fileno()).st_size - _DIGEST
        file.seek(0)
        digest = hashlib.sha256()
        while (left := size - file.tell()) > 0:
            digest.update(file.read(min(left, 1 << 20)))
        if digest.digest() != file.read():
            raise self._wrong("this backup is damaged or cut short: its checksum is another")

    def lines(self) -> Iterator[Any]:
        """The JSON values.

        Raises:
            RefusedError: the passphrase is another.
            InvalidError: it ends too early.
        """
        unzip, rest = zlib.decompressobj(), b""
        for frame in self._frames():
            *whole, rest = (rest + unzip.decompress(frame)).split(b"\n")
            yield from map(json.loads, whole)
        if not unzip.eof or rest:
            raise self._wrong("this backup ends too early")

    def _frames(self) -> Iterator[bytes]:
        stream, last = None, False
        if (encryption := self.header["encryption"]) is not None:
            stream = bindings.crypto_secretstream_xchacha20poly1305_state()
            passes, memory = min(encryption["passes"], _MOST_OPS), min(encryption["memory"], _MOST_MEMORY)
            key = _key(self._passphrase or "", _bytes(encryption["salt"]), passes, memory)
            bindings.crypto_secretstream_xchacha20poly1305_init_pull(stream, _bytes(encryption["start"]), key)
        with self._path.open("rb") as file:
            file.seek(len(_MAGIC) + len(self._header))
            while size := int.from_bytes(file.read(4), "big"):
                data = file.read(size)
                if stream is not None:
                    try:
                        data, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(stream, data, self._header)
                    except exceptions.CryptoError:
                        raise RefusedError(f"the passphrase is not that of {self._path}") from None
                    last = tag == bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL
                yield data
        if stream is not None and not last:
            raise self._wrong("this backup ends too early")


def _key(passphrase: str, salt: bytes, passes: int, memory: int) -> bytes:
    size = bindings.crypto_secretstream_xchacha20poly1305_KEYBYTES
    return pwhash.argon2id.kdf(size, passphrase.encode(), salt, opslimit=passes, memlimit=memory)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
