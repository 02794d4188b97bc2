# SPDX-License-Identifier: GPL-3.0-or-later
"""What the authority states to everybody: a GL1 message under the issuer's key, retained, whose version only rises.

The revocation list is one and the policy another. The version is the message's sequence. Whoever hears one verifies it
whatever way it came, and never goes back to an older one; that none is there says nothing.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from ganglion.errors import RefusedError
from ganglion.mesh import crypto, files
from ganglion.mesh.credential import CredentialError, Trust
from ganglion.mesh.identity import Identity
from ganglion.units import SECOND
from ganglion_micro import cbor, cose, gl1

_log = logging.getLogger(__name__)


class Statement(Protocol):
    """A verified one."""

    @property
    def version(self) -> int:
        """Only rises."""
        ...

    @property
    def data(self) -> bytes:
        """The message it was read from."""
        ...

    @property
    def order(self) -> tuple[int, bytes]:
        """What says which of two is the newer one: the version, and what else there is to tell by."""
        ...


S = TypeVar("S", bound=Statement)
#: Reads one kind of statement. Raises CredentialError.
Reader = Callable[[bytes, Trust], S]


class MisplacedError(CredentialError):
    """Another message stands in the place of the statement."""


def verified(data: bytes, trust: Trust, *, kind: int, what: str) -> gl1.MSG:
    """The message of a statement, whose body is still to be looked at.

    Args:
        what: What errors call it.

    Raises:
        MisplacedError: it does not even claim to be the issuer's, or states something else.
        CredentialError: this mesh's issuer has not signed it.
    """
    try:
        message = cose.parse(data)
        msg = gl1.unpack(message.payload)
    except cbor.CBORError as error:
        raise CredentialError(f"not a {what}: {error}") from None
    public = trust.issuer.public
    if message.kid != cose.kid(public):
        raise MisplacedError(f"another's message in the place of the {what}")
    if not crypto.verify(message.signed(gl1.aad(gl1.from_base32(trust.mesh))), message.signature, public):
        raise CredentialError(f"a {what} that this mesh's authority has not signed")
    if msg.kind != kind or msg.dst is not None:
        raise MisplacedError(f"another message of the authority in the place of the {what}")
    return msg


def sign(issuer: Identity, mesh: bytes, *, kind: int, version: int, now: int, body: Any) -> bytes:
    """The message of a statement.

    Args:
        mesh: The mesh's id, 8 bytes.

    Raises:
        CBORError: the body is too large or too deep for a message, or no CBOR.
    """
    message = gl1.MSG(kind, None, 0, version, now, body)
    return cose.sign1(message.pack(), issuer.kid, gl1.aad(mesh), issuer.sign)


class Register(Generic[S]):
    """The newest statement that the authority has made of one kind, in a file beside its keys.

    A version is the count of seconds since 1970, or one more than the last: an authority that comes back from a backup
    goes on above what it had signed before.

    Args:
        path: The file.
        read: Reads what is in it.
    """

    def __init__(self, path: Path, read: Reader[S]) -> None:
        self._path = path
        self._read = read
        self._newest: S | None = None

    def newest(self, trust: Trust) -> S | None:
        """None before the first.

        Raises:
            RefusedError: the file is damaged.
        """
        if self._newest is None and (data := files.read(self._path)) is not None:
            try:
                self._newest = self._read(data, trust)
            except CredentialError as error:
                # To begin anew in silence would be to believe again who was revoked, and to allow what was refused.
                raise RefusedError(f"{self._path} is damaged ({error}): restore it from a backup") from None
        return self._newest

    def put(self, signed: Callable[[int], bytes], trust: Trust, *, now: int) -> S:
        """States something new; safe on the disk when it returns.

        Args:
            signed: Gets the version and makes the message.
        """
        known = self.newest(trust)
        data = signed(max(0 if known is None else known.version + 1, now // SECOND, 1))
        return self._keep(self._read(data, trust))

    def _keep(self, statement: S) -> S:
        files.write(self._path, statement.data)
        self._newest = statement
        return statement


class Kept(Generic[S]):
    """The newest statement of one kind that a member has heard, on its disk, twice.

    One copy is written after the other, so that whatever interrupts a write, and whatever single copy the disk damages,
    the other one says what holds. `newest` is the newer of those that are believed.

    Args:
        path: The file; the copy is beside it.
        read: Reads what is in it.
        what: What the log calls it.

    Attributes:
        newest: None before any was heard.
        lost: Why it is not known what was kept, where something was; "" where it is.
        saved: Whether both copies are on the disk.
    """

    def __init__(self, path: Path, read: Reader[S], what: str) -> None:
        self._paths = (path, path.with_name(f"{path.name}.copy"))
        self._read = read
        self._what = what
        self.newest: S | None = None
        self.lost = ""
        self.saved = True

    def look(self, trust: Trust) -> list[str]:
        """Finds the newest that is believed, and touches no file: what is wrong, a sentence for each copy."""
        found, wrong = [], []
        for path in self._paths:
            try:
                if (data := files.read(path)) is not None:
                    found.append(self._read(data, trust))
            except (CredentialError, OSError) as error:
                wrong.append(f"{path} is not believed ({error})")
        self.newest = max(found, key=lambda each: each.order, default=None)
        self.saved = len(found) == 2 and found[0].order == found[1].order
        self.lost = "; ".join(wrong) if self.newest is None else ""
        return wrong

    def load(self, trust: Trust) -> None:
        """What an earlier run kept. A copy that is damaged, missing or older is written anew from the other one."""
        for wrong in self.look(trust):
            _log.error("%s; %s.", wrong, "the gateway has a new one" if self.lost else "its copy is")
        self.save()

    def take(self, data: bytes, trust: Trust) -> bool:
        """One from an untrusted place; whether it is newer than what is known, and kept now.

        Raises:
            CredentialError: the authority has not signed it.
        """
        heard = self._read(data, trust)
        if self.newest is not None and heard.order <= self.newest.order:
            return False
        self.newest, self.lost, self.saved = heard, "", False  # it holds from now on, whether the disk takes it or not
        self.save()
        return True

    def save(self) -> None:
        """Writes both copies, where the disk does not have them yet; call it again where it does not take them."""
        if self.saved or self.newest is None:
            return
        for path in self._paths:
            try:
                files.write(path, self.newest.data)
            except OSError as error:
                _log.error("The %s cannot be kept in %s: %s; it is tried again.", self._what, path, error.strerror)
                return
        self.saved = True
