# SPDX-License-Identifier: GPL-3.0-or-later
"""How a node gets into its mesh and stays there: the bundle, the enrolment by key, the credential and its renewal.

In the state folder: `bundle.cbor` (root and issuer, public) and `credential.cwt` (this node's, public too). Without
a gateway nothing is lost but time: it asks again, with backoff, for ever.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganglion.errors import GanglionError, InvalidError, RefusedError
from ganglion.mesh import files
from ganglion.mesh.backoff import Backoff
from ganglion.mesh.credential import Credential, CredentialError, Trust
from ganglion.mesh.enrol import Applicant, EnrolKey
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Member, Received, Sealed, clock_valid
from ganglion.units import SECOND
from ganglion_micro import cbor, cose, gl1

_log = logging.getLogger(__name__)

#: Seconds that an enrolment waits for its answer.
_ANSWER = 5.0
#: Seconds after which the clock and the credential are looked at again, whatever they said.
_LOOK = 3600.0


class Membership:
    """A node's membership. Runs on one event loop.

    Args:
        identity: Whose key is certified.
        state: Folder of the two files.
        key: The enrol key; None where the node has a credential already.
        mesh: The mesh that the configuration names; "" leaves it to the key or the state.
        name: What the node wants to be called.
        clock: Nanoseconds since the Unix epoch.

    Attributes:
        mesh: Id of the mesh, 13 letters.
        trust: Root and issuer, once the bundle was read.
        credential: This node's, once it is enrolled.
        refusal: What the gateway said, while it refuses the enrolment.

    Raises:
        InvalidError: neither key nor credential, or they are of different meshes.
    """

    def __init__(
        self, *, identity: Identity, state: Path, key: EnrolKey | None, mesh: str, name: str, clock: Callable[[], int]
    ) -> None:
        self._identity = identity
        self._state = state
        self._clock = clock
        self._applicant = None if key is None else Applicant(key, identity, name)
        self._wake = asyncio.Event()
        self._connected = False
        self.trust: Trust | None = None
        self.credential: Credential | None = None
        self.refusal = ""
        bundle, credential = files.read(state / "bundle.cbor"), files.read(state / "credential.cwt")
        known = mesh or (key.mesh_id if key else "")
        if bundle is not None:
            try:
                self.trust = Trust.read(bundle, pin=key.pin if key else gl1.from_base32(mesh) if mesh else _pin(bundle))
                self.credential = self._own(credential) if credential is not None else None
            except (CredentialError, ValueError) as error:
                raise InvalidError(
                    f"what this folder keeps of its mesh does not fit: use another state folder, or empty it ({error})",
                    where=str(state),
                ) from error
            known = self.trust.mesh
        if (key is not None and key.mesh_id != known) or (mesh and mesh != known):
            raise InvalidError(f"the mesh is {mesh or known} and the enrol key is for another", where="mesh")
        if key is None and self.credential is None:
            raise InvalidError(
                "this node is in no mesh: make a key with `ganglion enrol-key create` and put it into [mesh] enrol_key",
                where="mesh.enrol_key",
            )
        self.mesh = known

    def _own(self, data: bytes) -> Credential:
        assert self.trust is not None
        credential = self.trust.verify(data)
        if credential.public != self._identity.public:
            raise CredentialError("the credential is another node's")
        return credential

    @property
    def valid(self) -> bool:
        """Whether others will believe this node now."""
        now = self._clock()
        return self.credential is not None and (not clock_valid(now) or now < self.credential.expires)

    def connected(self, connected: bool) -> None:
        """The connection came or went."""
        self._connected = connected
        self._wake.set()

    def changed(self) -> None:
        """A birth was heard: perhaps the gateway's."""
        self._wake.set()

    def take_bundle(self, data: bytes, member: Member) -> bool:
        """The retained bundle, from an untrusted broker; whether there is a new trust."""
        pin = self._applicant.key.pin if self._applicant else gl1.from_base32(self.mesh)
        try:
            trust = Trust.read(data, pin=pin)
            if clock_valid(now := self._clock()):
                trust.issuer.check(now)
        except CredentialError as error:
            _log.warning("A bundle on the broker is not believed: %s.", error)
            return False
        if self.trust is not None:
            # An older one, or the same again: the broker cannot take the mesh back in time.
            if trust.issuer.issued < self.trust.issuer.issued:
                return False
            if data == self.trust.data and member.trust is not None:
                return False
        files.write(self._state / "bundle.cbor", data)
        self.trust = trust
        member.adopt(trust)
        self._wake.set()
        return True

    def take_answer(self, received: Received) -> None:
        """A CREDENTIAL: the answer to our ENROL."""
        if self._applicant is None or self.trust is None:
            return
        try:
            credential = self._applicant.take(received, self.trust)
        except RefusedError as error:
            self.refusal = str(error)
            _log.error("The mesh %s refuses this node: %s.", self.mesh, error)
            self._wake.set()
            return
        if credential is not None:
            self._accept(credential)

    def _accept(self, credential: Credential) -> None:
        files.write(self._state / "credential.cwt", credential.data)
        self.credential = credential
        self.refusal = ""
        self._wake.set()

    async def run(
        self,
        member: Member,
        *,
        publish: Callable[[Sealed], None],
        renew: Callable[[], Awaitable[Any]],
        joined: Callable[[], None],
    ) -> None:
        """Enrols, then renews at two thirds of the credential's time, until cancelled.

        Args:
            publish: Sends a sealed message at QoS 1.
            renew: Asks the gateway for the next credential; its bytes.
            joined: Called after each new credential: others have to hear of it.
        """
        backoff = Backoff(base=1.0, cap=300.0)
        while True:
            if not self.valid:
                if await self._enrol(member, publish):
                    _log.info("Enrolled in the mesh %s as %s.", self.mesh, self._identity.node_id)
                    backoff.reset()
                    joined()
                else:
                    await asyncio.sleep(backoff.delay())
                continue
            assert self.credential is not None
            now = self._clock()
            if not clock_valid(now) or now < self.credential.renewal:
                await self._wait(min(_LOOK, max(1.0, (self.credential.renewal - now) / SECOND)))
                continue
            try:
                self._accept(self._own(await renew()))
            except (GanglionError, TypeError) as error:
                _log.warning("The credential is not renewed yet: %s.", error)
                await asyncio.sleep(1.0 + backoff.delay())
            else:
                backoff.reset()
                joined()

    async def _enrol(self, member: Member, publish: Callable[[Sealed], None]) -> bool:
        """Asks once, when there is somebody to ask; whether there is a credential now."""
        if self._applicant is None:
            _log.error("The credential has expired: put a new enrol key into [mesh] enrol_key and start again.")
            await asyncio.sleep(_LOOK)
            return self.valid
        while not (self._connected and self.trust is not None and member.gateway is not None):
            await self._wait(None)
        self.refusal = ""
        publish(member.seal(gl1.ENROL, self._applicant.ask(self.trust), now=self._clock()))
        loop = asyncio.get_running_loop()
        until = loop.time() + _ANSWER
        while not self.valid and not self.refusal and loop.time() < until:
            await self._wait(until - loop.time())
        return self.valid

    async def _wait(self, seconds: float | None) -> None:
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()


def _pin(bundle: bytes) -> bytes:
    """The pin of a bundle that this node has pinned before, and kept in its own state."""
    try:
        return cose.thumbprint(cose.public(cbor.decode(bundle)["root"]))
    except (cbor.CBORError, TypeError, LookupError):
        raise CredentialError("bundle.cbor is damaged") from None
