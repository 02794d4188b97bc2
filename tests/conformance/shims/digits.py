# SPDX-License-Identifier: GPL-3.0-or-later
"""binascii and hashlib, of bytes and of text."""

import binascii
import hashlib

import ubinascii
import uhashlib

print(
    ubinascii.hexlify(b"\x00\x7f\xff"),
    binascii.hexlify(b"abc", ":"),
    binascii.hexlify(b""),
    binascii.hexlify(b"a", ":"),
)
print(binascii.unhexlify(b"00fF"), binascii.unhexlify("0aB1"), binascii.unhexlify(b""))
for wrong in (b"0", b"0g", b"zz"):
    try:
        print(binascii.unhexlify(wrong))
    except ValueError as error:
        print("ValueError")
for data in (b"", b"f", b"fo", b"foo", b"foobar", bytes(range(60))):
    text = binascii.b2a_base64(data)
    print(text, binascii.b2a_base64(data, newline=False), binascii.a2b_base64(text) == data)
for wrong in (b"Zg", b"Zg=", b"Z"):
    try:
        print(binascii.a2b_base64(wrong))
    except Exception:
        print("refused")
print(
    hex(binascii.crc32(b"123456789")), binascii.crc32(b"56789", binascii.crc32(b"1234")) == binascii.crc32(b"123456789")
)
digest = hashlib.sha256(b"ab")
digest.update(b"c")
print(binascii.hexlify(digest.digest()))
print(binascii.hexlify(uhashlib.sha256().digest()), binascii.hexlify(hashlib.sha256(bytearray(1000)).digest()))
for late in (digest.digest, lambda: digest.update(b"x")):
    try:
        late()
        print("taken")
    except ValueError as error:
        print("ValueError", error)
