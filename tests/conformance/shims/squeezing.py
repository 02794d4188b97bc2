# SPDX-License-Identifier: GPL-3.0-or-later
"""deflate: streams of each format, written and read in parts."""

import deflate
import io

PLAIN = b"micropython hello world hello world micropython"
for format in (deflate.RAW, deflate.ZLIB, deflate.GZIP):
    squeezed = io.BytesIO()
    with deflate.DeflateIO(squeezed, format) as stream:
        print(stream.write(PLAIN[:20]), stream.write(PLAIN[20:]))
    squeezed.seek(0)
    with deflate.DeflateIO(squeezed, format) as stream:
        print(stream.read(5), stream.read(0), stream.read(), stream.read(1))
    if format != deflate.RAW:
        squeezed.seek(0)
        room = bytearray(9)
        stream = deflate.DeflateIO(squeezed)
        print(stream.readinto(room), room)
