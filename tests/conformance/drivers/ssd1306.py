# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSD1306's driver: a picture by bytes, on MicroPython by `framebuf` too, what changed of it, and a fault."""

from ganglion_micro.drivers.ssd1306 import SSD1306
from support.exercise import replay

POINTS = [(0, 0), (127, 63), (5, 7), (5, 8), (64, 31)]


def drawn(display):
    """The points as `framebuf` draws them, where there is one."""
    try:
        import framebuf
    except ImportError:
        for x, y in POINTS:
            display.buffer[x + 128 * (y // 8)] |= 1 << y % 8
        return
    picture = framebuf.FrameBuffer(display.buffer, display.width, display.height, framebuf.MONO_VLSB)
    for x, y in POINTS:
        picture.pixel(x, y, 1)


def exercise(bench):
    display = SSD1306(bench.i2c)
    bench.say(display.width, display.height, len(display.buffer))
    drawn(display)
    display.show()
    bench.say([(place, byte) for place, byte in enumerate(display.buffer) if byte])
    display.buffer[130] = 0x81
    display.show()
    display.show()
    display.invert(True)
    display.power(False)
    for level in (0, 255, 256):
        bench.attempt(display.contrast, level)
    for height in (32, 48):
        bench.attempt(SSD1306, bench.i2c, 0x3C, height)
    display.buffer[131] = 0x18
    bench.world.fault("nack")
    bench.attempt(display.show)
    bench.attempt(display.power, True)
    bench.world.fault(None)
    display.show()
    bench.say("shown")


if __name__ == "__main__":
    replay(exercise)
