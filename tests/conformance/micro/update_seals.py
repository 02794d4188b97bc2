# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures as a board checks them: each line of the file is a public key, a signature and a message."""

import sys

from ganglion_micro.ed25519 import verify
from ganglion_micro.sha512 import sha512

count = 0
with open(sys.argv[1]) as lines:
    for line in lines:
        public, signature, message = [bytes.fromhex(word) for word in line.rstrip("\n").split(" ")]
        print(verify(public, signature, message), sha512(message).hex())
        count += 1
assert count
