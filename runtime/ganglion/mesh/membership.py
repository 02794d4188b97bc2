# SPDX-License-Identifier: GPL-3.0-or-later
"""How a node gets into its mesh and stays there: enrolment by key or approval, the credential's renewal.

Whom it goes by is in its `TrustStore`. Without a gateway nothing is lost but time: it asks again, with backoff, for
ever.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ganglion.errors import GanglionError, InvalidError, RefusedError
from ganglion.mesh.backoff import Backoff
from ganglion.mesh.credential import Credential, CredentialError, Trust
from ganglion.mesh.enrol import Applicant, EnrolKey, PendingError
from ganglion.mesh.identity import Identity, fingerprint
from ganglion.mesh.member import Member, Received, Sealed, clock_valid
from ganglion.mesh.rights import Rights
from ganglion.mesh.signed_config import FORMS, D, Form, SignedConfig
from ganglion.mesh.standing import Standing
from ganglion.mesh.state_folder import CREDENTIAL, StateFolder
from ganglion.mesh.trust_store import TrustStore, mesh_pin
from ganglion.units import SECOND
from ganglion_micro import gl1

_log = logging.getLogger(__name__)

#: Seconds that an enrolment waits for its answer.
_ANSWER = 5.0
#: Seconds between two requests while an operator has not decided.
_AGAIN = 15.0
#: Seconds after which the clock and the credential are looked at again, whatever they said.
_LOOK = 3600.0


class Membership:
    """A node's membership. Runs on one event loop.

    Args:
        identity: Whose key is certified.
        state: Folder of what is kept.
        key: The enrol key; None where the node has a credential already, or is to wait for an approval.
        mesh: The mesh that the configuration names; "" leaves it to the key or the state.
        root: The root key's thumbprint or the first 16 bytes of it, to be surer than by the id; b"" for none.
        name: What the node wants to be called.
        standing: Gets what the state folder knows of who may be believed.
        rights: Get the policy.
        limited: Called when others of the fleet's limits may hold here: they are others, or the credential is.
        clock: Nanoseconds since the Unix epoch.

    Attributes:
        mesh: Id of the mesh, 13 letters.
        credential: This node's, once it is enrolled.
        refusal: What the gateway said, while it refuses the enrolment; or that this node was revoked.
        pending: Whether the gateway has the request and an operator has not decided.

    Raises:
        InvalidError: neither mesh nor key nor credential, or they are of different meshes.
    """

    def __init__(
        self,
        *,
        identity: Identity,
        state: Path,
        key: EnrolKey | None,
        mesh: str,
        root: bytes,
        name: str,
        standing: Standing,
        rights: Rights,
        limited: Callable[[], None],
        clock: Callable[[], int],
    ) -> None:
        self._identity = identity
        self._folder = StateFolder(state)
        self._clock = clock
        self._name = name
        self._standing = standing
        self._rights = rights
        self._limited = limited
        self._key = key
        self._applicant = Applicant(key, identity, name)
        self._wake = asyncio.Event()
        self._connected = False
        self.credential: Credential | None = None
        self.refusal = ""
        self.pending = False
        self._carried = False
        credential = self._folder.read(CREDENTIAL)
        try:
            self._store = TrustStore(
                self._folder,
                pin=key.pin if key else root or (mesh_pin(mesh) if mesh else b""),
                standing=standing,
                rights=rights,
                limited=limited,
                clock=clock,
            )
            if self.trust is not None and credential is not None:
                self.credential = self._own(credential)
        except CredentialError as error:
            raise InvalidError(
                f"what this folder keeps of its mesh does not fit: use another state folder, or empty it ({error})",
                where=str(state),
            ) from error
        known = self.trust.mesh if self.trust else mesh or (key.mesh_id if key else "")
        if (key is not None and key.mesh_id != known) or (mesh and mesh != known):
            raise InvalidError(f"the mesh is {mesh or known} and the enrol key is for another", where="mesh")
        if not known:
            raise InvalidError(
                "this node is in no mesh: make a key with `ganglion enrol-key create` and put it into [mesh] enrol_key,"
                " or name the mesh in [mesh] id and have the node approved",
                where="mesh.enrol_key",
            )
        self.mesh = known
        self._store.recall()
        if self.credential is not None:
            self._vouched(self.credential)
        self._look_for_us()

    @property
    def trust(self) -> Trust | None:
        """Root and issuer, once the bundle was read."""
        return self._store.trust

    def _vouched(self, credential: Credential) -> None:
        self._standing.floor.prove(credential.issued)
        self._standing.floor.end = credential.expires
        self._standing.vouched = max(self._standing.vouched, credential.issued)

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
        if self.credential is None or self._standing.revoked(self._identity.kid, now=now):
            return False
        return not clock_valid(now) or now < self.credential.expires

    def connected(self, connected: bool) -> None:
        """The connection came or went."""
        self._connected = connected
        self._wake.set()

    def changed(self) -> None:
        """A birth was heard: perhaps the gateway's."""
        self._wake.set()

    def config(self, form: Form[D]) -> SignedConfig[D] | None:
        """The newest that was heard; None before any."""
        return self._store.config(form)

    @property
    def limits(self) -> list[Mapping[str, Any]]:
        """What the fleet limits here; nothing before this node is a member."""
        return [] if self.credential is None else self._store.limits(self.credential)

    @property
    def lost(self) -> dict[str, str]:
        """See `TrustStore.lost`."""
        return self._store.lost

    def take_bundle(self, data: bytes, member: Member) -> bool:
        """See `TrustStore.take_bundle`."""
        if taken := self._store.take_bundle(data, member):
            self._wake.set()
        return taken

    def take_revocations(self, data: bytes, member: Member) -> None:
        """See `TrustStore.take_revocations`."""
        if self._store.take_revocations(data, member):
            self._look_for_us()

    def take_config(self, form: Form[Any], data: bytes) -> None:
        """See `TrustStore.take_config`."""
        self._store.take_config(form, data)

    def _look_for_us(self) -> None:
        revocations = self._store.revocations
        if revocations is None or not self._standing.revoked(self._identity.kid, now=self._clock()):
            return
        when = datetime.fromtimestamp(revocations.until[self._identity.kid][0] // SECOND, UTC)
        self.refusal = (
            f"this node's key was revoked in the mesh {self.mesh} on {when:%Y-%m-%d %H:%M} UTC and nobody believes it "
            f"any more: to join again under a new key, move {self._folder.path} away and enrol it anew"
        )
        self.pending = False
        _log.error("The mesh says no: %s.", self.refusal)
        self._wake.set()

    def take_answer(self, received: Received, member: Member) -> None:
        """A CREDENTIAL: the answer to our ENROL."""
        if self.trust is None or self._revoked:
            return
        try:
            credential = self._applicant.take(received, self.trust)
        except PendingError as error:
            if not self.pending:
                _log.warning(
                    "This node waits to be taken into the mesh %s: %s. Its fingerprint is %s.",
                    self.mesh,
                    error,
                    fingerprint(self._identity.node_id),
                )
            self.pending, self.refusal = True, ""
            self._wake.set()
            return
        except RefusedError as error:
            self.pending, self.refusal = False, str(error)
            _log.error("The mesh %s refuses this node: %s.", self.mesh, error)
            self._wake.set()
            return
        if credential is not None:
            with suppress(CredentialError):
                self.take_revocations(received.body.get("revoked", b""), member)
            for form in FORMS:
                with suppress(CredentialError):
                    self.take_config(form, received.body.get(form.what, b""))
            self._accept(credential)

    def become(self, identity: Identity, credential: Credential) -> None:
        """Goes on under another key, which is on the disk with its credential already."""
        self._identity = identity
        self._folder.forget(CREDENTIAL)  # it was for the key before
        self._applicant = Applicant(self._key, identity, self._name)
        self.credential = credential
        self._limited()
        self._vouched(credential)
        self._wake.set()

    def _accept(self, credential: Credential) -> None:
        self._folder.keep(CREDENTIAL, credential.data)
        self.credential = credential
        self._limited()
        self._vouched(credential)
        self.refusal = ""
        self.pending = False
        self._wake.set()

    @property
    def _revoked(self) -> bool:
        return self._standing.revoked(self._identity.kid, now=self._clock())

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
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._folder.run())
            await self._stay(member, publish, renew, joined)

    async def _stay(
        self,
        member: Member,
        publish: Callable[[Sealed], None],
        renew: Callable[[], Awaitable[Any]],
        joined: Callable[[], None],
    ) -> None:
        backoff = Backoff(base=1.0, cap=300.0)
        while True:
            if self._revoked:
                await self._wait(None)  # for good: a list only grows
                continue
            if not self.valid:
                if not await self._enrol(member, publish):
                    if self.pending:
                        await self._until_decided()
                    else:
                        await asyncio.sleep(backoff.delay())
                if self.valid:
                    _log.info("Enrolled in the mesh %s as %s.", self.mesh, self._identity.node_id)
                    backoff.reset()
                    joined()
                continue
            assert self.credential is not None
            now, identity = self._clock(), self._identity
            # One from before there was a key for secrets is renewed early; once, for a gateway may not know of any.
            lacks = self.credential.x25519 != identity.x25519 and not self._carried
            if not clock_valid(now) or (now < self.credential.renewal and not lacks):
                await self._wait(min(_LOOK, max(1.0, (self.credential.renewal - now) / SECOND)))
                continue
            try:
                renewed = await renew()
                self._carried = True
                if identity is self._identity:  # else it has another key meanwhile, and a new credential with it
                    self._accept(self._own(renewed))
            except (GanglionError, TypeError) as error:
                _log.warning("The credential is not renewed yet: %s.", error)
                await asyncio.sleep(1.0 + backoff.delay())
            else:
                backoff.reset()
                joined()

    async def _enrol(self, member: Member, publish: Callable[[Sealed], None]) -> bool:
        """Asks once, when there is somebody to ask; whether there is a credential now."""
        while not (self._connected and self.trust is not None and member.gateway is not None):
            await self._wait(None)
        if self._revoked:
            return False
        waiting, self.refusal, self.pending = self.pending, "", False
        publish(member.seal(gl1.ENROL, self._applicant.ask(self.trust), now=self._clock()))
        loop = asyncio.get_running_loop()
        until = loop.time() + _ANSWER
        while not (self.valid or self.refusal or self.pending) and loop.time() < until:
            await self._wait(until - loop.time())
        if not (self.valid or self.refusal):
            self.pending = self.pending or waiting  # a crowded gateway may give no answer
        return self.valid

    async def _until_decided(self) -> None:
        """A while, or until the operator has decided."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _AGAIN
        while self.pending and loop.time() < until:
            await self._wait(until - loop.time())

    async def _wait(self, seconds: float | None) -> None:
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
