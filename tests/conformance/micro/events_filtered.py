# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters: each line of the file is a filter with an event, in CBOR, and whether the event passes."""

import sys

from ganglion_micro import cbor
from ganglion_micro.filter import passes

count = 0
with open(sys.argv[1]) as lines:
    for line in lines:
        item, verdict = line.split()
        filter, event = cbor.decode(bytes.fromhex(item))
        assert passes(filter, event) == (verdict == "True"), line
        count += 1
print(count)
