# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion firmware size`: what a version takes of a board's flash and heap, beside what it may take."""

from collections.abc import Mapping
from typing import Any

from ganglion.cli.firmware import contents, flash
from ganglion.cli.result import Result, table
from ganglion.firmware.bundle import Bundle, module_of
from ganglion.firmware.heap import BOARD, FILES, PLACES, ROM, STEPS, Heap, measure, profile
from ganglion.firmware.interpreter import find

_KIB = 1024
#: Modules that are named where a budget is missed.
_LARGEST = 5
_WORDS = {ROM: "with the code in a ROMFS", FILES: "with the code in files"}


def size(bundle: Bundle, place: str) -> Result:
    """Weighs a version.

    Args:
        place: Where the board has its code, for the budget of its heap.

    Exit codes: 0 it is within its budgets, 1 it is not. A heap that was not measured on a MicroPython with pointers of
    32 bits is within none and misses none.
    """
    command = find()
    heaps = {each: measure(bundle, command, each) for each in PLACES} if command else {}
    taken = profile(bundle, command, place) if command else {}
    sizes = {module_of(name): len(data) for name, data in bundle.files.items()}
    missed = []
    if bundle.size > bundle.budget:
        missed.append(_missed("flash", bundle.size - bundle.budget, sizes))
    if heaps and heaps[place].is_enough is False:
        missed.append(_missed("heap", max(0, heaps[place].wanted - heaps[place].free), taken))
    data = contents(bundle) | {"heap": _heap_data(heaps, place, taken), "missed": missed}

    def text() -> str:
        head = ("module", "bytes", "heap") if taken else ("module", "bytes")
        rows = [(name, sizes[name], taken.get(name, ""))[: len(head)] for name in bundle.modules()]
        return "\n".join([table(head, rows), flash(bundle), *_heap(heaps, place), *map(_said, missed)])

    return Result(data=data, text=text, exit_code=1 if missed else 0)


def _missed(budget: str, over: int, sizes: Mapping[str, int]) -> dict[str, Any]:
    largest = sorted(sizes, key=lambda name: -sizes[name])[:_LARGEST]
    return {"budget": budget, "over": over, "largest": [{"name": name, "bytes": sizes[name]} for name in largest]}


def _said(missed: dict[str, Any]) -> str:
    largest = ", ".join(f"{each['name']} {each['bytes']}" for each in missed["largest"])
    return f"the budget of {missed['budget']} is missed by {missed['over']} bytes; the largest are {largest}"


def _heap_data(heaps: Mapping[str, Heap], place: str, taken: Mapping[str, int]) -> dict[str, Any] | None:
    if not heaps:
        return None
    head = {"bits": heaps[place].bits, "steps": STEPS, "board": BOARD, "wanted": heaps[place].wanted, "code": place}
    found = {name: _parts(heap) for name, heap in heaps.items()}
    return head | found[place] | found | {"each": dict(taken)}


def _parts(heap: Heap) -> dict[str, Any]:
    parts = {"modules": heap.modules, "agent": heap.agent, "plan": heap.plan, "run": heap.run, "free": heap.free}
    return parts | {"fits": heap.fits, "enough": heap.is_enough}


def _heap(heaps: Mapping[str, Heap], place: str) -> list[str]:
    if not heaps:
        return ["heap: not measured, as there is no MicroPython here: put the unix port's `micropython` on the PATH"]
    lines = []
    for name, heap in heaps.items():
        said = "which is enough" if heap.is_enough else f"and {heap.wanted // _KIB} KiB are wanted"
        if not heap.fits:
            said = "in too many pieces for it to run"
        elif not heap.is_of_a_board:
            said = f"with pointers of {heap.bits} bits, so a board has more"
        elif name != place:
            said = "for comparison"
        lines.append(
            f"heap {_WORDS[name]}: {heap.modules / _KIB:.1f} KiB for modules, {heap.agent / _KIB:.1f} for the agent's "
            f"objects, {heap.plan / _KIB:.1f} for a plan of {STEPS} steps and {heap.run / _KIB:.1f} for a run of it: "
            f"{heap.free / _KIB:.1f} KiB of {BOARD // _KIB} KiB stay free, {said}"
        )
    return lines
