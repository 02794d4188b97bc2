# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mesh of five hundred costs one node: memory, and the flash it wears (design: M7, T11)."""

import asyncio
import os
from pathlib import Path

import pytest

from support import power
from support.mesh_field import Field, until
from support.mesh_process import MeshProcess, members
from support.network import network

pytestmark = pytest.mark.untraced

MEMBERS = 500


def resident(process: MeshProcess) -> float:
    """MiB of memory that a process has."""
    assert process.process is not None
    for line in Path(f"/proc/{process.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


async def test_t11_a_node_in_a_mesh_of_five_hundred_stays_small_and_spares_its_flash(tmp_path: Path) -> None:
    with network({"lan": ["node", "herd"]}) as net:
        field = Field(tmp_path, net)
        watched = power.watching(tmp_path)
        # What measures which lines are run weighs several MiB itself.
        bare = [f"--unset={name}" for name in os.environ if name.startswith(("COV_", "COVERAGE_"))]
        node = field.node("node", before=["env", *bare, *(f"{name}={value}" for name, value in watched.items())])
        herd = field.herd("herd", "lan", count=MEMBERS, to="node")
        async with members(node, herd):
            await until(node, lambda status: len(status["routes"]) == MEMBERS, within=150, what="all routes")
            await until(node, lambda status: len(status["peers"]) == MEMBERS, within=150, what="all births")
            await until(herd, lambda status: status["ready"] == MEMBERS, within=150, what="all know the node")
            for first in range(0, MEMBERS, 25):
                floods = int(first < 100)  # each goes to all of the hub's cables, where it is lost
                said = await herd.ask("traffic", first=first, count=25, requests=1, events=1, floods=floods)
                assert said == {"answered": 25, "unanswered": 0}
            assert len(await node.ask("notes")) == MEMBERS
            sizes = (await node.ask("status"))["sizes"]
            assert (sizes["neighbours"], sizes["statements"], sizes["routes"]) == (1, MEMBERS, MEMBERS + 1)
            assert sizes["sources"] <= 1024
            assert sizes["kept"] <= 512
            assert max(sizes["seen"], sizes["passed"]) <= 8192
            await until(node, lambda status: not status["sizes"]["updates"], within=60, what="all updates are heard")
            assert resident(node) <= 40
            synced = sum(operation.what == "s" for operation in power.operations(tmp_path))
            assert synced, "nothing is seen of what it writes"
            await asyncio.sleep(10)
            idle = sum(operation.what == "s" for operation in power.operations(tmp_path)) - synced
            assert idle <= 10, idle
            assert resident(node) <= 40
