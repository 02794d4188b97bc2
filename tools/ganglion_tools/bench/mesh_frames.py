# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to seal and to open a frame of readings, and what cbor2 and PyNaCl alone need for the same bytes."""

from collections.abc import Iterator
from typing import Any

from ganglion.mesh.authority import Authority
from ganglion.mesh.frames import Gatherer
from ganglion.mesh.member import Sealed
from ganglion_micro import gl1
from ganglion_tools.bench.mesh_members import NOW, couple, readings
from ganglion_tools.bench.timing import REPEATS, Contestant

SIZES = (1, 10, 100)
#: Who takes part: we, what others put together by hand, and that without a signature.
GANGLION, BARE, UNSIGNED = "ganglion", "cbor2 + PyNaCl", "cbor2, unsigned"


def sealing(authority: Authority, size: int) -> list[Contestant]:
    """From readings to bytes: gathered one by one, as a node does it, and sealed."""
    node, _ = couple(authority)
    said = readings(size)

    def ours(rounds: int) -> int:
        made = 0
        for _ in range(rounds):
            gatherer = Gatherer()
            for stream, timestamp, value in said:
                gatherer.add(stream, timestamp, value)
            made += len(node.seal(gl1.BATCH, gatherer.take(), now=NOW).payload) > 0
        return made

    return [Contestant(name=GANGLION, run=ours, expected=1), *_encoding(said)]


def _encoding(said: list[list[Any]]) -> list[Contestant]:
    from cbor2 import dumps
    from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

    _, secret = crypto_sign_seed_keypair(bytes(32))
    fields = _fields(said)
    size = 64 + len(dumps(fields, canonical=True))

    def bare(rounds: int) -> int:
        return sum(len(crypto_sign(dumps(fields, canonical=True), secret)) == size for _ in range(rounds))

    def unsigned(rounds: int) -> int:
        return sum(len(dumps(fields, canonical=True)) == size - 64 for _ in range(rounds))

    return [Contestant(name=BARE, run=bare, expected=1), Contestant(name=UNSIGNED, run=unsigned, expected=1)]


def opening(authority: Authority, size: int, *, rounds: int) -> list[Contestant]:
    """From bytes to readings that are believed. A frame opens once, so there are as many as the bench will open."""
    node, gateway = couple(authority)
    said = readings(size)
    sealed: Iterator[Sealed] = iter([node.seal(gl1.BATCH, said, now=NOW) for _ in range(REPEATS * rounds)])

    def ours(rounds: int) -> int:
        believed = 0
        for _ in range(rounds):
            message = next(sealed)
            received = gateway.open(message.topic, message.payload, now=NOW)
            believed += received is not None and len(received.body) == size
        return believed

    return [Contestant(name=GANGLION, run=ours, expected=1), *_decoding(said)]


def _decoding(said: list[list[Any]]) -> list[Contestant]:
    from cbor2 import dumps, loads
    from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair

    public, secret = crypto_sign_seed_keypair(bytes(32))
    data = dumps(_fields(said), canonical=True)
    signed = crypto_sign(data, secret)

    def bare(rounds: int) -> int:
        return sum(len(loads(crypto_sign_open(signed, public))) == 7 for _ in range(rounds))

    def unsigned(rounds: int) -> int:
        return sum(len(loads(data)) == 7 for _ in range(rounds))

    return [Contestant(name=BARE, run=bare, expected=1), Contestant(name=UNSIGNED, run=unsigned, expected=1)]


def _fields(said: list[list[Any]]) -> list[Any]:
    return [gl1.VERSION, gl1.BATCH, None, 1, 1, NOW, said]
