# SPDX-License-Identifier: GPL-3.0-or-later
"""io: streams in memory and streams of one's own."""

import io

import uio

data = io.BytesIO(b"line one\nline two\n")
print(data.read(4), data.readline(), data.read(), data.read(), data.seek(0), data.tell())
room = bytearray(5)
print(data.readinto(room), room, data.seek(-3, 2), data.read(), data.readinto(room), data.getvalue()[:4])
out = uio.BytesIO()
print(out.write(b"abc"), out.write(bytearray(b"def")), out.getvalue(), out.seek(1), out.write(b"X"), out.getvalue())
out = io.BytesIO(16)
print(out.write(b"1"), out.getvalue())
text = io.StringIO("one\r\ntwo\n")
print(repr(text.readline()), repr(text.read(2)), repr(text.read()), repr(text.getvalue()))
text = io.StringIO()
print(text.write("їж"), text.write("ak"), text.getvalue(), text.seek(0), text.read(1))
print("to a stream", 1, file=text)
with io.BytesIO(b"x") as within:
    print(within.read())
try:
    within.read()
except ValueError as error:
    print("ValueError")
try:
    io.BytesIO().seek(-10)
except OSError as error:
    print("OSError", error.errno > 0)


class Own(io.IOBase):
    def __init__(self):
        self.left = b"[1, 2]"
        self.written = b""

    def readinto(self, buffer):
        count = min(len(buffer), len(self.left), 2)
        buffer[:count] = self.left[:count]
        self.left = self.left[count:]
        return count

    def write(self, data):
        self.written += bytes(data)
        return len(data)


import json

own = Own()
print(json.load(own))
print("printed", file=own)
print(own.written)


class Broken(io.IOBase):
    def readinto(self, buffer):
        return -5


try:
    json.load(Broken())
except OSError as error:
    print("OSError", error.errno)
