# SPDX-License-Identifier: GPL-3.0-or-later
"""babeld's local interface, without I/O: what it answers to `dump` in, the costs of its neighbours out.

babeld (RFC 8966) says there one thing a line: `add neighbour ID address A if I reach R rxcost X txcost T cost C`, with
names before values, so that a version may say more. Its manual describes the interface in section LOCAL CONFIGURATION
INTERFACE.
"""

from ganglion.mesh.quality.measured import INFINITY, Measured, plain

#: What it begins with; it speaks 1.0, and any 1.x is to be understood by who understands that.
GREETING = "BABEL 1."
#: The lines that end an answer.
ENDS = ("ok", "no", "bad")


def neighbours(answer: str) -> list[Measured]:
    """The neighbours in an answer. A line that makes no sense is passed over: it costs one neighbour, not all."""
    found = []
    for line in answer.splitlines():
        words = line.split()
        if words[:2] != ["add", "neighbour"]:
            continue
        said = dict(zip(words[3::2], words[4::2], strict=False))
        try:
            address, cost = plain(said["address"]), int(said["cost"])
            if 0 <= cost <= INFINITY:
                found.append(Measured(interface=said["if"], address=address, cost=max(1, cost)))
        except (KeyError, ValueError):
            continue
    return found
