# SPDX-License-Identifier: GPL-3.0-or-later
"""Strict deterministic CBOR: one value has one encoding, and nothing else is decoded.

RFC 8949 section 4.2.1: shortest heads, shortest floats that keep the value, definite lengths, map keys sorted by
their encoded bytes. On top of that, refused both ways: duplicate keys, trailing bytes, NaN other than f97e00, simple
values other than false, true and null, keys other than integers, text and byte strings, and text that is not UTF-8.
So `encode(decode(data)) == data` for everything that `decode` takes, which is what a signature needs. A tag is kept
as a `Tag`; what its number means is left to the caller.

Where floats are of single precision (some MicroPython ports) a double is decoded to the nearest single, so what was
signed elsewhere is to be relayed as the bytes that came, never as a new encoding.
"""

from ganglion_micro.cbor_item import MAX_DEPTH, MAX_SIZE, CBORError, Encoded, Tag
from ganglion_micro.cbor_read import decode, decode_at
from ganglion_micro.cbor_write import encode

__all__ = ["MAX_DEPTH", "MAX_SIZE", "CBORError", "Encoded", "Tag", "decode", "decode_at", "encode"]
