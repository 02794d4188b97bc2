# SPDX-License-Identifier: GPL-3.0-or-later
"""bench: the engine on an emulated board; what it takes of a heap there is what `ganglion firmware size` measures."""

from pathlib import Path

from ganglion.firmware import build
from ganglion.firmware.heap import measure as heap_of
from ganglion.firmware.heap import profile
from ganglion.firmware.interpreter import cached
from ganglion_tools.bench.device_engine import measure
from ganglion_tools.micropython import interpreter

CACHE = Path(__file__).parents[2] / ".cache"


def test_the_engine_runs_on_a_board_and_its_heap_is_as_the_size_says() -> None:
    found = measure(CACHE)
    assert found.steps_per_second > 100
    command = interpreter(cached("i386"), "i386")
    assert found.plan < heap_of(build(), command).plan
    taken = profile(build(), command)
    micro = sum(size for name, size in taken.items() if name.startswith("ganglion_micro"))
    assert 10_000 < found.modules < micro, "the engine is a part of what a leaf has of it"
