# SPDX-License-Identifier: GPL-3.0-or-later
"""The authority's seal of an update: a COSE_Sign1 over the SHA-256 of its manifest. For boards that have Ed25519."""

from ganglion_micro import cose

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable


def sealed_by(
    public: bytes, aad: bytes, verify: "Callable[[bytes, bytes, bytes], bool]"
) -> "Callable[[bytes | None, bytes], None]":
    """The check for `Update`: a COSE_Sign1 of one key over the manifest's SHA-256, 32 bytes.

    Args:
        public: Ed25519, of the fleet's authority.
        aad: What both sides know: the CBOR of ["gl1", mesh, "update"].
        verify: Whether a signature (64 bytes) by a public key (32) is over a message: (public, signature, message).
    """

    def check(seal: "bytes | None", digest: bytes) -> None:
        if not seal:
            raise ValueError("this board takes an update only with the authority's seal")
        message = cose.parse(seal)
        if message.payload != digest or message.kid != cose.kid(public):
            raise ValueError("the seal is of another update or of another key")
        if not verify(public, message.signature, message.signed(aad)):
            raise ValueError("the seal is not the authority's")

    return check
