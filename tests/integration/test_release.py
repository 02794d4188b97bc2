# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases on real nodes, through a real broker and gateway."""

import asyncio
import hashlib
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.config import load
from ganglion.linux.supervisor import Supervisor
from ganglion.node import Node
from ganglion.node.released import Released
from ganglion.release.pull import CHUNK
from ganglion.release.record import TRIAL_STARTS
from ganglion_gateway.rollout.contract import Report, Reported
from ganglion_gateway.store import releases as store
from ganglion_gateway.store.database import Database
from support.brokers import mosquitto_broker, nats_broker
from support.gateway import here
from support.released import GOOD, assign, create, fridge, reported
from support.waiting import until


async def test_a_release_is_assigned_fetched_tried_and_kept(tmp_path: Path) -> None:
    async with (
        nats_broker(tmp_path / "broker") as broker,
        here(tmp_path / "gateway", broker.url) as site,
        fridge(site, tmp_path / "node", broker.url) as service,
    ):
        heard: list[Report] = []
        deaf = site.services.releases.listen(heard.append)
        release = await create(site, "one", {"door.yaml": GOOD.format(name="door")})
        await assign(site, release)
        await reported(site, "committed", release)
        assert [each.state for each in heard] == [each for each in Reported if each not in ("reverted", "failed")]
        assert {each.release for each in heard} == {release}
        node = heard[0].node
        assert await site.services.releases.assigned([node, "b" * 26]) == {node: release}
        assert await site.services.releases.standing([node, "b" * 26]) == heard[-1:]
        deaf()
        listed = await site.post("/nodes/fridge/commands", {"method": "scripts.list"})
        assert [each["name"] for each in listed["result"]["scripts"]] == ["door"]
        assert service.record.current == release
        assert service.starts == 1, "it became another program in the place of its process"
        await assign(site, None)
        await reported(site, "committed", None)


async def test_what_is_cut_off_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        mosquitto_broker(tmp_path / "broker") as broker,
        here(tmp_path / "gateway", broker.url) as site,
        fridge(site, tmp_path / "node", broker.url) as service,
    ):
        asked: list[tuple[str, int]] = []
        whole, cut = store.chunk, asyncio.Event()

        async def chunk(database: Database, release: str, sha256: str, offset: int, length: int) -> bytes | None:
            asked.append((sha256, offset))
            if len(asked) == 7:  # the link is cut: the answer is not heard, and asked for again
                cut.set()
                await asyncio.sleep(0.1)
            if len(asked) == 15:
                service.kill()
            return await whole(database, release, sha256, offset, length)

        monkeypatch.setattr(store, "chunk", chunk)
        files = {f"{name}.yaml": GOOD.format(name=name) + f"# {name * 300_000}\n" for name in "ab"}
        release = await create(site, "large", files)
        await assign(site, release)
        await cut.wait()
        await broker.kill()
        await broker.start()
        await until(lambda: service.record.trial == release, what="the release is tried")
        pieces = sum(-(-len(text) // CHUNK) for text in files.values())
        assert len(set(asked)) == pieces
        assert len(asked) <= pieces + 3, "what was there was not fetched again"

        service.kill()  # in the trial: another start of it
        await reported(site, "committed", release)
        assert service.starts == 3
        told = (await site.get("/nodes/fridge/calls/release.status"))["result"]
        assert (told["release"], told["name"], told["trial"], told["untold"]) == (release, "large", False, 0)

        await service.sleep()
        await until(lambda: site.services.fleet.find("fridge").online is False)
        small = await create(site, "small", {"c.yaml": GOOD.format(name="c")})
        await assign(site, small)
        said = await reported(site, "waiting", small)
        assert said["why"] == "fridge is offline, and is told when it is back"
        asked.clear()
        service.awake.set()
        await until(lambda: service.record.trial == small)
        assert len(asked) == 1

        for number in range(1, TRIAL_STARTS + 1):  # each start of the trial is killed
            await until(lambda number=number: service.record.starts == number)
            service.kill()
        said = await reported(site, "reverted", small)
        assert said["why"] == f"the node ended {TRIAL_STARTS} times during the trial"
        assert service.record.current == release


BAD = """
version: "2.2"
dialect: edge/1
name: bad
tools: [{id: nobody, name: nobody, endpoint: "http://127.0.0.1:1/"}]
triggers:
  - {id: once, start: true, run: note}
protocols:
  - name: note
    steps:
      - {id: ask, action: tool_api, tool_api_id: nobody}
"""


async def test_a_bad_release_is_left_by_the_node_itself(tmp_path: Path) -> None:
    async with (
        mosquitto_broker(tmp_path / "broker") as broker,
        here(tmp_path / "gateway", broker.url) as site,
        fridge(site, tmp_path / "node", broker.url) as service,
    ):
        good = await create(site, "good", {"a.yaml": GOOD.format(name="a")})
        await assign(site, good)
        await reported(site, "committed", good)
        bad = {
            "a-run-fails": ({"a.yaml": BAD}, "bad: a run of note failed"),
            "nobody-there": ({"node.toml": '[mqtt]\nbroker = "mqtt://127.0.0.1:1"\n'}, "the gateway did not answer"),
        }
        for name, (files, why) in bad.items():
            release = await create(site, name, files)
            await assign(site, release)
            said = await reported(site, "reverted", release)
            assert why in said["why"], name
            assert service.record.current == good
            listed = await site.post("/nodes/fridge/commands", {"method": "scripts.list"})
            assert [each["name"] for each in listed["result"]["scripts"]] == ["a"]

        limited = await create(site, "newer", {"a.yaml": GOOD.format(name="a")}, requires={"agent": ">=99"})
        await assign(site, limited)
        assert "it needs Ganglion >=99" in (await reported(site, "failed", limited))["why"]

        # What the authority has not signed, or what was altered since
        altered = await create(site, "altered", {"a.yaml": GOOD.format(name="altered")})
        forged = await create(site, "forged", {"a.yaml": GOOD.format(name="forged")})

        async def alter(connection: AsyncConnection) -> None:
            blobs, releases = store.release_blobs, store.releases
            file = GOOD.format(name="altered").encode()
            mine = blobs.c.sha256 == hashlib.sha256(file).hexdigest()
            await connection.execute(update(blobs).where(mine).values(data=file.replace(b"value: 1", b"value: 2")))
            row = (await connection.execute(select(releases.c.message).where(releases.c.id == forged))).scalar_one()
            mine = releases.c.id == forged
            await connection.execute(update(releases).where(mine).values(message=row[:-1] + bytes([row[-1] ^ 1])))

        await site.services.database.write(alter)
        await assign(site, altered)
        assert "a.yaml of the release" in (await reported(site, "failed", altered))["why"]
        await assign(site, forged)
        said = await reported(site, "failed", forged)
        assert "this mesh's authority has not signed" in said["why"]
        assert service.record.runs == good


@pytest.mark.parametrize("away", ["gateway", "broker"])
async def test_a_good_release_is_kept_where_nobody_is_there_for_its_whole_trial(away: str, tmp_path: Path) -> None:
    async with mosquitto_broker(tmp_path / "broker") as broker, AsyncExitStack() as stack:
        gateway = AsyncExitStack()
        site = await gateway.enter_async_context(here(tmp_path / "gateway", broker.url))
        stack.push_async_callback(gateway.aclose)
        service = await stack.enter_async_context(fridge(site, tmp_path / "node", broker.url))
        good = await create(site, "good", {"a.yaml": GOOD.format(name="a"), "node.toml": "[console]\nidle = '1m'\n"})
        await assign(site, good)
        await until(lambda: service.record.trial == good, what="it is on trial")
        await service.sleep()  # each start is a trial of its own
        assert service.record.trial == good
        await (gateway.aclose() if away == "gateway" else broker.kill())
        service.awake.set()
        await until(lambda: service.record.current == good, what="it is kept")
        assert service.record.trial is None
        if away == "gateway":
            site = await stack.enter_async_context(here(tmp_path / "gateway", broker.url))
        else:
            await broker.start()
        await reported(site, "committed", good)


class Told(Supervisor):
    """Hears when a node runs."""

    runs = False

    def ready(self, status: str) -> None:
        self.runs = True


async def test_a_node_that_changes_its_release_still_stops_when_it_is_told(tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text('[node]\nname = "fridge"\nboard = "sim"\n')
    for is_told in (True, False):
        told = Told()
        node = Node(load(config), tmp_path / "state", told)
        life = asyncio.create_task(node.run())
        await until(lambda told=told: told.runs)
        node.restart()
        if is_told:
            signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(life, 30)
        assert node.again is not is_told


async def test_what_a_trial_sees_of_a_node(tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text(
        '[node]\nname = "fridge"\nboard = "sim"\nscripts = ["bad.yaml", "bell.yaml"]\n'
        '[sensor.attic]\nkind = "bme280"\nbus = "/dev/i2c-99"\nevery = "100ms"\n'
        '[sensor.fridge]\nkind = "bme280"\nbus = "sim"\nevery = "100ms"\n'
    )
    (tmp_path / "bad.yaml").write_text(BAD)
    bell = GOOD.format(name="bell").replace("action: publish, topic: note/bell", "action: actuate, actuator: bell")
    (tmp_path / "bell.yaml").write_text(bell)
    node = Node(load(config), tmp_path / "state")
    life = asyncio.create_task(node.run())
    site = Released(node._sensors, node._actuators, node._runner, node._scripts, "sim", node.restart)
    await until(lambda: site.seen().failed)
    assert site.seen().failed.startswith("bad: a run of note failed: ")
    assert "there is no actuator 'bell'" in site.seen().refused["bell"]
    await until(lambda: site.seen().silent.keys() == {"attic"})
    life.cancel()
    await asyncio.wait_for(life, 30)
