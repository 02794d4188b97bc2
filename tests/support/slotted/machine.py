# SPDX-License-Identifier: GPL-3.0-or-later
"""What a board has, for the unix port: a reset that ends the process, and a timer a thousand times as fast."""

import _thread
import sys
import time

import ffi

WDT_RESET = 3
#: What the boot before ended by.
cause = 1
#: Called when the board is reset.
at_reset = []

_libc = ffi.open("libc.so.6")
_exit = _libc.func("v", "_exit", "i")


def reset_cause():
    return cause


def reset():
    for call in at_reset:
        call()
    sys.stdout.write("reset\n")
    _exit(0)


class Timer:
    ONE_SHOT = 0

    def __init__(self, number):
        if number != 0:
            raise ValueError("no virtual timers, as on an ESP32")

    def init(self, mode, period, callback):
        def wait():
            time.sleep_ms(period // 1000)
            callback(self)

        _thread.start_new_thread(wait, ())
