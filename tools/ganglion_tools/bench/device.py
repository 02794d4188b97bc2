# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion bench device`: files to a board beside mpremote, an edit until it runs, an update, scripts on MicroPython.

The boards are emulated or a MicroPython of this machine: what is measured is the way there, not a chip.
"""

import asyncio

from ganglion.errors import UsageError
from ganglion.firmware.bundle import build
from ganglion.firmware.heap import BOARD, FREE, STEPS, measure
from ganglion.firmware.interpreter import cached
from ganglion_tools.bench import device_edit, device_engine, device_farm, device_files, device_update
from ganglion_tools.bench.figure import Figure, figure
from ganglion_tools.bench.progress import begins
from ganglion_tools.emulated_board import board
from ganglion_tools.micropython import interpreter

#: Bytes of the file that is put and got, and times that each command does it.
FILE, REPEATS = 48 * 1024, 5
#: Saves of a file that is edited.
EDITS = 5
#: Bytes of the update, and the share of messages that is lost on its way.
UPDATE, LOSS = 60 * 1024, 0.05
#: Seconds from a save to what was saved running.
_EDIT_GOAL = 2.0


def figures() -> list[Figure]:
    """All of them; takes two minutes.

    Raises:
        UsageError: an extra that this needs is not installed.
        GanglionError: a part does not start, or something did not arrive as it was.
    """
    from ganglion.cli.extras import is_installed

    for extra in ("serial", "firmware", "gateway", "tools"):
        if not is_installed(extra):
            raise UsageError(f"bench device: needs more than is installed: pip install 'ganglion[{extra}]'")
    return [*_files(), *_serial(), *asyncio.run(_mesh()), *_engine()]


def _files() -> list[Figure]:
    begins("device", f"files of {FILE // 1024} KiB beside mpremote, {REPEATS} times each")
    return [
        figure(
            name=f"{what} of {FILE // 1024} KiB on an emulated Cortex-M3",
            unit="B/s",
            value=rates[device_files.OURS],
            more_is_better=True,
            peer=device_files.MPREMOTE,
            peer_value=rates.get(device_files.MPREMOTE),
            goal=1.0,
        )
        for what, rates in device_files.rates(FILE, REPEATS).items()
    ]


def _serial() -> list[Figure]:
    begins("device", "an edit until it runs, on a board on a serial port")
    with board("cortex-m3", device_files.CACHE) as port:
        return [_edit("a board on a serial port", device_edit.seconds(port, EDITS, {}))]


def _edit(where: str, seconds: float) -> Figure:
    name = f"from a save to running, on {where}"
    return figure(name=name, unit="s", value=seconds, more_is_better=False, goal=_EDIT_GOAL)


async def _mesh() -> list[Figure]:
    begins("device", "a broker, a gateway, a node and a leaf, until they are one mesh")
    async with device_farm.farm() as farm:
        found = []
        for where, device in (
            ("a node", device_farm.NODE),
            ("a leaf", f"{device_farm.NODE}/{device_farm.LEAF}"),
        ):
            begins("device", f"an edit until it runs, on {where}")
            found.append(_edit(where, await asyncio.to_thread(device_edit.seconds, device, EDITS, farm.environment)))
        took = []
        for loss in (0.0, LOSS):
            begins("device", f"an update of {UPDATE / 1024:g} KiB over the mesh with {loss:.0%} loss")
            took.append(await asyncio.to_thread(device_update.seconds, farm, UPDATE, loss))
    whole, lossy = took
    name = f"update of {UPDATE / 1024:g} KiB over the mesh with {LOSS:.0%} loss"
    without = "the same without loss"
    return [
        *found,
        figure(name=name, unit="s", value=lossy, more_is_better=False, peer=without, peer_value=whole),
    ]


def _engine() -> list[Figure]:
    begins("device", "steps of a script on an emulated board")
    engine = device_engine.measure(device_files.CACHE)
    begins("device", "the heap of the agent under MicroPython of 32 bits")
    heap = measure(build(), interpreter(cached("i386"), "i386"))
    return [
        figure(
            name="steps of a script on an emulated Cortex-M3",
            unit="1/s",
            value=engine.steps_per_second,
            more_is_better=True,
        ),
        figure(
            name=f"heap that is free of {BOARD // 1024} KiB, a plan of {STEPS} steps running",
            unit="KiB",
            value=heap.free / 1024,
            more_is_better=True,
            goal=FREE / 1024,
        ),
    ]
