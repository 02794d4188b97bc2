# SPDX-License-Identifier: GPL-3.0-or-later
"""A leaf and its parent talking: each line has what happens to the leaf, and what it says then, in hexadecimal."""

import sys

from ganglion_micro import cbor
from ganglion_micro.leaf import Leaf
from ganglion_micro.leaf_key import parse


def pump(params):
    if params["litres"] > 9:
        raise ValueError("too much")
    if params["litres"] < 0:
        raise RuntimeError("it runs backwards")
    return {"litres": params["litres"], "done": True}


leaf = None
said = 0
with open(sys.argv[1]) as lines:
    for line in lines:
        what, given, expected = (line.rstrip("\n") + "\t\t").split("\t")[:3]
        data = b"" if what == "key" else bytes.fromhex(given)
        if what == "key":
            leaf = Leaf(parse(given), 7, b"\x01\x02\x03\x04\x05\x06\x07\x08", {"board": "pico", "sw": "1"})
            leaf.serve("pump", pump)
            out = []
        elif what == "advance":
            out = leaf.advance(int.from_bytes(data, "big"))
        elif what == "receive":
            out = leaf.receive(data)
        elif what == "readings":
            message = leaf.readings([tuple(each) for each in cbor.decode(data)])
            out = [] if message is None else [message]
        else:
            assert what == "event"
            out = []
            assert leaf.event(*cbor.decode(data))
        assert " ".join([each.hex() for each in out]) == expected, (line, [each.hex() for each in out])
        said += len(out)
        print(what, len(out), leaf.joined, leaf.now, leaf.waiting, sorted(leaf.refused.items()))
assert leaf.joined
assert said > 8
