# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts as they run on boards, on a real MicroPython for a Cortex-M3: their steps per second, and their heap.

The board is emulated at 125 million instructions per second, whatever this machine does meanwhile, so figures are the
same in every run. Its firmware looks at its UART at every jump of a program, which a chip need not: a chip of that
speed does more. The modules are in a ROMFS in the board's memory, where their code runs in place.

    measured = measure()
    measured.steps_per_second, measured.modules
"""

import tempfile
from pathlib import Path
from typing import NamedTuple

from ganglion.device.port import open_port
from ganglion.device.session import Session
from ganglion.errors import GanglionError
from ganglion.firmware.bundle import build
from ganglion.firmware.heap import STEPS, document
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion_tools.emulated_board import board
from ganglion_tools.romfs import image

#: Where the board has the ROMFS and the plan: in the half of its memory that MicroPython leaves alone.
_ROM, _PLAN = 0x220000, 0x2F0000
#: One instruction takes 2**3 ns of the emulated time.
_CLOCK = ["-icount", "shift=3"]
#: The board's counter of the emulated time, and its hertz (mps2-fpgaio, COUNTER).
_COUNTER, _HERTZ = 0x40028018, 25_000_000
_RUNS = 4
_SCRIPT = """
import gc, sys, uctypes, vfs
from machine import mem32

def heap():
    gc.collect()
    return gc.mem_alloc()

vfs.mount(vfs.VfsRom(uctypes.bytearray_at({rom}, {rom_size})), "/rom")
sys.path.append("/rom")
class Ports:
    def streams(self):
        return {{}}
    def actuators(self):
        return {{"buzzer": None}}
    def random(self):
        return 0.5
    def now(self):
        return 0
    def time(self):
        return 5
    def log(self, level, message):
        look()
    def actuate(self, effect, owner, now, then):
        look()
        then([True, True, ""])

most = looking = 0

def look():
    global most
    if looking:
        most = max(most, heap())

start = heap()
from ganglion_agent.runner import Runner
modules = heap()
runner = Runner(Ports())
runner.load(bytes(uctypes.bytearray_at({plan}, {plan_size})), 0)
plan = heap()

def run():
    runner.emit("local/go", 9.5, "here")
    before = runner.counts["completed"] + runner.counts["failed"]
    while runner.counts["completed"] + runner.counts["failed"] == before:
        runner.advance(0)

looking = 1
run()
looking = 0
gc.collect()
began = mem32[{counter}]
for _ in range({runs}):
    run()
ticks = (mem32[{counter}] - began) & 0xffffffff
print(runner.counts["completed"], ticks, modules - start, plan - modules, most - plan)
"""


class Engine(NamedTuple):
    """What was measured.

    Attributes:
        steps_per_second: Of a protocol with steps of all kinds that a rule on a board has.
        modules, plan, run: Bytes of heap, for the modules of the runner and the engine, a plan of 50 steps, and a run
            of it that an event begins.
    """

    steps_per_second: float
    modules: int
    plan: int
    run: int


def measure(cache: Path = Path(".cache")) -> Engine:
    """Boots a board and runs the engine there, in some 10 s of this machine.

    Args:
        cache: The folder in which the board's firmware is kept; where it is not there, it is compiled.

    Raises:
        GanglionError: what emulates or compiles is missing, or the run did not go through all steps.
    """
    rom = image({name: data for name, data in build().files.items() if name.count("/") == 1})
    plan = compile(load(document(), file="fifty.yaml")).encode()
    with tempfile.TemporaryDirectory(prefix="ganglion-bench-") as scratch:
        options = list(_CLOCK)
        for name, data, at in (("rom", rom, _ROM), ("plan", plan, _PLAN)):
            file = Path(scratch) / name
            file.write_bytes(data)
            options += ["-device", f"loader,file={file},addr={at:#x},force-raw=on"]
        script = _SCRIPT.format(
            rom=_ROM, rom_size=len(rom), plan=_PLAN, plan_size=len(plan), counter=_COUNTER, runs=_RUNS
        )
        with board("cortex-m3", cache, options=options) as port, Session(open_port(port)) as session:
            words = session.execute(script, quiet=60).decode().split()
    if words[:1] != [str(1 + _RUNS)]:
        raise GanglionError(
            f"bench: {1 + _RUNS} runs of {STEPS} steps were begun, and {words[:1]} ended as they should"
        )
    ticks, modules, held, run = map(int, words[1:])
    return Engine(_RUNS * STEPS * _HERTZ / ticks, modules, held, run)
