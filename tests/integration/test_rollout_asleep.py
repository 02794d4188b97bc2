# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that says of itself that it sleeps: it is asleep and not missing, and a rollout waits until it wakes."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from ganglion.cli.main import main
from support.brokers import mosquitto_broker
from support.gateway import Here, here, served
from support.released import GOOD, create, fridge, reported
from support.waiting import until, until_answered


async def metric(site: Here, name: str) -> float | None:
    """The value of a metric, labels and all."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", (await site.http.get("/metrics")).text, re.MULTILINE)
    return None if found is None else float(found[1])


async def test_a_rollout_waits_for_a_node_that_sleeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        mosquitto_broker(tmp_path / "broker") as broker,
        here(tmp_path / "gateway", broker.url) as site,
        fridge(site, tmp_path / "node", broker.url, of_node='sleeps = "1h"') as service,
        served(site) as url,
    ):
        monkeypatch.setenv("GANGLION_GATEWAY", url)
        monkeypatch.setenv("GANGLION_TOKEN", site.token)

        async def says(*words: str) -> str:
            assert await asyncio.to_thread(main, list(words)) == 0, words
            return capsys.readouterr().out

        node = site.services.fleet.find("fridge")
        await service.sleep()
        await until(lambda: not node.online, what="it is gone")
        assert "sleeps              1 h at a time at most" in await says("fleet", "show", "fridge")
        assert "it sleeps, 1 h at a time at most" in await says("fleet", "why", "fridge")
        assert (
            json.loads(await says("fleet", "list", "--where", "sleeps=yes", "--json"))["nodes"][0]["health"] == "asleep"
        )
        assert await metric(site, 'ganglion_gateway_nodes{presence="asleep"}') == 1
        assert await metric(site, 'ganglion_gateway_nodes{presence="offline"}') == 0, "no alert is raised for it"

        release = await create(site, "door", {"door.yaml": GOOD.format(name="door")})
        words = ("door", "--to", "all", "--stages", "100%", "--id", "spring")
        plan = await says("rollout", "plan", *words)
        assert "fridge (asleep)" in plan
        assert "1 of them is asleep: it gets it when it wakes" in plan
        await says("rollout", "start", *words, "--soak", "3s")

        async def is_late() -> bool:
            late = await metric(site, 'ganglion_gateway_rollout_overdue_seconds{rollout="spring"}')
            return late is not None and late > 0

        await until_answered(is_late, what="the stage takes longer than its soak")
        standing = await site.get("/rollouts/spring")
        assert (standing["state"], standing["nodes"]) == ("running", {"waiting": 1})
        assert [each["sleeps"] for each in (await site.get("/rollouts/spring/nodes"))["nodes"]] == [True]

        service.awake.set()
        await reported(site, "committed", release)
        await service.sleep()

        async def is_over() -> bool:
            return bool((await site.get("/rollouts/spring"))["state"] == "completed")

        await until_answered(is_over, what="it was completed with a node that sleeps again")
