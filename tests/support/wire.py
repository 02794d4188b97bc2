# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs on the wire of a `network`: one that writes down which frames of the overlay pass, and one that means harm.

python wire.py watch DEVICE            a JSON line for each frame that this node sends: kind, ttl, message
python wire.py harm DEVICE COUNT SEED  hears for a while, then sends so many frames: copies, and what was changed
"""

import ctypes
import json
import random
import select
import signal
import socket
import struct
import sys
import time

_ALL, _IPV6, _UDP = 0x0003, 0x86DD, 17
_OUTGOING = 4
_HEARING = 3.0


def _payload(packet: bytes) -> tuple[bytes, int, bytes] | None:
    """Destination, port and payload of a UDP datagram over IPv6 in an Ethernet frame."""
    if len(packet) < 62 or int.from_bytes(packet[12:14], "big") != _IPV6 or packet[20] != _UDP:
        return None
    return packet[38:54], int.from_bytes(packet[56:58], "big"), packet[62:]


def _wire(device: str) -> socket.socket:
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    wire.bind((device, 0))
    return wire


def watch(device: str) -> None:
    """Writes down what this node sends, until it is killed."""
    from ganglion.mesh.overlay import frame
    from ganglion.mesh.overlay.custody import HEAD_SIZE
    from ganglion.mesh.overlay.delivery import identify

    wire = _wire(device)
    print("watching", flush=True)
    while True:
        packet, address = wire.recvfrom(65536)
        found = _payload(packet)
        if address[2] != _OUTGOING or found is None:
            continue
        got = frame.parse(found[2])
        if got.flags & frame.FRAGMENT or got.kind not in (frame.FLOOD, frame.UNICAST, frame.SCOUT):
            continue
        data = got.body if got.kind == frame.FLOOD else got.body[HEAD_SIZE:]
        kid, strict, epoch, seq = identify(data)
        said = {"device": device, "kind": got.kind, "ttl": got.ttl, "to": found[0].hex(), "tags": len(got.tags)}
        print(json.dumps({**said, "id": [kid.hex(), strict, epoch, seq]}), flush=True)


def harm(device: str, count: int, seed: int) -> None:
    """Hears for a while, and sends."""
    chance = random.Random(seed)
    wire = _wire(device)
    heard: list[tuple[bytes, int, bytes]] = []
    until = time.monotonic() + _HEARING
    while time.monotonic() < until:
        if select.select([wire], [], [], 0.1)[0] and (found := _payload(wire.recv(65536))) and len(heard) < 500:
            heard.append(found)
    to = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    number = socket.if_nametoindex(device)
    to.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, number)
    print(json.dumps({"heard": len(heard)}), flush=True)
    for i in range(count):
        address, port, data = chance.choice(heard)
        if i % 3:
            data = _changed(bytearray(data), chance)
        where = (socket.inet_ntop(socket.AF_INET6, address), port, 0, number)
        try:
            to.sendto(data, where)
        except OSError:
            time.sleep(0.001)
        if not i % 50:
            time.sleep(0.002)  # what overflows the receivers' sockets harms nobody
    print(json.dumps({"sent": count}), flush=True)


def _changed(data: bytearray, chance: random.Random) -> bytes:
    match chance.randrange(4):
        case 0:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        case 1:
            del data[chance.randrange(len(data)) :]
        case 2:
            data += chance.randbytes(chance.randrange(1, 40))
        case _:  # a later frame of the same neighbour
            counter = struct.unpack_from(">I", data, 13)[0] if len(data) >= 17 else 0
            data[13:17] = struct.pack(">I", counter + chance.randrange(1, 1000) & 0xFFFFFFFF)
    return bytes(data)


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: ends with the test
    if sys.argv[1] == "watch":
        watch(sys.argv[2])
    else:
        harm(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
