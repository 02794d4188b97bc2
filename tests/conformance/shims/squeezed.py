# SPDX-License-Identifier: GPL-3.0-or-later
"""deflate: a stream that is followed by something, and what is no stream."""

import binascii
import deflate
import io

behind = io.BytesIO(binascii.unhexlify("789c4b4c4a0600024d0127") + b"behind")
print(deflate.DeflateIO(behind, deflate.ZLIB).read(), behind.read())
for wrong in (b"\x10\x20\x30\x40", b"\x78\x9c\x07\x07\x07\x07"):
    try:
        deflate.DeflateIO(io.BytesIO(wrong), deflate.ZLIB).read()
    except OSError as error:
        print("OSError", error.errno > 0)
try:
    deflate.DeflateIO(io.BytesIO(), 9)
except ValueError:
    print("ValueError")
