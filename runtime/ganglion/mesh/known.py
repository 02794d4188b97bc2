# SPDX-License-Identifier: GPL-3.0-or-later
"""The members that one member knows, from their births: found by name, and under the key of now. Pure."""

from typing import Any

from ganglion.mesh.credential import Credential
from ganglion.mesh.peer import Peer
from ganglion.mesh.standing import Cause, DropError, Standing
from ganglion_micro import gl1


class Known:
    """Those of one member.

    Args:
        standing: Who may be believed.

    Attributes:
        peers: By key id.
    """

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self.peers: dict[bytes, Peer] = {}
        self._successors: dict[str, str] = {}

    @property
    def gateway(self) -> Peer | None:
        """The gateway that was born last, of those that answer; None before any was heard of."""
        revoked = self._standing.revoked
        gateways = (peer for peer in self.peers.values() if peer.is_gateway and not revoked(peer.kid))
        return max(gateways, key=lambda peer: (not peer.silent, peer.born), default=None)

    def find(self, who: str) -> Peer | None:
        """A peer by node id or by the name in its credential (the one born last, where several share it)."""
        revoked = self._standing.revoked
        matching = (p for p in self.peers.values() if who in (p.node_id, p.name) and not revoked(p.kid))
        return max(matching, key=lambda peer: peer.born, default=None)

    def now_called(self, node: str) -> str:
        """The node id by which a node is reached: another where it was born under a new key since."""
        return self._successors.get(node, node)

    def born(self, credential: Credential, msg: gl1.MSG, nonce: bytes) -> tuple[Peer, bool]:
        """Takes a birth that may be believed: whose, and whether it was known.

        Raises:
            DropError: it is older than what is known, or another member has the key id.
        """
        peer, order = self.peers.get(credential.kid), (msg.epoch, msg.seq)
        repeated = peer is not None and order == (peer.epoch, peer._birth_seq)
        if peer is None:
            peer = Peer(
                credential=credential,
                epoch=msg.epoch,
                nonce=nonce,
                born=msg.ts,
                policy=_policy(msg.body),
                _birth_seq=msg.seq,
            )
            self.peers[credential.kid] = peer
        elif order < (peer.epoch, peer._birth_seq):
            raise DropError(Cause.STALE, f"a birth before epoch {peer.epoch}")
        elif peer.credential.public != credential.public:
            raise DropError(Cause.FORGED, "a key id that another member has")
        elif not repeated:
            peer.credential, peer.nonce, peer.policy = credential, nonce, _policy(msg.body)
            peer.epoch, peer._birth_seq, peer.born, peer.silent = msg.epoch, msg.seq, msg.ts, False
        if credential.former:
            self._successors[credential.former] = credential.node_id
        return peer, repeated


def _policy(birth: dict[str, Any]) -> int | None:
    version = birth.get("policy")
    return version if type(version) is int else None
