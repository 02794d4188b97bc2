# SPDX-License-Identifier: GPL-3.0-or-later
"""The issuer's seal of an update, a COSE_Sign1 over the SHA-256 of its manifest: for boards that take `signed` ones."""

from ganglion_agent.section import ConfigError
from ganglion_micro import cose, update_key

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable

    from ganglion_agent.config import Config


def of(found: "Config") -> "Callable[[bytes | None, bytes], None]":
    """The check for `Update` by the key that is with the leaf's.

    Raises:
        ConfigError: there is none.
    """
    try:
        public = update_key.parse(found.update_key)
    except ValueError as error:
        raise ConfigError(
            "agent.json.updates: signed needs the second line of `ganglion leaf add` beside the key: {}".format(error)
        ) from None
    return sealed_by(public, update_key.aad(found.key.mesh))


def sealed_by(public: bytes, aad: bytes) -> "Callable[[bytes | None, bytes], None]":
    """The check for a COSE_Sign1 of one key over the manifest's SHA-256, 32 bytes.

    Args:
        public: Ed25519, of the issuer.
        aad: As `update_key.aad` makes it.
    """

    def check(seal: "bytes | None", digest: bytes) -> None:
        if not seal:
            raise ValueError("this board takes an update only with the issuer's seal")
        from ganglion_micro.ed25519 import verify  # 5 KiB of heap, for those who are updated

        message = cose.parse(seal)
        if message.payload != digest or message.kid != cose.kid(public):
            raise ValueError("the seal is of another update or of another key")
        if not verify(public, message.signature, message.signed(aad)):
            raise ValueError("the seal is not the issuer's")

    return check
