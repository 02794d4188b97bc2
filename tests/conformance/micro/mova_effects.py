# SPDX-License-Identifier: GPL-3.0-or-later
"""MOVA: each line of the file is a case's name, its recording and its effects, both CBOR in hexadecimal.

Its steps are decoded when they are run, as on a board.
"""

import gc
import sys

from ganglion_micro import cbor
from ganglion_micro.plan import Steps
from support.mova_replay import replay

count = 0
with open(sys.argv[1]) as lines:
    for line in lines:
        name, recording, effects = line.rstrip("\n").split("\t")
        line = ""
        gc.collect()  # what the case before has left stands between pieces that are free
        found = replay(bytes.fromhex(recording), Steps)
        recording = ""
        gc.collect()
        assert cbor.encode(found) == bytes.fromhex(effects), f"{name}: {found!r}"
        found = None
        count += 1
print(count, "cases")
