# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a node's releases without a mesh: a gateway that answers in this process, and a disk that loses power.

What is on the disk is the real files of a folder; what a power cut takes from it is what was not synced: bytes of a
file become others, a rename has not happened.
"""

import asyncio
import hashlib
import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ganglion.errors import RefusedError
from ganglion.mesh.authority import Authority
from ganglion.release import keeper, manifest
from ganglion.release.folder import Folder
from ganglion.release.keeper import Keeper
from ganglion.release.launch import Launched
from ganglion.release.link import Reach
from ganglion.release.record import Record
from ganglion.release.start import Begun, begin
from ganglion.release.trial import Seen
from ganglion_micro import gl1

NOW = 1_790_000_000_000_000_000


class PowerCut(BaseException):
    """Nothing more happens."""


class FakeGateway:
    """What a node asks, answered at once. Its `member` and `on_request` are those of a `MeshClient`."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority.open(folder, now=NOW)
        self.member = SimpleNamespace(trust=self.authority.trust(now=NOW))
        self.messages: dict[str, bytes] = {}
        self.files: dict[bytes, bytes] = {}
        self.number, self.release = 0, ""
        self.reports: list[dict[str, Any]] = []
        self.asked: list[str] = []

    def on_request(self, *_: object, **__: object) -> None:
        """Nobody asks the node."""

    def make(self, name: str, files: Mapping[str, bytes], **more: Any) -> str:
        made = manifest.made(name, files, window=2, **more)
        self.messages[made.id] = self.authority.state(gl1.MANIFEST, made.encode(), now=NOW)
        self.files |= {hashlib.sha256(data).digest(): data for data in files.values()}
        return made.id

    def assign(self, release: str) -> None:
        self.number, self.release = self.number + 1, release

    async def request(self, method: str, params: dict[str, Any], *, timeout: float) -> Any:
        self.asked.append(method)
        if method == "release.desired":
            return {"number": self.number, "release": self.release}
        if method == "release.report":
            self.reports.append(params)
            return {}
        if params["release"] != self.release:
            raise RefusedError("it is not to run this release")
        if method == "release.manifest":
            return self.messages[params["release"]]
        return self.files[params["file"]][params["offset"] :][: params["length"]]

    def states(self, release: str) -> list[str]:
        """What was reported of a release, each serial once."""
        told = {each["serial"]: each["state"] for each in self.reports if each["release"] == release}
        return [told[serial] for serial in sorted(told)]


class FakeLine:
    """A link that is as it is told to be."""

    def __init__(self) -> None:
        self.up = True
        self.found = Reach.THERE

    async def reach(self) -> Reach:
        return self.found


class FakeSite:
    """A node that is as it is told to be."""

    board = "sim"

    def __init__(self) -> None:
        self.health = Seen()
        self.ended = asyncio.Event()

    def seen(self) -> Seen:
        return self.health

    def capabilities(self) -> dict[str, Any]:
        return {"sensors": {"fridge.temperature": {}}, "actuators": {}}

    def restart(self) -> None:
        self.ended.set()


def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for nothing but what happens."""
    monkeypatch.setattr(keeper, "_LOOK", 0.0001)
    monkeypatch.setattr(keeper, "RETRY", 0.0)


async def lived(
    folder: Folder,
    own: Path,
    gateway: FakeGateway,
    health: Seen | None = None,
    *,
    launched: Launched | None = None,
    until: Callable[[Record], bool] = lambda record: False,
) -> Begun:
    """One start of a node: until it starts anew, or what should run does or was given up. The start, at its end."""
    ticks = iter(range(10**9))
    begun = begin(folder, own, lambda: NOW + next(ticks), launched or Launched())
    site = FakeSite()
    site.health = health or Seen()
    lives = Keeper(begun, site, gateway, FakeLine(), lambda: next(ticks) * 0.3)  # type: ignore[arg-type]
    running = asyncio.create_task(lives.run())
    ended = asyncio.create_task(site.ended.wait())
    try:
        while not (ended.done() or running.done() or is_settled(begun.record, gateway) or until(begun.record)):  # noqa: ASYNC110
            await asyncio.sleep(0.0005)
    finally:
        ended.cancel()
        running.cancel()
        done = (await asyncio.gather(running, return_exceptions=True))[0]
        if isinstance(done, BaseException) and not isinstance(done, asyncio.CancelledError):
            raise done
    return begun


def is_settled(record: Record, gateway: FakeGateway) -> bool:
    """Whether there is nothing more to do."""
    known = record.number == gateway.number and not record.untold
    return known and (record.is_met or record.given_up == record.number) and record.trial is None


async def settled(folder: Folder, own: Path, gateway: FakeGateway, health: Seen | None = None) -> Begun:
    """Starts the node until what it should run is settled."""
    for _ in range(10):
        begun = await lived(folder, own, gateway, health)
        if is_settled(begun.record, gateway):
            return begun
    raise AssertionError(f"it is not settled: {begun.record}")


class Disk:
    """A folder whose power is cut before an operation.

    Args:
        cut: Which; -1 for none.
    """

    def __init__(self, folder: Path, cut: int = -1, seed: int = 0) -> None:
        self._folder = str(folder)
        self._cut = cut
        self._dice = random.Random(seed)
        self.count = 0
        self._written: list[tuple[str, int, int]] = []
        self._renamed: list[tuple[str, str, bytes | None]] = []

    @contextmanager
    def watched(self) -> Iterator["Disk"]:
        """Has what is done in the folder counted, and cut off."""
        with pytest.MonkeyPatch.context() as patch:
            for module, name in ((os, "pwrite"), (os, "fsync"), (os, "replace"), (os, "link"), (shutil, "rmtree")):
                patch.setattr(module, name, self._around(name, getattr(module, name)))
            yield self

    def _around(self, name: str, call: Any) -> Any:
        def done(*args: Any, **more: Any) -> Any:
            where = os.readlink(f"/proc/self/fd/{args[0]}") if isinstance(args[0], int) else str(args[0])
            if not where.startswith(self._folder):
                return call(*args, **more)
            self.count += 1
            if self._cut >= 0 and self.count > self._cut:
                if name == "pwrite" and self.count == self._cut + 1:  # torn
                    call(args[0], args[1][: len(args[1]) // 2], args[2])
                    self._written.append((where, args[2], len(args[1]) // 2))
                raise PowerCut
            if name == "pwrite":
                self._written.append((where, args[2], len(args[1])))
            elif name == "fsync":
                self._written = [each for each in self._written if each[0] != where]
                self._renamed = [each for each in self._renamed if str(Path(each[1]).parent) != where]
            elif name == "replace":
                old = Path(args[1])
                self._renamed.append((where, str(old), old.read_bytes() if old.is_file() else None))
            return call(*args, **more)

        return done

    def lose(self) -> None:
        """What was not synced may be otherwise."""
        for where, offset, length in self._written:
            if self._dice.random() < 0.7 and Path(where).exists():
                with Path(where).open("r+b") as file:
                    file.seek(offset)
                    file.write(self._dice.randbytes(length))
        for old, new, before in reversed(self._renamed):
            if self._dice.random() < 0.5 and Path(new).exists():
                os.rename(new, old)
                if before is not None:
                    Path(new).write_bytes(before)
