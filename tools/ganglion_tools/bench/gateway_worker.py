# SPDX-License-Identifier: GPL-3.0-or-later
"""A process of the bench that does what it is asked: a document on each line of its stdin, one on stdout for each."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from ganglion.errors import GanglionError
from ganglion_tools.child import Child

Document = dict[str, Any]
Deed = Callable[..., Awaitable[Document]]
#: Seconds that a worker has to begin, or to do a thing that should be quick.
PATIENCE = 60.0


class Worker:
    """One that runs; made by `start`."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls, module: str, *words: str, log: Path) -> "Worker":
        """Starts a module of the bench, whose `__main__` calls `serve`; returns when it listens.

        Raises:
            GanglionError: it ended instead.
        """
        argv = [sys.executable, "-m", f"ganglion_tools.bench.{module}", *words]
        child = await Child.start(module, argv, log=log, asked=True)
        try:
            await child.ready(timeout=PATIENCE)
        except BaseException:
            await child.stop(grace=0)
            raise
        return cls(child)

    async def ask(self, do: str, *, within: float = PATIENCE, **more: Any) -> Document:
        """What it answers.

        Raises:
            GanglionError: it could not do it, ended, or took longer than `within` seconds.
        """
        async with self._turn:
            answer = await self.child.ask({"do": do, **more}, timeout=within)
        if "error" in answer:
            raise GanglionError(f"{self.child.name}: {answer['error']}")
        return answer

    async def stop(self) -> None:
        """Ends it."""
        await self.child.stop(grace=1)


async def serve(deeds: Mapping[str, Deed]) -> None:
    """Does what stdin asks, one after the other, until it is closed."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps({"ready": True}), flush=True)
    while line := await reader.readline():
        asked = json.loads(line)
        try:
            answer = await deeds[asked.pop("do")](**asked)
        except GanglionError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


def spread(values: list[float]) -> Document:
    """The middle, the 99th of a hundred and the last of some values, in order of size; nulls for none."""
    if not values:
        return {"p50": None, "p99": None, "most": None}
    values = sorted(values)
    return {
        "p50": values[len(values) // 2],
        "p99": values[min(len(values) * 99 // 100, len(values) - 1)],
        "most": values[-1],
    }
