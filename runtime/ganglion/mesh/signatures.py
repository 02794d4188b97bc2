# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies the signatures of one mesh, each once: a copy of what was verified lately is known again. Pure."""

from collections import OrderedDict

from ganglion.mesh import crypto
from ganglion.mesh.standing import Cause, DropError
from ganglion_micro import cose

#: Signatures that are remembered to drop copies without verifying them again; 150 bytes each.
_SEEN = 4096


class Signatures:
    """Those that one member sees.

    Args:
        aad: What a signature covers besides the message: it holds in one mesh alone.

    Attributes:
        seen: The marks of those of late, the oldest first; 16 bytes each.
    """

    def __init__(self, aad: bytes) -> None:
        self._aad = aad
        self.seen: OrderedDict[bytes, None] = OrderedDict()  # a dict walks over all that it has forgotten

    def verify(self, message: cose.Sign1, public: bytes) -> None:
        """Returns where the signature is that of this key.

        Raises:
            DropError: it is not.
        """
        if not crypto.verify(message.signed(self._aad), message.signature, public):
            raise DropError(Cause.FORGED, f"the signature is not that of {message.kid.hex()} in this mesh")

    def remember(self, mark: bytes) -> None:
        """A message with this mark was verified."""
        seen = self.seen
        if len(seen) >= _SEEN:
            seen.popitem(last=False)
        seen[mark] = None
