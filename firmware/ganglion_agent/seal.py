# SPDX-License-Identifier: GPL-3.0-or-later
"""The issuer's seal of an update: a COSE_Sign1 over [SHA-256 of its manifest, seconds since 1970 when it was sealed].

A board keeps the time of the newest seal that it has taken, which only rises, so that nobody brings it back to an older
version by what the issuer has sealed before; whoever may have one sealed now can.
"""

from ganglion_agent import flash
from ganglion_agent.section import ConfigError
from ganglion_micro import cbor, cose, update_key

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable

    from ganglion_agent.config import Config

#: The file with the time of the newest.
FILE = "sealed"
#: Seconds that a seal may be ahead of the time: one from years ahead would keep all that come before then out.
AHEAD = 86400


def of(found: "Config", root: str) -> "Callable[[bytes | None, bytes], None]":
    """The check for `Update` by the issuer's key, as far as the board knows it.

    Args:
        root: The folder of the board's files.

    Raises:
        ConfigError: it does not know it, and never will.
    """
    link, path = found.link, root + "/" + FILE
    if link.updates == "gateway":  # a full member knows the issuer from the mesh
        return sealed_by(link.issuer, link.verify, path, link.time)
    try:
        public = update_key.parse(link.update_key)
    except ValueError as error:
        raise ConfigError(
            "agent.json.updates: signed needs the second line of `ganglion leaf add` beside the key: {}".format(error)
        ) from None

    def verify(public: bytes, signature: bytes, message: bytes) -> bool:
        from ganglion_micro.ed25519 import verify  # 5 KiB of heap, for those who are updated

        return verify(public, signature, message)

    return sealed_by(lambda: (public, link.key.mesh), verify, path)


def sealed_by(
    issuer: "Callable[[], tuple[bytes, bytes]]",
    verify: "Callable[[bytes, bytes, bytes], bool]",
    path: str,
    time: "Callable[[], int]" = int,
) -> "Callable[[bytes | None, bytes], None]":
    """The check for a seal over the manifest's SHA-256, 32 bytes.

    Args:
        issuer: Gets the public key, and the id of the mesh.
        verify: Ed25519's: by a key, whether a signature is over a message.
        path: Of the file with the time of the newest.
        time: Nanoseconds since the Unix epoch; 0 where nobody has said, and for a leaf, whose parent alone would.
    """

    def check(seal: "bytes | None", digest: bytes) -> None:
        if not seal:
            raise ValueError("this board takes an update only with the issuer's seal")
        public, mesh = issuer()
        message = cose.parse(seal)
        sealed = cbor.decode(message.payload)
        if type(sealed) is not list or len(sealed) != 2 or type(sealed[1]) is not int or sealed[1] < 0:
            raise ValueError("the seal does not say when it was made")
        if sealed[0] != digest or message.kid != cose.kid(public):
            raise ValueError("the seal is of another update or of another key")
        if not verify(public, message.signature, message.signed(update_key.aad(mesh))):
            raise ValueError("the seal is not the issuer's")
        now = time() // 1000000000
        if 0 < now < sealed[1] - AHEAD:
            raise ValueError("the seal is of another day: set the gateway's clock and have the update sealed again")
        newest = flash.number(path)
        if newest < 0:
            raise ValueError("{} is damaged: write the time of the last seal into it, or 0".format(path))
        if sealed[1] < newest:
            raise ValueError("the seal is older than one that this board has taken: have the update sealed again")
        if sealed[1] > newest:
            try:
                flash.replace(path, str(sealed[1]).encode())
            except OSError as error:
                raise ValueError("the flash could not be written: {}".format(error)) from error

    return check
