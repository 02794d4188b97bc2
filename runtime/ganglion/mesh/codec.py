# SPDX-License-Identifier: GPL-3.0-or-later
"""The strict CBOR of what is signed: in C where that is built, several times as fast.

The same bytes, the same values and the same errors as `ganglion_micro.cbor`, which does what C leaves to it: tags,
what is none of CBOR's own types, and to say what is wrong.
"""

import os
from typing import Any

from ganglion_micro import cbor

try:
    from ganglion._native import cbor_decode, cbor_encode
except ImportError:
    cbor_decode = cbor_encode = None


def decode_natively(data: bytes) -> Any:
    """As `cbor.decode`."""
    return cbor_decode(cbor.decode, data)


def encode_natively(value: Any, depth: int = 0) -> bytes:
    """As `cbor.encode`."""
    made: bytes = cbor_encode(cbor.encode, cbor.Encoded, value, depth)
    return made


#: Those for this machine. `GANGLION_BACKEND=python` in the environment asks for the others.
_is_native = cbor_decode is not None and os.environ.get("GANGLION_BACKEND") != "python"
decode = decode_natively if _is_native else cbor.decode
encode = encode_natively if _is_native else cbor.encode
