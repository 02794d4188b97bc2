# SPDX-License-Identifier: GPL-3.0-or-later
"""struct: types, orders, offsets, and what does not fit."""

import struct

import ustruct

print(ustruct.calcsize("<bhiq"), struct.calcsize("bhi"), struct.calcsize(">3s2H"), struct.calcsize("!Qf"))
for order in "<>!":
    print(struct.pack(order + "bBhHiIqQ", -1, 255, -2, 65534, -3, 4294967293, -4, 18446744073709551612))
    print(struct.pack(order + "fd", 1.5, -2.25))
print(struct.pack("<5s", b"ab"), struct.pack("<2s", b"abcd"), struct.pack("<3x2B", 1, 2))
print(struct.unpack("<2H3s", b"\x01\x02\x03\x04abc"), struct.unpack(">b", b"\xff"))
print(
    struct.unpack("<B", bytearray(b"\x07")),
    struct.unpack_from("<H", b"abcdef", 2),
    struct.unpack_from(">H", b"abcdef", -2),
)
buffer = bytearray(8)
struct.pack_into("<HB", buffer, 1, 0x1234, 5)
struct.pack_into(">H", buffer, -2, 0xABCD)
print(buffer)
for what in (
    lambda: struct.unpack("<I", b"abc"),
    lambda: struct.unpack_from("<I", b"abcdef", 3),
    lambda: struct.unpack_from("<I", b"abcdef", -3),
    lambda: struct.pack_into("<I", bytearray(3), 0, 1),
    lambda: struct.pack_into("<I", bytearray(6), -7, 1),
    lambda: struct.calcsize("<Z"),
    lambda: struct.pack("<3", 1),
):
    try:
        print(what())
    except ValueError as error:
        print("ValueError")
for kind, value in [("<B", 256), ("<b", 200), ("<H", -1), ("<h", 70000)]:
    print(kind, value, struct.pack(kind, value))
print(struct.unpack("<BB", b"\x01\x02\x03"), struct.unpack("<4s", b"ab\x00d"))
