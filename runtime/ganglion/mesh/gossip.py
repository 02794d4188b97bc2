# SPDX-License-Identifier: GPL-3.0-or-later
"""How bodies of replicated state leave: sealed, with this member's credential, and after those of their authors."""

from collections.abc import Callable

from ganglion.mesh.credential import Credential
from ganglion.mesh.member import Member
from ganglion.mesh.state import message
from ganglion.mesh.state.directory import Directory
from ganglion.mesh.state.wire import Body
from ganglion.mesh.ways import Ways
from ganglion_micro import gl1


class Gossip:
    """That of one member.

    Args:
        member: Seals.
        directory: Whose credentials are known.
        ways: Take what is sealed.
        credential: This member's; None while it has none.
        ready: Whether others hear and believe it now; else nothing is said.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(
        self,
        member: Member,
        directory: Directory,
        *,
        ways: Ways,
        credential: Callable[[], Credential | None],
        ready: Callable[[], bool],
        clock: Callable[[], int],
    ) -> None:
        self._member = member
        self._directory = directory
        self._ways = ways
        self._credential = credential
        self._ready = ready
        self._clock = clock

    def answer(self, kid: bytes, bodies: list[Body]) -> None:
        """To one member, where it is known who that is."""
        receiver = self._member.peers.get(kid) or self._directory.find(kid)
        if receiver is not None:
            self._say(bodies, receiver.node_id)

    def tell(self, bodies: list[Body]) -> None:
        """To everyone."""
        self._say(bodies, "")

    def _say(self, bodies: list[Body], receiver: str) -> None:
        credential = self._credential()
        if credential is None or not bodies or not self._ready():
            return
        own = self._member.identity.kid
        vouchers = self._directory.vouchers([kid for kid in message.authors(bodies) if kid != own])
        for body in [*message.vouch(vouchers), *bodies]:
            sealed = self._member.seal(gl1.CRDT, [credential.data, body], now=self._clock(), to=receiver)
            if receiver:
                self._ways.send_now(sealed)
            else:
                self._ways.everyone(sealed)
