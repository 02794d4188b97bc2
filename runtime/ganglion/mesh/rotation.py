# SPDX-License-Identifier: GPL-3.0-or-later
"""Another key for the same node: asked for under the old one, taken up on the disk by renaming, never half.

In the state folder: `identity.next` (made by whoever wants the rotation), `credential.next` (what the gateway gave for
it) and `former.cbor` (what is still needed of the key before). A node that is stopped anywhere in between is, at its
next start, the one or the other: with a key and the credential that is for it. Until the gateway has heard the new
key's birth, the old one holds without an end.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.mesh import credential, crypto, files
from ganglion.mesh.authority import Authority
from ganglion.mesh.credential import NODE, Credential, CredentialError, Trust
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Peer
from ganglion.mesh.parameters import takes
from ganglion.mesh.spool import Key
from ganglion_micro import cbor, cose, gl1

_log = logging.getLogger(__name__)

#: Seconds between looks for `identity.next`, and until a gateway is asked again.
_LOOK = 2.0
_AGAIN = 5.0


def _transcript(mesh: str, node: str, public: bytes, x25519: bytes) -> bytes:
    fields = ["gl1-rotate", mesh, node, cose.key(public)]
    return cbor.encode([*fields, x25519] if x25519 else fields)


def question(mesh: str, node: str, new: Identity) -> dict[str, Any]:
    """Parameters of `credential.rotate`: the new keys, and the first one's word that it is held.

    Args:
        node: Id of the node under its old key, which signs the request around this.
    """
    return {
        "key": cose.key(new.public),
        "x25519": new.x25519,
        "proof": new.sign(_transcript(mesh, node, new.public, new.x25519)),
    }


def reissue(authority: Authority, params: dict[str, Any], peer: Peer, *, now: int, lifetime: int) -> bytes:
    """The credential for the new key of a node, with the name and tags of the old. Asking again gives another one.

    Raises:
        InvalidError: no key, or nobody who holds it.
        RefusedError: the old key, or the new one, was revoked or replaced.
    """
    held = peer.credential
    try:
        public = cose.public(params.get("key"))
    except cbor.CBORError as error:
        raise InvalidError(str(error), where="params.key") from None
    proof, x25519 = params.get("proof"), params.get("x25519", b"")
    if type(x25519) is not bytes:
        raise InvalidError("a key of X25519 has 32 bytes", where="params.x25519")
    signed = _transcript(authority.mesh_id, held.node_id, public, x25519)
    if not crypto.acceptable(public) or type(proof) is not bytes or not crypto.verify(signed, proof, public):
        raise InvalidError("the new key has not signed for itself", where="params.proof")
    if public == held.public or not authority.holds(held.node_id, now=now):
        raise RefusedError(f"the key of {held.name} has been replaced already, or by itself: rotate to a new one")
    return authority.issue(
        public,
        name=held.name,
        roles=[NODE],
        tags=held.tags,
        now=now,
        lifetime=lifetime,
        former=held.node_id,
        x25519=x25519,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """What is kept of the key before: not the key.

    Attributes:
        node_id: Its node id.
        epoch: The last under it; what was sealed in a later one is under the new key.
        topic: Where its birth is retained.
        birth: The birth, sealed: whoever has lost it cannot verify what still waits in the spool.
    """

    node_id: str
    epoch: int
    topic: str
    birth: bytes

    def save(self, path: Path) -> None:
        """Writes the file."""
        files.write(path, cbor.encode([self.node_id, self.epoch, self.topic, self.birth]))

    @classmethod
    def load(cls, path: Path) -> "Former | None":
        """The one in a file; None where there is none, or a damaged one."""
        data = files.read(path)
        if data is None:
            return None
        try:
            node_id, epoch, topic, birth = cbor.decode(data)
            gl1.kid_of(node_id)
        except (ValueError, TypeError):
            _log.error("%s is damaged: what waits under the key before may not be acknowledged any more.", path)
            return None
        return cls(node_id=node_id, epoch=epoch, topic=topic, birth=birth)


def prepare(state: Path) -> Identity:
    """Makes the new key of a node, for the node to take up. One that is made already is given again.

    Raises:
        NotFoundError: the folder is no enrolled node's.
        RefusedError: the rotation before is not over.
    """
    if not (state / "identity").exists() or not (state / "credential.cwt").exists():
        raise NotFoundError(f"no node is enrolled in {state}: a key that nobody knows needs no rotation")
    former = Former.load(state / "former.cbor")
    if former is not None and former.node_id != Identity.load(state / "identity").node_id:
        raise RefusedError(
            f"events that were signed under the key of {former.node_id} are still on their way: rotate after them"
        )
    return Identity.load_or_create(state / "identity.next")


def settle(state: Path) -> None:
    """Takes up a key whose credential is on the disk, however far that had come. Called before the key is read.

    The renaming of the key is the moment: before it the node is the old one, after it the new one.
    """
    path = state / "credential.next"
    if (data := files.read(path)) is None:
        return
    try:
        public = credential.subject(data)
    except CredentialError as error:
        _log.error("%s is damaged (%s); it is asked for anew.", path, error)
        files.remove(path)
        return
    if _is_of(state / "identity.next", public):
        files.rename(state / "identity.next", state / "identity")
    if _is_of(state / "identity", public):
        files.rename(path, state / "credential.cwt")
    else:
        files.remove(path)


def _is_of(path: Path, public: bytes) -> bool:
    try:
        return Identity.load(path).public == public
    except (NotFoundError, InvalidError):
        return False


class Rotation:
    """The rotations of one node. Runs on one event loop.

    Args:
        state: Its folder.
        node_id: Its id now.
        request: Asks the gateway for a method.
        ready: Whether there is somebody to ask, who believes this node.
        leaving: What will be needed of the key that goes.
        trust: The start of all chains.
        become: Takes up a key and its credential, which are on the disk.
        waits: The events up to an epoch that still wait in the spool.
        publish: Retains a payload at a topic.

    Attributes:
        former: What is kept of the key before; None where nothing waits for it.
    """

    def __init__(
        self,
        state: Path,
        *,
        node_id: str,
        request: Callable[[str, dict[str, Any]], Awaitable[Any]],
        ready: Callable[[], bool],
        leaving: Callable[[], Former],
        trust: Callable[[], Trust | None],
        become: Callable[[Identity, Credential], None],
        waits: Callable[[int], Awaitable[list[Key]]],
        publish: Callable[[str, bytes], None],
    ) -> None:
        self._state = state
        self._request = request
        self._ready = ready
        self._leaving = leaving
        self._trust = trust
        self._become = become
        self._waits = waits
        self._publish = publish
        self._wake = asyncio.Event()
        former = Former.load(state / "former.cbor")
        self.former = None if former is None or former.node_id == node_id else former

    @takes()
    async def asked(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """The method `identity.rotate`, for gateways: the node has a new key made, and takes it up after this."""
        new = prepare(self._state)
        self._wake.set()
        return {"node": new.node_id}

    def repeat(self) -> None:
        """Says the birth under the key before again: perhaps the gateway has forgotten it."""
        if self.former is not None and self.former.birth:
            self._publish(self.former.topic, self.former.birth)

    async def run(self) -> None:
        """Rotates when there is a new key, and forgets the old one when nothing of it waits, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._wake.wait()
            self._wake.clear()
            if not self._ready():
                continue
            if self.former is not None:
                await self._retire(self.former)
            elif (self._state / "identity.next").exists():
                await self._rotate()

    async def _rotate(self) -> None:
        path = self._state / "identity.next"
        trust = self._trust()
        assert trust is not None  # `ready` says that there is a credential, which it has verified
        try:
            new = Identity.load(path)
            former = self._leaving()
            data = await self._request("credential.rotate", question(trust.mesh, former.node_id, new))
            given = trust.verify(data if type(data) is bytes else b"")
            if given.public != new.public or given.former != former.node_id:
                raise CredentialError("the gateway has sent the credential of another key")
        except UnreachableError as error:
            _log.warning("The key is not rotated yet: %s.", error)
            await asyncio.sleep(_AGAIN)
            return
        except GanglionError as error:
            _log.error("The key is not rotated, and the node goes on under the old one: %s.", error)
            files.remove(path)
            return
        try:
            former.save(self._state / "former.cbor")
            files.write(self._state / "credential.next", data)
            settle(self._state)
        except OSError as error:
            _log.error("The key is not rotated yet: %s cannot be written (%s).", self._state, error.strerror)
            await asyncio.sleep(_AGAIN)
            return
        self.former = former
        self._become(new, given)
        _log.info("This node has a new key: %s before, %s now.", former.node_id, new.node_id)

    async def _retire(self, former: Former) -> None:
        """Forgets the key before, when what it has signed has arrived, or the spool has given it up."""
        if await self._waits(former.epoch):
            return
        self._publish(former.topic, b"")
        files.remove(self._state / "former.cbor")
        self.former = None
