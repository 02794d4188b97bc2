# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases that bring another version of Ganglion: real wheels, a real gateway, and nodes that are processes."""

import hashlib
from pathlib import Path
from typing import Any

from ganglion import __version__
from ganglion.release.agent import PIECE
from ganglion.release.trees import Trees
from support.brokers import mosquitto_broker
from support.gateway import Here, here
from support.released import GOOD, Service, assign, create, fridge, reported
from support.waiting import until, until_answered
from support.wheels import tiny, wheel, whole

NEWER, FALSE = "91.2.0", "92.0.0"


async def sent(site: Here, *wheels: tuple[str, bytes]) -> list[dict[str, Any]]:
    """Wheels that the gateway has, for `POST /releases`."""
    listed = []
    for name, data in wheels:
        pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
        for piece in pieces:
            answer = await site.http.put(f"/api/v1/releases/files/{hashlib.sha256(piece).hexdigest()}", content=piece)
            assert answer.status_code == 200, answer.text
        listed.append({"name": name, "pieces": [hashlib.sha256(piece).hexdigest() for piece in pieces]})
    return listed


async def runs(site: Here, version: str) -> None:
    """Until the inventory says that the node is there with this version."""

    async def there() -> bool:
        node = await site.get("/nodes/fridge")
        return bool(node["online"] and node["sw"] == f"ganglion/{version}")

    await until_answered(there, what=f"fridge runs {version}")


def trees(service: Service) -> set[str]:
    """Versions on the node's disk."""
    path = Trees.of(service.folder / "state").path
    return {each.name for each in path.iterdir()} if path.is_dir() else set()


async def test_a_node_runs_the_ganglion_that_its_release_brings_and_goes_back(tmp_path: Path) -> None:
    async with (
        mosquitto_broker(tmp_path / "broker") as broker,
        here(tmp_path / "gateway", broker.url) as site,
        fridge(site, tmp_path / "node", broker.url) as service,
    ):
        good = wheel(NEWER, whole(NEWER))
        other = wheel(FALSE, tiny(FALSE, "raise SystemExit"), tag="cp311-abi3-musllinux_1_2_mipsel")
        release = await create(
            site,
            "newer",
            {"door.yaml": GOOD.format(name="door")},
            agent=await sent(site, good, other),
            requires={"agent": ">=91"},
            window=5,
        )
        id = hashlib.sha256(good[1]).hexdigest()
        await assign(site, release)
        # SIGKILL at each step: while it is fetched, while it is unpacked, when it is tried
        await until(lambda: any((service.folder / "state" / "release").glob("*.new/parts/*")))
        service.kill()
        await until(lambda: f"{id}.new" in trees(service))
        service.kill()
        await until(lambda: service.record.trial == release)
        service.kill()
        await reported(site, "committed", release)
        await runs(site, NEWER)
        known = await site.get("/nodes/fridge")
        assert (known["caps"]["agent"]["base"], known["caps"]["agent"]["wheel"]) == (__version__, id)
        assert trees(service) == {id}, "the wheel for another machine was not fetched"
        assert not (Trees.of(service.folder / "state").library(id) / "ganglion_gateway").exists()
        starts = service.starts
        service.kill()
        await until(lambda: service.starts > starts)
        await runs(site, NEWER)

        # The same Ganglion with another script is nothing to fetch again, and one that cannot run is left for it
        starts = service.starts
        again = await create(site, "again", {"b.yaml": GOOD.format(name="b")}, agent=await sent(site, good))
        await assign(site, again)
        await reported(site, "committed", again)
        assert service.starts == starts, "it became another program in the place of its process"
        broken = wheel(FALSE, tiny(FALSE, "import nothing_of_this_name\n"))
        bad = await create(site, "bad", {}, agent=await sent(site, broken))
        await assign(site, bad)
        said = await reported(site, "reverted", bad)
        assert "ModuleNotFoundError: No module named 'nothing_of_this_name'" in said["why"]
        await runs(site, NEWER)
        assert service.record.current == again

        # Back to what is installed
        await assign(site, None)
        await reported(site, "committed", None)
        await runs(site, __version__)
        assert trees(service) == set()
