# SPDX-License-Identifier: GPL-3.0-or-later
"""What a board signs and believes: each line of the file is an identity and a message; with a third word natively."""

import sys

vectors, path = sys.argv[1:3]
sys.path[:0] = sys.argv[3:]

from ganglion_agent.signer import Signer  # noqa: E402

paused = []
fresh = Signer(path, lambda: paused.append(1))
assert fresh.public == Signer(path, lambda: None).public, "of the next boot"
made = fresh.sign(b"first")
assert fresh.verify(fresh.public, made, b"first")
with open(vectors) as lines:
    for line in lines:
        identity, message = [bytes.fromhex(word) for word in line.rstrip("\n").split(" ")]
        with open(path, "wb") as file:
            file.write(identity)
        signer = Signer(path, lambda: paused.append(1))
        made = signer.sign(message)
        print(made.hex())
        assert signer.verify(signer.public, made, message)
        assert not signer.verify(signer.public, made, message + b"x")
print(signer.is_native, bool(paused))
