# SPDX-License-Identifier: GPL-3.0-or-later
"""framebuf: every shape in every format, inside and over the edges."""

import binascii
import framebuf
from array import array

WIDTH, HEIGHT = 21, 13
FORMATS = [
    ("MONO_VLSB", framebuf.MONO_VLSB),
    ("MONO_HLSB", framebuf.MONO_HLSB),
    ("MONO_HMSB", framebuf.MONO_HMSB),
    ("RGB565", framebuf.RGB565),
    ("GS2_HMSB", framebuf.GS2_HMSB),
    ("GS4_HMSB", framebuf.GS4_HMSB),
    ("GS8", framebuf.GS8),
]


def shown(what, buffer):
    print(what, binascii.hexlify(buffer).decode())


def made(format, width=WIDTH, height=HEIGHT):
    buffer = bytearray((width + 7) // 8 * 8 * ((height + 7) // 8 * 8) * 2)
    return buffer, framebuf.FrameBuffer(buffer, width, height, format)


for name, format in FORMATS:
    buffer, frame = made(format)
    frame.fill(0x5A5B)
    shown(name + " fill", buffer)
    frame.fill(0)
    for x, y in ((0, 0), (20, 12), (7, 8), (8, 7), (-1, 3), (3, -1), (21, 0), (0, 13)):
        frame.pixel(x, y, 0xFFFF - x)
    print([frame.pixel(x, y) for x, y in ((0, 0), (20, 12), (7, 8), (1, 1), (-1, 0), (21, 12))])
    frame.hline(-2, 2, 9, 3)
    frame.vline(19, 9, 20, 2)
    frame.rect(3, 3, 6, 5, 1)
    frame.rect(-3, 9, 7, 9, 0x8421, True)
    frame.fill_rect(12, -2, 4, 6, 0x1234)
    shown(name + " rectangles", buffer)
    frame.line(0, 0, 20, 12, 1)
    frame.line(25, 3, -4, 9, 2)
    frame.line(5, 20, 9, -3, 3)
    shown(name + " lines", buffer)
    frame.ellipse(10, 6, 8, 4, 1)
    frame.ellipse(3, 9, 6, 3, 2, True)
    frame.ellipse(17, 2, 5, 5, 3, True, 0b0101)
    frame.ellipse(5, 5, 0, 0, 1)
    frame.ellipse(8, 3, 0, 4, 1)
    frame.ellipse(8, 3, 4, 0, 1, False, 2)
    shown(name + " ellipses", buffer)
    frame.poly(2, 2, array("h", [0, 0, 9, 1, 12, 8, -5, 6]), 1)
    frame.poly(6, 1, array("h", [0, 0, 14, 3, 2, 11, -9, 9, 7, 4]), 2, True)
    frame.poly(0, 0, array("h", []), 1)
    shown(name + " polygons", buffer)
    for step in ((3, 0), (-2, 1), (0, -4), (30, 0)):
        frame.scroll(step[0], step[1])
        shown(name + " scroll", buffer)

for name, format in FORMATS:
    source_buffer, source = made(format, 6, 5)
    for i in range(30):
        source.pixel(i % 6, i // 6, i * 77)
    for other_name, other in FORMATS:
        buffer, frame = made(other)
        frame.blit(source, 2, 1)
        frame.blit(source, -3, -2)
        frame.blit(source, 18, 10, 0)
        frame.blit(source, 9, 7, source.pixel(1, 1))
        shown(name + " onto " + other_name, buffer)
palette_buffer, palette = made(framebuf.RGB565, 4, 1)
for i in range(4):
    palette.pixel(i, 0, 0x1111 * (i + 1))
source_buffer, source = made(framebuf.GS2_HMSB, 4, 4)
for i in range(16):
    source.pixel(i % 4, i // 4, i)
buffer, frame = made(framebuf.RGB565)
frame.blit(source, 1, 1, -1, palette)
frame.blit(source, 9, 1, 0x2222, palette)
shown("palette", buffer)

buffer = bytearray(40)
frame = framebuf.FrameBuffer(buffer, 6, 4, framebuf.GS8, 10)
frame.rect(0, 0, 6, 4, 7)
shown("stride", buffer)
buffer, frame = made(framebuf.MONO_HLSB, 64, 8)
frame.text("", 0, 0)
frame.text(" ", 0, 0)
shown("no letters", buffer)
frame.text("g\nї", 60, 3)
for arguments in (
    (bytearray(7), 8, 8, framebuf.MONO_VLSB),
    (bytearray(8), 8, 8, 77),
    (bytearray(8), 0, 8, framebuf.GS8),
    (bytearray(8), 8, -1, framebuf.GS8),
    (bytearray(64), 8, 8, framebuf.GS8, 7),
    (bytearray(127), 8, 8, framebuf.RGB565),
    (bytearray(31), 8, 8, framebuf.GS4_HMSB),
    (bytearray(15), 8, 8, framebuf.GS2_HMSB),
    (bytearray(8), 8, 8, framebuf.MONO_HLSB),
):
    try:
        framebuf.FrameBuffer(*arguments)
        print("made")
    except ValueError as error:
        print("ValueError", error)


class Own(framebuf.FrameBuffer):
    def __init__(self):
        self.own = bytearray(4)
        super().__init__(self.own, 4, 8, framebuf.MONO_VLSB)


own = Own()
own.pixel(1, 1, 1)
shown("subclass", own.own)
