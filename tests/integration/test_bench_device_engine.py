# SPDX-License-Identifier: GPL-3.0-or-later
"""bench: scripts on an emulated board, whose figures are the same in every run, and its heap that of other 32 bits."""

from pathlib import Path

from ganglion.firmware import build
from ganglion.firmware.heap import profile
from ganglion.firmware.interpreter import cached
from ganglion_tools.bench.device_engine import measure
from ganglion_tools.micropython import interpreter

CACHE = Path(__file__).parents[2] / ".cache"


def test_scripts_run_on_a_board_and_take_what_the_size_says() -> None:
    found = measure(CACHE)
    assert found.steps_per_second > 100
    taken = profile(build(), interpreter(cached("i386"), "i386"))
    needed = (
        "ganglion_micro",
        "ganglion_micro.leaf",
        "ganglion_micro.engine",
        "ganglion_agent",
        "ganglion_agent.runner",
    )
    whole = sum(taken[name] for name in needed)
    assert 0.8 * whole < found.modules < 1.2 * whole
    assert 1000 < found.plan < 10_000
    assert 500 < found.run < 10_000
