# SPDX-License-Identifier: GPL-3.0-or-later
"""What the mesh says of a key, as a board reads it: a CWT (RFC 8392) that binds the key to a mesh, roles and a time."""

from ganglion_micro import cbor, cose, gl1

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    #: Whether a signature (second) by a key (first) is over a message (third).
    Verify = Callable[[bytes, bytes, bytes], bool]

SECOND = 1000000000
_ISS, _SUB, _EXP, _NBF, _CNF = 1, 2, 4, 5, 8


class DropError(Exception):
    """Something is not believed; the argument is the cause, as `ganglion.mesh.standing.Cause` calls it."""


class Certificate:
    """The claims of a credential.

    Attributes:
        node: Whom it is about, 26 letters.
        kid: The id of the key, 8 bytes.
        former: The id of the key that was rotated into this one; empty where there was none.
        public: The key.
        name: What people call it.
        roles: `node`, `gateway`, `issuer`.
        starts, expires: Nanoseconds since the Unix epoch.
        data: The CWT itself.
    """

    def __init__(self, claims: "dict[Any, Any]", data: bytes, mesh: str) -> None:
        if claims[_ISS] != mesh:
            raise DropError("wrong_mesh")
        self.public = cose.public(claims[_CNF][1])
        thumbprint = cose.thumbprint(self.public)
        self.node = gl1.node_id(thumbprint)
        self.kid = thumbprint[:8]
        former = claims.get("former")
        self.former = gl1.kid_of(former) if former else b""
        self.name = claims["name"]
        self.roles = claims["roles"]
        self.starts, self.expires = claims[_NBF] * SECOND, claims[_EXP] * SECOND
        self.data = data
        right = type(self.name) is str and type(self.roles) is list and type(self.starts + self.expires) is int
        if not right or claims[_SUB] != "spiffe://{}/{}".format(mesh, self.node):
            raise DropError("forged")


def read(data: bytes, mesh: str, signer: bytes = b"", verify: "Verify | None" = None) -> Certificate:
    """The claims of a credential.

    Args:
        mesh: Id of the mesh, 13 letters.
        signer: The key that has to have signed it.
        verify: None for one that was verified before, and kept.

    Raises:
        DropError: it proves nothing here.
    """
    try:
        message = cose.parse(data)
        claims = cbor.decode(message.payload)
        if verify is not None and (
            message.kid != cose.kid(signer) or not verify(signer, message.signature, message.signed(b""))
        ):
            raise DropError("forged")
        return Certificate(claims, data, mesh)
    except (TypeError, LookupError, AttributeError, ValueError) as error:
        raise DropError("malformed") from error
