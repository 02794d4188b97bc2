# SPDX-License-Identifier: GPL-3.0-or-later
"""A release that no node can run, rolled out to many simulated nodes, some of them hostile: who was told to try it."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from ganglion.errors import GanglionError
from ganglion_tools.bench.gateway_site import Site, until
from ganglion_tools.bench.gateway_worker import Worker

#: Of the release; nodes here do not read it.
_SCRIPT = """\
version: "2.2"
dialect: edge/1
name: bad
triggers:
  - {id: once, start: true, run: note}
protocols:
  - name: note
    steps:
      - {id: keep, action: publish, topic: note/bad, value: 1}
"""
_STAGES = ["1%", "10%", "50%", "100%"]
_OVER = ("aborted", "completed", "paused")
#: Seconds for which nodes are watched after the rollout is over.
_AFTER = 3.0


class Contained(NamedTuple):
    """What became of it.

    Attributes:
        cohort: Nodes of the first stage.
        tried: Nodes that were ever told to run the release.
        outside: Of these, those that are not of the first stage.
        state: Of the rollout in the end.
        seconds: Until it was aborted.
    """

    cohort: int
    tried: int
    outside: int
    state: str
    seconds: float


async def measure(place: Site, workers: list[Worker], *, seed: int = 1) -> Contained:
    """Rolls it out. Raises: GanglionError, nobody was told of it, so nothing was measured."""
    for number, worker in enumerate(workers):
        await worker.ask("behave", seed=seed + number)
    release = await _release(place)
    terms = {"release": release, "selector": "tag=bench", "stages": _STAGES, "soak": "5s", "patience": "20s"}
    loop = asyncio.get_running_loop()
    began = loop.time()
    made = await _post(place, "/rollouts", terms)

    async def is_over() -> bool:
        return (await place.ask(f"/rollouts/{made['id']}"))["state"] in _OVER

    await until(is_over, "the rollout is over", within=180)
    seconds = loop.time() - began
    await asyncio.sleep(_AFTER)
    state = (await place.ask(f"/rollouts/{made['id']}"))["state"]
    listed = (await place.ask(f"/rollouts/{made['id']}/nodes?limit=200"))["nodes"]
    first = {each["node"] for each in listed if each["stage"] == 1}
    tried = {node for worker in workers for node in (await worker.ask("tried"))["tried"]}
    if not tried or not first:
        raise GanglionError(f"bench gateway: the rollout is {state}, and no node was ever told of its release")
    return Contained(len(first), len(tried), len(tried - first), state, seconds)


async def _post(place: Site, path: str, body: dict[str, Any]) -> Any:
    return await asyncio.to_thread(place.gateway.post, f"/api/v1{path}", body)


async def _release(place: Site) -> str:
    """Makes it by the command that people have."""
    file: Path = place.folder / "bad.yaml"
    file.write_text(_SCRIPT)  # noqa: ASYNC240 - a few lines
    words = ["release", "create", "--name", "bad", str(file), "--gateway", place.gateway.url, "--json"]
    words += ["--token-file", str(place.state / "token")]
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "ganglion", *words], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complaint = await process.communicate()
    if process.returncode:
        raise GanglionError(f"bench gateway: the release was not made: {complaint.decode(errors='replace')[-300:]}")
    return str(json.loads(said)["id"])
