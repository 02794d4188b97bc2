# SPDX-License-Identifier: GPL-3.0-or-later
"""What a version leaves of a board's heap while a plan of 50 steps runs, measured on a real MicroPython.

As on the board, the modules come out of files, so their code is in the heap, too, and what has started them is still
there. The run is measured where it holds
most, at its end, with the records of all its steps.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ganglion.errors import GanglionError
from ganglion.firmware.bundle import Bundle
from ganglion.mova.compile import compile
from ganglion.mova.load import load

#: Bytes of heap of the board that is measured against (a Pico W without Wi-Fi's own), and those that are to be free.
BOARD = 164 * 1024
FREE = 90 * 1024
STEPS = 50

_AGENT = "ganglion_agent/agent.mpy"
_ROUND = """\
- {{id: add_{i}, action: set, values: {{total: total + event.value * {i}}}}}
- {{id: decide_{i}, action: condition, conditions: [{{variable: total, operator: greater_than, value: {i}}}]}}
- {{id: say_{i}, action: log, message: "{{total}} at {{event.topic}}"}}
- {{id: emit_{i}, action: emit, topic: local/total, value: {{total: "{{total}}", step: {i}}}}}
"""
_ENDS = """\
- {id: beep, action: actuate, actuator: buzzer, value: true, for: 5s}
- {id: done, action: end}
"""
_SCRIPT = """
import gc, sys

def heap():
    gc.collect()
    return gc.mem_alloc()

folder = sys.argv[1]
sys.path.insert(0, folder)
start = heap()
from ganglion_agent import boot
boot._chosen(folder)
boot._timers.clear()  # of the trial
boot._forget(folder, "")
sys.path.insert(0, folder + "/a")
for name in sys.argv[2:]:
    __import__(name)
from ganglion_micro.engine import Engine
from ganglion_micro.plan import Steps, unpack
modules = heap()
with open(folder + "/plan", "rb") as file:
    engine = Engine(unpack(file.read(), Steps))
plan = heap()
most, now = 0, 1_767_225_600_000_000_000
event = {"id": "e", "source": "s", "topic": "t", "value": 9.5, "payload": 9.5, "timestamp": now}
effects = engine.start("main", event, {"session_id": "s", "data": {"total": 0}}, now)
while effects[0].kind:
    most = max(most, heap())
    now += 1_000_000
    effects = engine.resume(effects[0].run, [True, True, ""], now)
most = max(most, heap())
episode = effects[0].episode
bits = 64 if sys.maxsize > 1 << 32 else 32
print(episode["status"], len(episode["steps"]), bits, modules - start, plan - modules, most - plan)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """Bytes.

    Attributes:
        bits: Of a pointer of what it was measured on: a board has 32, and with 64 everything takes more.
        modules: For the code and the objects of the modules.
        plan: For a plan of `STEPS` steps.
        run: For a run of it.
    """

    bits: int
    modules: int
    plan: int
    run: int

    @property
    def free(self) -> int:
        """What is left of a board of `BOARD`; below zero where it would not fit."""
        return BOARD - self.modules - self.plan - self.run


def document() -> str:
    """A protocol of `STEPS` steps, of all kinds that a rule on a board has."""
    steps = "".join(_ROUND.format(i=i) for i in range((STEPS - 2) // 4)) + _ENDS
    lines = "".join(f"      {line}\n" for line in steps.splitlines())
    return f'version: "2.2"\ndialect: edge/1\nname: fifty\nprotocols:\n  - name: main\n    steps:\n{lines}'


def measure(bundle: Bundle, command: list[str]) -> Heap:
    """Measures a version.

    Args:
        bundle: Counted is what its agent imports at its start, and its drivers; without an agent, every module.
        command: Of a MicroPython of the unix port.

    Raises:
        GanglionError: it did not run, or not through all steps; the message has its last words.
    """
    modules = [
        name.removesuffix(".mpy").replace("/", ".") for name in bundle.files if not name.endswith("__init__.mpy")
    ]
    if _AGENT in bundle.files:
        modules = [name for name in modules if name == "ganglion_agent.entry" or ".drivers." in name]
    with tempfile.TemporaryDirectory(prefix="ganglion-firmware-") as scratch:
        folder = Path(scratch)
        for name, data in bundle.on_board().items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        (folder / "plan").write_bytes(compile(load(document(), file="fifty.yaml")).encode())
        (folder / "it.py").write_text(_SCRIPT)
        words = [*command, "-X", "heapsize=2m", str(folder / "it.py"), str(folder)]
        done = subprocess.run(  # noqa: S603 - our own words
            [*words, *modules], capture_output=True, text=True, check=False, env={"MICROPYPATH": ".frozen"}
        )
    said = done.stdout.split()
    if done.returncode or said[:2] != ["completed", str(STEPS)]:
        last = (done.stdout + done.stderr).strip().splitlines()[-1:] or ["nothing"]
        raise GanglionError(f"the heap could not be measured: {command[-1]} said {last[0][:200]}")
    bits, code, plan, run = (int(word) for word in said[2:])
    return Heap(bits=bits, modules=code, plan=plan, run=run)
