# SPDX-License-Identifier: GPL-3.0-or-later
"""A COSE_Sign1 or COSE_Mac0 of anybody's, taken apart: other headers and other encodings than the mesh's own too."""

from dataclasses import dataclass

from ganglion.mesh.well_formed import ARRAY, BYTES, MAP, TAG, Reader
from ganglion_micro import cbor

#: Tag -> what is inside (RFC 9052 section 2).
SHAPES = {18: "COSE_Sign1", 17: "COSE_Mac0"}
_OTHERS = {
    16: "a COSE_Encrypt0",
    61: "a CWT with a tag of its own, d83d: leave it out",
    96: "a COSE_Encrypt",
    97: "a COSE_Mac",
    98: "a COSE_Sign",
}
# Header parameters (RFC 9052 section 3.1).
_ALG, _CRIT, _TYPE, _KID = 1, 2, 3, 4


@dataclass(slots=True, kw_only=True)
class Foreign:
    """What was found in a message, as far as it could be read.

    Attributes:
        tag: The CBOR tag around it; None where it has none.
        alg: The algorithm that it names, an integer or text; None where it names none.
        kid: The key id that it names, if any.
        payload: None where it is not in the message.
        header: The protected header as it is signed.
        proof: The signature, or the tag of the MAC.
        unfit: Why it is no COSE_Sign1 and no COSE_Mac0; "" where it is one.
    """

    tag: int | None = None
    alg: int | str | None = None
    kid: bytes | None = None
    payload: bytes | None = None
    header: bytes = b""
    proof: bytes = b""
    unfit: str = ""

    @property
    def shape(self) -> str:
        """What its tag is called, or ""."""
        return "" if self.tag is None else SHAPES.get(self.tag, "")


def read(data: bytes) -> Foreign:
    """Takes one message apart. It never fails: what is wrong, `unfit` says."""
    found = Foreign()
    reader = Reader(data)
    try:
        found.unfit = _tag(found, reader)
        _parts(found, reader)
    except cbor.CBORError as error:
        found.unfit = found.unfit or f"not a {found.shape or 'COSE message'}: {error}"
    return found


def _tag(found: Foreign, reader: Reader) -> str:
    """Reads the tag; what is wrong with it, or ""."""
    if not reader.left:
        raise cbor.CBORError("there is nothing")
    major = reader.major()
    if major != TAG:
        if major != ARRAY:
            raise cbor.CBORError("it begins neither with d2, a COSE_Sign1, nor with d1, a COSE_Mac0")
        return "no tag: it begins with d2 where it is a COSE_Sign1, and with d1 where it is a COSE_Mac0"
    _, number = reader.head()
    assert number is not None
    found.tag = number
    if number in SHAPES:
        return ""
    return f"tag {number} is {_OTHERS.get(number, 'no message of COSE')}; 18 is a COSE_Sign1, 17 a COSE_Mac0"


def _parts(found: Foreign, reader: Reader) -> None:
    """Reads the four parts, which are of the same types in both shapes (RFC 9052 sections 4.2 and 6.2)."""
    major, count = reader.head()
    parts = reader.items(count)
    if major != ARRAY or count not in (None, 4):
        raise cbor.CBORError("an array of four has to be there")
    try:
        next(parts)
        header = reader.string(BYTES)
        protected = _headers(Reader(header), last=True) if header else {}
        next(parts)
        _adopt(found, protected, _headers(reader, last=False))
        next(parts)
        found.payload = None if reader.null() else reader.string(BYTES)
        next(parts)
        found.proof = reader.string(BYTES)
    except StopIteration:
        raise cbor.CBORError("an array of four has to be there") from None
    if next(parts, parts) is not parts:
        raise cbor.CBORError("an array of four has to be there")
    if reader.left:
        raise cbor.CBORError(f"{reader.left} bytes after it")
    # No header at all is signed as nothing, whether it was sent as nothing or as an empty map (RFC 9052 section 4.4).
    found.header = header if protected else b""


def _headers(whole: Reader, *, last: bool) -> dict[int | str, object]:
    """The header parameters of a map; of those that nothing here asks for the labels alone.

    Args:
        last: Whether nothing may follow it.

    Raises:
        CBORError: it is no map, a label is there twice (RFC 9052 section 3), or it is too large.
    """
    reader = whole.within(cbor.MAX_SIZE)
    try:
        found = _map(reader)
    except cbor.CBORError:
        if not reader.left and whole.left > cbor.MAX_SIZE:
            raise cbor.CBORError(f"headers of more than {cbor.MAX_SIZE} bytes") from None
        raise
    whole.at = reader.at
    if last and whole.left:
        raise cbor.CBORError("bytes after the map in the protected header")
    return found


def _map(reader: Reader) -> dict[int | str, object]:
    major, count = reader.head()
    if major != MAP:
        raise cbor.CBORError("headers that are no map")
    found: dict[int | str, object] = {}
    for _ in reader.items(count):
        label = reader.label()
        if label in found:
            raise cbor.CBORError(f"the header {label} twice")
        found[label] = None
        if label == _ALG:
            found[label] = reader.label()
        elif label == _KID:
            found[label] = reader.string(BYTES)
        elif label == _CRIT:
            _critical(reader)
        else:
            reader.skip()
    return found


def _critical(reader: Reader) -> None:
    """Looks at what the sender says must not be ignored (RFC 9052 section 3.1)."""
    major, count = reader.head()
    if major != ARRAY or count == 0:
        raise cbor.CBORError("crit that is no array with labels in it")
    for _ in reader.items(count):
        if (label := reader.label()) not in (_ALG, _CRIT, _TYPE, _KID):
            raise cbor.CBORError(f"the header {label} is critical, and not known here")


def _adopt(found: Foreign, protected: dict[int | str, object], unprotected: dict[int | str, object]) -> None:
    """Takes algorithm and key id out of the headers."""
    headers = {**unprotected, **protected}
    alg, kid = headers.get(_ALG), headers.get(_KID)
    found.alg = alg if isinstance(alg, int | str) else None
    found.kid = kid if isinstance(kid, bytes) else None
    if both := protected.keys() & unprotected.keys():
        raise cbor.CBORError(f"the header {min(both, key=str)} twice, protected and unprotected")
    if _CRIT in unprotected:
        raise cbor.CBORError("crit that is not protected")
