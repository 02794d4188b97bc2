# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases on real nodes, through a real broker and gateway."""

from pathlib import Path

from support.brokers import Broker
from support.gateway import here
from support.released import GOOD, assign, create, fridge, reported


async def test_a_release_is_assigned_fetched_tried_and_kept(broker: Broker, tmp_path: Path) -> None:
    async with here(tmp_path / "gateway", broker.url) as site, fridge(site, tmp_path / "node", broker.url) as service:
        heard: list[tuple[str | None, str]] = []

        async def hear(node: str, release: str | None, state: str, why: str, at: int) -> None:
            heard.append((release, state))

        site.services.releases.listeners.append(hear)
        release = await create(site, "one", {"door.yaml": GOOD.format(name="door")})
        await assign(site, release)
        await reported(site, "committed", release)
        states = [state for _, state in heard]
        assert states == ["waiting", "downloading", "staged", "trial", "healthy", "committed"]
        assert {each for each, _ in heard} == {release}
        listed = await site.post("/nodes/fridge/commands", {"method": "scripts.list"})
        assert [each["name"] for each in listed["result"]["scripts"]] == ["door"]
        assert service.record.current == release
        assert service.starts == 1, "it became another program in the place of its process"
        await assign(site, None)
        await reported(site, "committed", None)
