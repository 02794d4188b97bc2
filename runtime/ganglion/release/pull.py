# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bytes of a release are still to be fetched, and whether those that came are as asked for. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from ganglion.errors import InvalidError
from ganglion.release.manifest import File

#: Bytes that are asked for at a time: with what is around them they fit into a message of the mesh.
CHUNK = 32 * 1024


class Want(NamedTuple):
    """A piece."""

    file: File
    offset: int
    length: int


class Pull:
    """The fetching of one release.

    Args:
        files: What there is to be: its files, and pieces of a wheel.
        has: Bytes of each file that are here, by SHA-256; of files that are missing here nothing is.
    """

    def __init__(self, files: Iterable[File], has: dict[bytes, int]) -> None:
        distinct = {each.sha256: each for each in files}
        self._files = list(distinct.values())
        self._has = {sha256: has.get(sha256, 0) for sha256 in distinct}

    @property
    def files(self) -> list[File]:
        """Each content once."""
        return self._files

    @property
    def done(self) -> int:
        """Bytes that are here."""
        return sum(self._has.values())

    @property
    def total(self) -> int:
        """Bytes that there are to be."""
        return sum(each.size for each in self._files)

    def wants(self, file: File) -> Want | None:
        """The next piece of a file; None when all of it is here."""
        offset = self._has[file.sha256]
        return None if offset == file.size else Want(file, offset, min(CHUNK, file.size - offset))

    def take(self, want: Want, data: object) -> bytes:
        """What came for it, to be written down.

        Raises:
            InvalidError: it is not as many bytes as were asked for.
        """
        if type(data) is not bytes or len(data) != want.length:
            raise InvalidError(f"{want.file.path}: other bytes came than those that were asked for")
        self._has[want.file.sha256] = want.offset + want.length
        return data

    def again(self, file: File) -> None:
        """This one was not right when it was whole."""
        self._has[file.sha256] = 0
