# SPDX-License-Identifier: GPL-3.0-or-later
"""The envelope of a leaf: each line of the file is a key, external data and a message under them, in hexadecimal."""

import sys

from ganglion_micro import mac0
from ganglion_micro.cbor import CBORError

count = 0
with open(sys.argv[1]) as lines:
    for line in lines:
        key, aad, data = [bytes.fromhex(word) for word in line.split()]
        message = mac0.parse(data)
        assert message.holds(key, aad)
        assert not message.holds(key + b"x", aad)
        assert not message.holds(key, aad + b"x")
        assert mac0.mac0(message.payload, message.kid, aad, key, message.alg) == data
        for at in range(0, len(data), 5):
            damaged = data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]
            try:
                other = mac0.parse(damaged)
            except CBORError:
                continue
            assert not other.holds(key, aad) or other.kid != message.kid, at
        print(message.alg, message.kid.hex(), message.tag.hex(), mac0.hmac_sha256(key, aad).hex())
        count += 1
assert count
