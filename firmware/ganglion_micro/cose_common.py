# SPDX-License-Identifier: GPL-3.0-or-later
"""What COSE messages with a signature and with a MAC have in common: a leaf, which has the latter, needs no more."""

from ganglion_micro import cbor

#: Bytes of a key id: the start of the key's thumbprint. A hint, not an identity (RFC 9052 section 3.1).
KID_SIZE = 8


class COSEError(cbor.CBORError):
    """The bytes are not a message of the one shape that is taken."""
