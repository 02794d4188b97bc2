# SPDX-License-Identifier: GPL-3.0-or-later
"""A board's half of an enrolment: the key that a person has carried to it, and what it asks a gateway with it.

The key names the mesh's root and holds a secret; what goes over the broker proves the secret and does not say it.
"""

from ganglion_micro import cbor, cose, gl1
from ganglion_micro.hmac_sha256 import hkdf, hmac_sha256

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

_PREFIX = "gk1_"


class EnrolKey:
    """The key in a text.

    Attributes:
        pin: The first 16 bytes of the thumbprint of the mesh's root key.

    Raises:
        ValueError: it is none; the message does not repeat it.
    """

    def __init__(self, text: str) -> None:
        text = text.strip().lower()
        try:
            data = gl1.from_base32(text[len(_PREFIX) :])
        except ValueError:
            data = b""
        if not text.startswith(_PREFIX) or len(data) != 33 or data[0] != 1:
            raise ValueError("this is no enrol key: it begins with gk1_ and has 53 letters more; copy it whole")
        self.pin = data[1:17]
        self._secret = data[17:]

    def ask(self, mesh: str, issuer: bytes, public: bytes, name: str, nonce: bytes) -> "dict[str, Any]":
        """The body of an ENROL.

        Args:
            mesh: Its id in letters.
            issuer, public: Keys of the issuer and of the board.
            nonce: 16 random bytes, which the answer repeats.
        """
        key_id = hkdf(self._secret, b"gl1 enrol key id", 8)
        transcript = ["gl1-enrol", mesh, cose.thumbprint(issuer), key_id, cose.key(public), name, nonce]
        mac = hmac_sha256(hkdf(self._secret, b"gl1 enrol mac", 32), cbor.encode(transcript))
        return {"key": cose.key(public), "name": name, "nonce": nonce, "key_id": key_id, "mac": mac}
