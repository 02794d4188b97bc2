# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes for tests, each a process of its own."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

#: A node with a simulated chip, by its `name`, the `broker`, and what its configuration says `more`.
CHIP = """
[node]
name = "{name}"
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
[sensor.fridge]
kind = "bme280"
bus = "sim"
{more}
"""


class NodeProcess:
    """`ganglion node run` on a configuration."""

    def __init__(self, process: asyncio.subprocess.Process, state: Path) -> None:
        self.process = process
        self.state = state

    async def ready(self) -> dict[str, object]:
        """What it says when it is."""
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 60)
        return json.loads(line)


@asynccontextmanager
async def node(folder: Path, config: str) -> AsyncIterator[NodeProcess]:
    """A node with this configuration, its files and its state in a folder, until the block ends."""
    (folder / "node.toml").write_text(config)
    words = ["-m", "ganglion", "node", "run", str(folder / "node.toml"), "--state", str(folder / "state")]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=os.environ
    )
    reading = asyncio.create_task(process.stderr.read())
    try:
        yield NodeProcess(process, folder / "state")
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 60)
        finally:
            if process.returncode is None:
                process.kill()
            sys.stderr.write((await reading).decode())
            process._transport.close()
