# SPDX-License-Identifier: GPL-3.0-or-later
"""A power cut before every operation of a node's releases on its disk: what runs is whole, and it gets to its end."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from ganglion.release import pull
from ganglion.release.folder import Folder
from ganglion.release.record import OWN
from support.release_story import Disk, FakeGateway, PowerCut, fast, lived, settled

#: Where files cost no sync: hundreds of disks are tried.
MEMORY = Path("/dev/shm")


async def story(root: Path, own: Path, gateway: FakeGateway, first: str, second: str) -> None:
    folder = Folder(root)
    gateway.assign(first)
    await settled(folder, own, gateway)
    gateway.assign(second)
    await settled(folder, own, gateway)
    gateway.assign(OWN)
    await settled(folder, own, gateway)


async def test_a_power_cut_before_any_operation_leaves_what_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast(monkeypatch)
    monkeypatch.setattr(pull, "CHUNK", 400)
    own = tmp_path / "node.toml"
    own.write_text('[node]\nname = "fridge"\nboard = "sim"\n')
    authority = tmp_path / "authority"
    maker = FakeGateway(authority)
    same, other = os.urandom(900), os.urandom(300)
    first = maker.make("first", {"a.yaml": same, "b.yaml": b""})
    second = maker.make("second", {"a.yaml": same, "deep/c.yaml": other, "node.toml": b"[console]\nshell = true\n"})

    def gateway() -> FakeGateway:
        made = FakeGateway(authority)
        made.messages, made.files = maker.messages, maker.files
        return made

    base = memory(tmp_path) / f"release-{os.getpid()}"
    try:
        with Disk(base / "whole").watched() as disk:
            await story(base / "whole", own, gateway(), first, second)
        assert disk.count > 100
        for cut in range(disk.count):
            root = base / str(cut)
            asked = gateway()
            lost = Disk(root, cut, seed=cut)
            with lost.watched():
                try:
                    await story(root, own, asked, first, second)
                except PowerCut:
                    pass
                except BaseExceptionGroup as group:
                    assert group.subgroup(PowerCut) is not None, group
            lost.lose()
            committed = [each["release"] for each in asked.reports if each["state"] == "committed"]
            begun = await lived(Folder(root), own, asked)
            if committed and asked.release != OWN:  # what the gateway knows to be kept is, until something else is
                assert begun.record.runs in (committed[-1], asked.release), f"cut {cut}: {begun.record}"
            assert begun.record.runs == OWN or Folder(root).whole(begun.record.runs) is not None
            assert begun.config.console.shell is (begun.release is not None and begun.release.name == "second")
            ended = await settled(Folder(root), own, asked)
            assert ended.record.current == asked.release, cut
            assert asked.reports[-1]["state"] == "committed"
            await asyncio.to_thread(_gone, root)
    finally:
        await asyncio.to_thread(_gone, base)


def memory(otherwise: Path) -> Path:
    return MEMORY if MEMORY.is_dir() else otherwise


def _gone(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
