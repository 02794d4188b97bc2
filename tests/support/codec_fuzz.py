# SPDX-License-Identifier: GPL-3.0-or-later
"""Throws made-up bytes at what parses strangers' messages, in a process of its own whose memory has an end.

`python codec_fuzz.py COUNT SEED` prints one line of JSON: how often each parser took what it got, and the memory at its
most. Anything that a parser raises besides its own error ends the process with the input in hexadecimal.
"""

import json
import resource
import sys
from random import Random

from ganglion.mesh import codec
from ganglion.mesh.verdict import judge
from ganglion_micro import cbor, cose, gl1, mac0

#: Bytes of address space: what Python and the modules take, and a little.
_MEMORY = 512 * 1024 * 1024
#: Heads, lengths and breaks that decide how what follows is read.
_TELLING = bytes.fromhex("001718191a1b1f20375758595a5b5f60787b7f80979a9b9fa0b7babbbfc0d1d2d8f4f5f6f7f8f9fafbff")

_ENCODERS = {"cbor": cbor.encode, "native": codec.encode_natively}


def messages(rng: Random) -> list[bytes]:
    """Valid ones of every kind, and parts of them: what damage begins with."""
    found = [cbor.encode(value) for value in _values()]
    for kind in range(17):
        body = {"class": "alert", "value": [1.5, -7, None, {"a": b"x" * 30}], "epoch": 3, "nonce": bytes(8)}
        payload = gl1.MSG(kind, (None, bytes(8), "group")[kind % 3], 3, kind, 1_763_683_200_123_456_789, body).pack()
        found += [
            payload,
            cose.sign1(payload, rng.randbytes(8), b"", lambda signed: bytes(64)),
            mac0.mac0(payload, rng.randbytes(8), b"", bytes(32), 4 + kind % 2),
        ]
    return found


def _values() -> list[object]:
    floats = [0.0, -0.0, 1.5, 65504.0, 65505.0, 2.0**-24, 2.0**-149, 1e300, float("inf"), float("nan")]
    numbers = [0, 23, 24, 255, 256, 65535, 65536, 2**32, 2**64 - 1, -1, -24, -25, -(2**64)]
    return [
        floats,
        numbers,
        {"a": 1, "bb": [True, False, None], 1: {2: {3: b"x" * 24}}, b"k": "\u0457\U0001f600" * 9},
        cbor.Tag(24, cbor.Tag(2**40, [[[[[[]]]]]])),
        "x" * 300,
        bytes(300),
    ]


def damaged(rng: Random, data: bytes, others: list[bytes]) -> bytes:
    """One to four changes to valid bytes."""
    made = bytearray(data)
    for _ in range(1 + int(rng.random() * 4)):
        at = int(rng.random() * len(made)) if made else 0
        match int(rng.random() * 6):
            case 0 if made:
                made[at] ^= 1 << int(rng.random() * 8)
            case 1 if made:
                made[at] = _TELLING[int(rng.random() * len(_TELLING))]
            case 2:
                made.insert(at, _TELLING[int(rng.random() * len(_TELLING))])
            case 3:
                del made[at : at + 1 + int(rng.random() * 8)]
            case 4:
                other = others[int(rng.random() * len(others))]
                start = int(rng.random() * len(other))
                made[at:at] = other[start : start + 1 + int(rng.random() * 24)]
            case _:
                made[at:at] = made[at : at + 1 + int(rng.random() * 40)]
    return bytes(made)


def main(count: int, seed: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    rng = Random(seed)
    valid = messages(rng)
    parsers = {
        "cbor": cbor.decode,
        "native": codec.decode_natively,
        "cose": cose.parse,
        "mac0": mac0.parse,
        "gl1": gl1.unpack,
    }
    taken = dict.fromkeys((*parsers, "judge"), 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for turn in range(count):
        if turn % 4:
            data = damaged(rng, valid[int(rng.random() * len(valid))], valid)
        elif turn % 8:
            data = bytes(rng.choices(_TELLING, k=1 + turn % 31))
        else:
            data = rng.randbytes(int(rng.random() ** 2 * 96))
        try:
            for name, parse in parsers.items():
                try:
                    value = parse(data)
                except cbor.CBORError:
                    continue
                taken[name] += 1
                if name in _ENCODERS and _ENCODERS[name](value) != data:
                    raise AssertionError("another encoding was taken")
            if taken["cbor"] != taken["native"]:
                raise AssertionError("one codec took what the other refused")
            if turn % 16 == 1:
                taken["judge"] += judge(data, secret=bytes(32)).valid
        except BaseException:
            print(f"the input was {data.hex()}", file=sys.stderr)
            raise
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"inputs": count, "taken": taken, "grown_kib": after - before}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
