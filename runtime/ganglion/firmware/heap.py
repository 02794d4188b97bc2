# SPDX-License-Identifier: GPL-3.0-or-later
"""What a version leaves of a board's heap while a plan of 50 steps runs, measured on a real MicroPython.

The agent runs as on a board, in a heap of the same size: started out of its slot, with sensors, an actuator within
limits, and the script, whose run an event begins. It is measured where it holds most, in the last step but one. Both
ways that a board may have are measured: its code in a ROMFS, where it runs in place, and in files, from where it is
copied into the heap. The ROMFS is memory outside of the heap.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ganglion.errors import GanglionError
from ganglion.firmware.bundle import Bundle
from ganglion.mesh.authority import Authority
from ganglion.mesh.credential import GATEWAY, NODE
from ganglion.mesh.identity import Identity
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion_micro import cbor
from ganglion_micro.leaf_key import LeafKey

#: Bytes of heap of the board that is measured against (a Pico W without Wi-Fi's own), and those that are to be free.
BOARD = 164 * 1024
FREE = 90 * 1024
#: The same of a full member of the mesh, which computes Ed25519 in Python.
FULL_FREE = 72 * 1024
STEPS = 50
#: Where code may be: in a ROMFS, where it runs in place, or in files, from where it is copied into the heap.
PLACES = ROM, FILES = "rom", "files"
#: Seconds that a measurement may take.
_LIMIT = 120

_HEAD = """\
version: "2.2"
dialect: edge/1
name: fifty
triggers:
  - {id: go, event: local/go, run: main}
protocols:
  - name: main
    steps:
"""
_ROUND = """\
- {{id: add_{i}, action: set, values: {{total: {before}event.value * {i}}}}}
- {{id: decide_{i}, action: condition, conditions: [{{variable: total, operator: greater_than, value: {i}}}]}}
- {{id: say_{i}, action: log, message: "{{total}} at {{event.topic}}"}}
- {{id: emit_{i}, action: emit, topic: local/total, value: {{total: "{{total}}", step: {i}}}}}
"""
_ENDS = """\
- {id: beep, action: actuate, actuator: buzzer, value: true, for: 5s}
- {id: done, action: end}
"""
_CONFIG = {
    "name": "measured",
    "watchdog": "0s",
    "sensors": {"soil": {"driver": "adc", "pin": 26, "unit": "%"}, "door": {"driver": "pin", "pin": 3}},
    "actuators": {
        "buzzer": {"driver": "pin", "pin": 15, "max_on": "20m", "min_on": "1s", "max_silence": "1m", "risk": "low"}
    },
}
#: The way to a parent, where the version has one over a network, or to a broker, where it is a full member's.
_NETWORK = {"uplink": {"kind": "none"}, "parent": {"host": "127.0.0.1", "port": 9}}
_UPLINK = "ganglion_agent/uplink.mpy"
_BROKER = {"uplink": {"kind": "none"}, "broker": "mqtt://127.0.0.1:9"}
#: The boot of `ganglion_agent.boot`, with a look at the heap between its parts.
_SCRIPT = """
import gc, sys

folder, place, verb = sys.argv[1:4]
found = []

def heap():
    gc.collect()
    return gc.mem_alloc()

class Pin:
    IN, OUT, PULL_UP, PULL_DOWN = range(4)
    def __init__(self, number, mode=0, pull=None, value=None):
        self.on_change = []
    def value(self, value=None):
        if value == 1:
            found.append(heap())
        return 0

class ADC:
    def __init__(self, pin):
        pass
    def read_u16(self):
        return 30000

class Machine:
    Pin, ADC = Pin, ADC

class Rom:
    def __init__(self, size):
        import ffi, uctypes
        at = ffi.open("libc.so.6").func("p", "malloc", "i")(size)
        self.memory = uctypes.bytearray_at(at, size)
        import vfs
        self.VfsRom, self.mount, self.umount = vfs.VfsRom, vfs.mount, vfs.umount
    def rom_ioctl(self, what, number, *more):
        if what == 2:
            return self.memory
        if what == 4:
            self.memory[more[0] : more[0] + len(more[1])] = more[1]
        return 0

sys.modules["machine"] = Machine
if place == "rom":
    sys.modules["vfs"] = Rom(512 * 1024)
sys.path.insert(0, folder)
import json, os  # are the board's own
bits = 64 if sys.maxsize > 1 << 32 else 32
heap()
if int(sys.argv[4]):  # as much heap as the board has, and no more
    ballast = bytearray(gc.mem_free() - int(sys.argv[4]) * bits // 32)
start = heap()
from ganglion_agent import boot
slot = boot._chosen(folder)
boot._timers.clear()  # of the trial
path = boot._in_place(folder, slot) if place == "rom" else folder + "/" + slot
boot._forget(folder, slot)
sys.path.insert(0, path)
if verb == "modules":
    for name in sys.argv[5:]:
        before = heap()
        __import__(name)
        print(name, heap() - before)
    sys.exit()
for name in sys.argv[5:]:
    __import__(name)
from ganglion_agent import entry, runner
modules = heap()

async def run(self):
    agent = heap()
    now = self.clock.ms()
    self.turn(now, 0)
    with open(folder + "/plan", "rb") as file:
        self.device.scripts().load(file.read(), self.device.now())
    plan = heap()
    self.device.runner.emit("local/go", 9.5, "here")
    while not self.device.runner.counts["completed"] + self.device.runner.counts["failed"]:
        self.turn(now, 20)
    counts = self.device.runner.counts
    print("\\nran", counts["completed"], bits, modules - start, agent - modules, plan - agent, found[0] - plan)
    raise KeyboardInterrupt

entry.agent.Agent.run = run
try:
    entry.main(folder, slot)
except KeyboardInterrupt:
    pass
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """Bytes.

    Attributes:
        place: Where the code is: `ROM` or `FILES`.
        bits: Of a pointer of what it was measured on: a board has 32, and with 64 everything takes more.
        fits: Whether it ran in a heap of a board's size; where little is free, that is in too many pieces.
        modules: For the code and the objects of the modules, and what has started them.
        agent: For its configuration, sensors, actuators and its talk with the parent.
        plan: For a plan of `STEPS` steps.
        run: For a run of it.
        wanted: That are to be free.
    """

    place: str
    bits: int
    fits: bool
    modules: int
    agent: int
    plan: int
    run: int
    wanted: int = FREE

    @property
    def is_of_a_board(self) -> bool:
        """Whether it was measured with pointers of a board."""
        return self.bits == 32

    @property
    def is_enough(self) -> bool | None:
        """Whether as much is free as is to be; None where it was not measured with a board's pointers."""
        return self.fits and self.free >= self.wanted if self.is_of_a_board else None

    @property
    def free(self) -> int:
        """What is left of a board of `BOARD`; below zero where it would not fit."""
        return BOARD - self.modules - self.agent - self.plan - self.run


def document() -> str:
    """A protocol of `STEPS` steps, of all kinds that a rule on a board has, which an event begins."""
    steps = "".join(_ROUND.format(i=i, before="total + " if i else "") for i in range((STEPS - 2) // 4)) + _ENDS
    return _HEAD + "".join(f"      {line}\n" for line in steps.splitlines())


def measure(bundle: Bundle, command: list[str], place: str = ROM) -> Heap:
    """Measures a version.

    Args:
        bundle: Counted is what its agent imports while a script runs, and its drivers.
        command: Of a MicroPython of the unix port.
        place: Where its code is.

    Raises:
        GanglionError: it did not run, or not through all steps; the message has its last words.
    """
    drivers = [name for name in bundle.modules() if ".drivers" in name]
    fits = True
    try:
        said = _said(bundle, command, place, "run", drivers, BOARD)
    except GanglionError as error:
        if "MemoryError" not in str(error):
            raise
        fits = False
        said = _said(bundle, command, place, "run", drivers)
    words = said[-1].split() if said else []
    if words[:2] != ["ran", "1"]:
        raise _unmeasured(command, said)
    bits, modules, agent, plan, run = (int(word) for word in words[2:])
    wanted = FULL_FREE if bundle.is_full else FREE
    return Heap(place=place, bits=bits, fits=fits, modules=modules, agent=agent, plan=plan, run=run, wanted=wanted)


def profile(bundle: Bundle, command: list[str], place: str = ROM) -> dict[str, int]:
    """Bytes of heap that each module takes when it is imported after those that it needs; also of those that wait.

    Raises:
        GanglionError: one cannot be imported.
    """
    names = bundle.modules()
    lines = (line.split() for line in _said(bundle, command, place, "modules", names))
    return {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[0] in names}


def _said(
    bundle: Bundle, command: list[str], place: str, verb: str, modules: Iterable[str], heap: int = 0
) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="ganglion-firmware-") as scratch:
        folder = Path(scratch)
        for name, data in bundle.on_board().items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        (folder / "plan").write_bytes(compile(load(document(), file="fifty.yaml")).encode())
        way = _NETWORK if _UPLINK in bundle.files else {"uplink": {"kind": "serial"}}
        (folder / "agent.json").write_text(json.dumps(_CONFIG | (_BROKER if bundle.is_full else way)))
        (folder / "leaf.key").write_text(LeafKey(bytes(8), bytes(32)).text())
        if bundle.is_full:
            _join(folder)
        (folder / "it.py").write_text(_SCRIPT)
        words = [*command, "-X", "heapsize=2m", str(folder / "it.py"), str(folder), place, verb, str(heap), *modules]
        try:
            done = subprocess.run(  # noqa: S603 - our own words
                words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                env={"MICROPYPATH": ".frozen"},
                timeout=_LIMIT,
            )
        except subprocess.TimeoutExpired:
            raise GanglionError(
                f"the heap could not be measured: {command[-1]} has not ended after {_LIMIT} s: try another MicroPython"
            ) from None
    lines = done.stdout.strip().splitlines()
    if done.returncode:
        raise _unmeasured(command, lines + done.stderr.strip().splitlines())
    return lines


def _join(folder: Path) -> None:
    """What a board has on its flash that is a member of a mesh."""
    (folder / "mesh").mkdir()
    with tempfile.TemporaryDirectory(prefix="ganglion-firmware-") as scratch:
        now = time.time_ns()
        authority = Authority.open(Path(scratch), now=now)
        board, gateway = (
            authority.issue(Identity.create().public, name="measured", roles=[role], now=now)
            for role in (NODE, GATEWAY)
        )
        kept = {
            "credential": board,
            "gateways": cbor.encode([[gateway, 1]]),
            "bundle": authority.bundle(now=now),
            "revoked": authority.revocations(now=now).data,
            "holds": authority.gateways(now=now).data,
        }
    for name, data in kept.items():
        (folder / "mesh" / name).write_bytes(data)


def _unmeasured(command: list[str], said: list[str]) -> GanglionError:
    errors = [line for line in said if "Error: " in line] or said or ["nothing"]
    return GanglionError(f"the heap could not be measured: {command[-1]} said {errors[-1][:200]}")
