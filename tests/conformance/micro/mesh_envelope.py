# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh's envelope: each line of the file is what a node has signed, and what is to be found in it.

mesh id, public key, node id, topic, message, all but the two names in hexadecimal.
"""

import sys

from ganglion_micro import cose, gl1
from ganglion_micro.cbor import CBORError

count = 0
with open(sys.argv[1]) as lines:
    for line in lines:
        mesh, public, node, topic, data = line.split()
        mesh, public, data = bytes.fromhex(mesh), bytes.fromhex(public), bytes.fromhex(data)
        assert gl1.node_id(cose.thumbprint(public)) == node
        assert gl1.kid_of(node) == cose.kid(public)
        sealed = cose.parse(data)
        assert sealed.kid == cose.kid(public)
        message = gl1.unpack(sealed.payload)
        assert message.pack() == sealed.payload
        assert topic == gl1.topic(gl1.base32(mesh), message.kind, node, node, topic.split("/")[-1]), topic
        signed = []

        def sign(over, signed=signed, signature=sealed.signature):
            signed.append(over)
            return signature

        assert cose.sign1(sealed.payload, sealed.kid, gl1.aad(mesh), sign) == data
        assert signed == [sealed.signed(gl1.aad(mesh))]
        for cut in range(0, len(data), 7):
            try:
                cose.parse(data[:cut])
            except CBORError:
                continue
            raise AssertionError(f"taken: {data[:cut].hex()}")
        print(message.kind, message.epoch, message.seq, message.ts, signed[0].hex())
        count += 1
assert count
