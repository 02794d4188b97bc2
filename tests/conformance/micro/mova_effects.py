# SPDX-License-Identifier: GPL-3.0-or-later
"""MOVA: each line of the file is a case's name, its recording and its effects, both CBOR in hexadecimal."""

import sys

from ganglion_micro import cbor
from support.mova_replay import replay

count = 0
with open(sys.argv[1]) as lines:
    for line in lines:
        name, recording, effects = line.rstrip("\n").split("\t")
        found = replay(bytes.fromhex(recording))
        assert cbor.encode(found) == bytes.fromhex(effects), f"{name}: {found!r}"
        count += 1
print(count, "cases")
