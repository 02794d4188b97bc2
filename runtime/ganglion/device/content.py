# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of a device's files on their way, in pieces that its memory bears, and what its programs answer."""

import binascii
import hashlib
from collections.abc import Callable
from functools import cached_property

from ganglion.device import programs
from ganglion.device.programs import Abilities
from ganglion.device.refusals import explained
from ganglion.device.session import QUIET, DeviceError, Session
from ganglion.errors import GanglionError, RemoteProtocolError

#: Bytes a program: on a device with flow control and so much free heap, which has to hold a piece and its text in one;
#: on one with less; and without flow control.
_LARGE, _HEAP = 4096, 64 * 1024
_PIECE, _SMALL_PIECE = 1024, 128
#: Bytes between two moments at which all is surely on the flash.
_FLUSH = 16 * 1024
#: Seconds that a device may take for the checksum of a file.
_CHECK = 60.0

#: Is told how many bytes are there, of how many.
Progress = Callable[[int, int], None]


class DamagedError(GanglionError):
    """A file did not arrive as it is where it comes from; what has come of it is of no use."""


class Content:
    """That of the device of a session that has been entered."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @cached_property
    def can(self) -> Abilities:
        """What the device's modules have."""
        said = self._session.execute(programs.PROBE).split()
        if len(said) != len(Abilities.__slots__) or not {b"0", b"1"}.issuperset(said):
            raise self.nonsense(b" ".join(said))
        return Abilities(*(word == b"1" for word in said))

    def begins(self, path: str, data: bytes) -> bool:
        """Whether a file begins with this."""
        if not data:
            return True
        if self.can.checksum == "content":
            return self.read(path, len(data)) == data
        said = self.run(programs.checksum(path, len(data), self.can), path, quiet=_CHECK).strip()
        ours = hashlib.sha256(data).hexdigest() if self.can.sha256 else f"{binascii.crc32(data):08x}"
        return said == ours.encode()

    def append(self, path: str, data: bytes, begun: int, progress: Progress | None) -> None:
        """Writes a file on from where it is.

        Args:
            begun: How many bytes of it are there.

        Raises:
            DeviceError: the device does not take it; the file is open then.
        """
        self._session.execute(programs.open_to_write(path, append=begun > 0))
        piece, at, flushed = self._piece, begun, begun
        while at < len(data):
            flush = self.can.rename and at + piece - flushed >= _FLUSH
            try:
                self._session.execute(programs.write(data[at : at + piece], self.can, flush=flush))
            except DeviceError as error:
                if error.kind != "MemoryError" or piece <= _PIECE:
                    raise
                piece = self._piece = _PIECE  # its heap is in pieces itself: nothing of this one is written
                continue
            at = min(at + piece, len(data))
            flushed = at if flush else flushed
            if progress is not None:
                progress(at, len(data))
        self._session.execute(programs.CLOSE)

    def read(
        self,
        path: str,
        size: int,
        progress: Progress | None = None,
        known: bytes = b"",
        each: Callable[[bytes], object] | None = None,
    ) -> bytes:
        """The first bytes of a file, as many as it says that it has.

        Args:
            known: What of its beginning is known; it is not asked for.
            each: Is given the rest as it comes.

        Raises:
            GanglionError: the device does not give them.
        """
        data = bytearray(known)
        begun = bytearray()  # of a line

        def take(said: bytes) -> None:
            *lines, rest = (bytes(begun) + said).split(b"\n")
            begun[:] = rest
            before = len(data)
            for line in lines:
                try:
                    data.extend(programs.read_line(line.strip(), self.can))
                except ValueError:
                    raise self.nonsense(line) from None
            if len(data) > size or len(begun) > 2 * _PIECE:
                raise self.nonsense(bytes(begun) or b"more than the file has")
            if each is not None and len(data) > before:
                each(bytes(data[before:]))
            if progress is not None:
                progress(len(data), size)

        self.run(programs.read(path, self.can, len(known)), path, each=take)
        return bytes(data)

    def run(
        self, program: str, path: str, *, quiet: float = QUIET, each: Callable[[bytes], None] | None = None
    ) -> bytes:
        """What a program prints that is about a path. Raises: GanglionError, in words of files."""
        try:
            return self._session.execute(program, quiet=quiet, each=each)
        except DeviceError as error:
            raise self.explained(error, path) from None

    def explained(self, error: DeviceError, path: str) -> GanglionError:
        """What an exception on the device means of a path."""
        return explained(error, path, self._session.port.name)

    def nonsense(self, said: bytes) -> RemoteProtocolError:
        """That the device gives no answer that makes sense."""
        return RemoteProtocolError(
            f"the device on {self._session.port.name} said {said[:80]!r}, which is no answer: press its reset button"
        )

    @cached_property
    def _piece(self) -> int:
        """Bytes of a piece: the fewer programs, the sooner it is there, as each is asked for and answered."""
        if not self._session.has_raw_paste:
            return _SMALL_PIECE
        try:
            return _LARGE if int(self._session.execute(programs.HEAP)) >= _HEAP else _PIECE
        except (DeviceError, ValueError):
            return _PIECE
