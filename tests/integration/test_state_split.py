# SPDX-License-Identifier: GPL-3.0-or-later
"""The state that all members share where there is no broker: nodes on cables, as processes in network namespaces."""

import time
from pathlib import Path
from typing import Any

from ganglion.mesh.authority import Authority
from support.mesh_process import MeshProcess, members, provision
from support.network import Network, network
from support.waiting import until_answered


def node(folder: Path, net: Network, authority: Authority, name: str) -> MeshProcess:
    provision(folder, authority, name)
    return MeshProcess(name, net.command(name), {"state": str(folder / name), "name": name, "links": ["lan"]})


async def holds(process: MeshProcess, **expected: Any) -> None:
    """Waits until its copy has these keys, and no others."""

    async def has() -> bool:
        return bool(await process.ask("shared") == {f"shared/{key}": value for key, value in expected.items()})

    await until_answered(has, within=60, what=f"{process.name}: {expected}")


async def test_two_halves_of_a_line_go_on_and_agree_after_they_meet(tmp_path: Path) -> None:
    with network({"ab": ["a", "b"], "bc": ["b", "c"], "cd": ["c", "d"]}) as net:
        authority = Authority.open(tmp_path / "authority", now=time.time_ns())
        a, b, c, d = nodes = [node(tmp_path, net, authority, name) for name in "abcd"]
        async with members(*nodes):
            await a.ask("share", key="shared/all", value="before")
            for each in nodes:
                await holds(each, all="before")
            net.cut("bc")
            await a.ask("share", key="shared/left", value=1)
            await d.ask("share", key="shared/right", value=2)
            await d.ask("share", key="shared/all", value="right")
            await holds(b, all="before", left=1)
            await holds(c, all="right", right=2)
            net.mend("bc")
            for each in nodes:
                await holds(each, all="right", left=1, right=2)
