# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators set for a whole mesh, as the authority states it: GL1 messages of kind 9, kept by every member.

The policy is one such document and the limits of the fleet another. The key of a message's body says which, so neither
stands for the other; each has versions of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from ganglion import sentences
from ganglion.errors import InvalidError
from ganglion.mesh import fleet_limits, policy, statement
from ganglion.mesh.credential import CredentialError, Trust
from ganglion.mesh.fleet_limits import FleetLimits
from ganglion.mesh.identity import Identity
from ganglion.mesh.policy import Policy
from ganglion.mesh.statement import Kept, MisplacedError, Register
from ganglion.sentences import say
from ganglion_micro import cbor, gl1

#: Bytes of the document: with the envelope around it, it stays below the 64 KiB of a message.
MAX_BYTES = 60_000


class Config(Protocol):
    """A document."""

    @property
    def version(self) -> int:
        """Only rises; 0 is what holds before anybody has said anything."""
        ...

    @property
    def document(self) -> dict[str, Any]:
        """The version and, under one more key, all that it says, as plain values."""
        ...


D = TypeVar("D", bound=Config)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedConfig(Generic[D]):
    """A verified document.

    Attributes:
        config: What it says, with the version, which only rises.
        issued: When it was signed, in nanoseconds since the Unix epoch.
        data: The message it was read from.
    """

    config: D
    issued: int
    data: bytes

    @property
    def version(self) -> int:
        """Only rises."""
        return self.config.version

    @property
    def order(self) -> tuple[int, bytes]:
        """Two of the same second, of two gateways, are told apart by their bytes: everybody ends with the same one."""
        return self.version, self.data


@dataclass(frozen=True, slots=True, kw_only=True)
class Form(Generic[D]):
    """One sort of document.

    Attributes:
        what: The key of the message's body; the name of its file, and of its topic.
        title: What errors call it.
        key: The document's one key beside its version.
        parse: Makes it from plain values. Raises InvalidError.
        default: What holds before any was stated.
    """

    what: str
    title: str
    key: str
    parse: Callable[[Any], D]
    default: D

    def read(self, data: bytes, trust: Trust) -> SignedConfig[D]:
        """The document in a message.

        Raises:
            MisplacedError: it does not even claim to be the issuer's, or states something else.
            CredentialError: it is none that this mesh's issuer has signed.
        """
        msg = statement.verified(data, trust, kind=gl1.CONFIG, what=self.title)
        if type(msg.body) is dict and self.what not in msg.body and len(msg.body) == 1:
            raise MisplacedError(f"another message of the authority in the place of the {self.title}")
        if type(msg.body) is not dict or msg.body.keys() != {self.what} or msg.seq == 0:
            raise CredentialError(f"not a {self.title}")
        try:
            made = self.parse({"version": msg.seq, self.key: msg.body[self.what]})
        except InvalidError as error:
            raise CredentialError(f"not a {self.title}: {error}") from None
        return SignedConfig(config=made, issued=msg.ts, data=data)

    def sign(self, issuer: Identity, mesh: bytes, config: D, *, version: int, now: int) -> bytes:
        """The message of a document.

        Args:
            mesh: The mesh's id, 8 bytes.
            config: What it says; not its version.

        Raises:
            InvalidError: it does not fit into a message.
        """
        self.fits(config)
        body = {self.what: config.document[self.key]}
        return statement.sign(issuer, mesh, kind=gl1.CONFIG, version=version, now=now, body=body)

    def fits(self, config: D) -> None:
        """Returns where a document can be signed.

        Raises:
            InvalidError: it is too large, or says what a message cannot.
        """
        where = f"{self.what}.{self.key}"
        try:
            size = len(cbor.encode(config.document[self.key]))
        except ValueError as error:
            raise InvalidError(say("it cannot be signed: {why}", why=sentences.of(error)), where=where) from None
        if size > MAX_BYTES:
            raise InvalidError(
                say("{size} bytes, and {most} fit into a message: say it shorter", size=size, most=MAX_BYTES),
                where=where,
            )


POLICIES: Form[Policy] = Form(what="policy", title="policy", key="rules", parse=policy.read, default=policy.DEFAULT)
LIMITS: Form[FleetLimits] = Form(
    what="limits", title="list of limits", key="limit", parse=fleet_limits.read, default=fleet_limits.NONE
)
#: All of them, the most urgent first: what a newcomer is given with its credential has an end.
FORMS: tuple[Form[Any], ...] = (POLICIES, LIMITS)


class Configs(Register[SignedConfig[D]]):
    """What the operators of a mesh have said in documents of one form.

    Args:
        path: The file.
        form: Theirs.
        issuer: Signs.
        mesh: The mesh's id, 8 bytes.
    """

    def __init__(self, path: Path, form: Form[D], issuer: Identity, mesh: bytes) -> None:
        super().__init__(path, form.read)
        self._form = form
        self._issuer = issuer
        self._mesh = mesh

    def set(self, config: D, trust: Trust, *, now: int) -> SignedConfig[D]:
        """Signs a document under the next version; one that says nothing is the deletion of what was said.

        Raises:
            InvalidError: it does not fit into a message.
        """
        return self.put(
            lambda version: self._form.sign(self._issuer, self._mesh, config, version=version, now=now), trust, now=now
        )

    def take(self, data: bytes, trust: Trust) -> bool:
        """One that was heard: another gateway's, or one from before a backup. Whether it is newer and sound."""
        known = self.newest(trust)
        try:
            heard = self._form.read(data, trust)
        except CredentialError:
            return False
        if known is not None and heard.order <= known.order:
            return False
        self._keep(heard)
        return True


class KeptConfig(Kept[SignedConfig[D]]):
    """The newest document of one form that a member has heard, on its disk."""

    def __init__(self, path: Path, form: Form[D]) -> None:
        super().__init__(path, form.read, form.title)
        self._default = form.default

    @property
    def config(self) -> D:
        """What holds: the default before any was heard."""
        return self._default if self.newest is None else self.newest.config
