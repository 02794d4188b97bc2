# SPDX-License-Identifier: GPL-3.0-or-later
"""The state that all members share, on real brokers: heard by all, kept over a crash, mended after a split."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from ganglion.errors import GanglionError, RefusedError
from ganglion.mesh import rotation
from ganglion.mesh.client import MeshClient
from ganglion.mesh.identity import Identity
from ganglion.mesh.state import entry
from ganglion.mesh.state.admission import Refusal
from ganglion_micro import gl1
from support.brokers import Broker, free_ports, mosquitto_broker
from support.mesh import Attacker, Gateway, enrolled, running
from support.waiting import until


def value(client: MeshClient, key: str) -> Any:
    found = client.state.replica.get(key)
    return None if found is None else found.value


async def put(client: MeshClient, key: str, new: Any) -> None:
    await client.state.write(lambda replica, now: replica.set(key, new, now=now))


async def agreed(*clients: MeshClient) -> None:
    await until(lambda: len({each.state.replica.root for each in clients}) == 1, within=60, what="all hold the same")


async def test_what_one_sets_is_seen_by_all_and_a_late_joiner_catches_up(tmp_path: Path, broker: Broker) -> None:
    gateway = Gateway(tmp_path, broker.url)
    fridge, room = gateway.node("fridge"), gateway.node("room")
    async with running(gateway.client, fridge, room):
        await enrolled(fridge, room)
        await put(fridge, "shared/target", 4)
        await put(gateway.client, "policy/version", 7)
        for each in (gateway.client, fridge, room):
            await until(lambda each=each: value(each, "shared/target") == 4, what="what the node has set")
            await until(lambda each=each: value(each, "policy/version") == 7, what="what the gateway has set")
        with pytest.raises(RefusedError, match="may not write 'policy/version'; give"):
            await put(room, "policy/version", 8)
        await room.state.write(lambda replica, now: replica.delete("shared/target", now=now))
        await room.state.write(lambda replica, now: replica.add("shared/doors", "front", now=now))
        for each in (gateway.client, fridge):
            await until(lambda each=each: value(each, "shared/target") is None, what="the removal")
            await until(lambda each=each: each.state.replica.elements("shared/doors") == ["front"], what="the set")
        late = gateway.node("late")
        async with running(late):
            await enrolled(late)
            await agreed(gateway.client, fridge, room, late)
            assert late.state.replica.elements("shared/doors") == ["front"]


async def test_without_a_gateway_nodes_go_on(tmp_path: Path, broker: Broker) -> None:
    gateway = Gateway(tmp_path, broker.url)
    fridge, room = gateway.node("fridge"), gateway.node("room")
    async with running(fridge, room):
        async with running(gateway.client):
            await enrolled(fridge, room)
        await put(fridge, "shared/target", 4)
        await until(lambda: value(room, "shared/target") == 4, what="what the other node has set")
        late = gateway.start()
        async with running(late):
            await agreed(fridge, room, late)


async def test_a_forged_entry_is_refused_and_counted(tmp_path: Path, broker: Broker) -> None:
    """A member that lies in another's name, and somebody who is no member at all."""
    gateway = Gateway(tmp_path, broker.url)
    fridge, room = gateway.node("fridge"), gateway.node("room")
    attacker = Attacker(broker.url, gateway.authority.mesh_id)
    async with attacker.running(), running(gateway.client, fridge, room):
        await enrolled(fridge, room)
        await put(fridge, "shared/target", 4)
        await agreed(gateway.client, fridge, room)
        stranger = Identity.create()
        aad = entry.aad(gl1.from_base32(gateway.authority.mesh_id))
        data = entry.sign(stranger, aad, [entry.REGISTER, "shared/target"], 1 << 40, 1 << 60, {}, 99)
        true = next(iter(fridge.state.replica._lattice.buckets)).data
        forged = true[:-1] + bytes([true[-1] ^ 1])
        credential = room.credential
        assert credential is not None
        for kid, lie in ((stranger.kid, data.data), (fridge.identity.kid, forged)):
            body = [credential.data, [2, [[kid, 0, 0, [lie]]], 0]]
            room._parts.ways.everyone(room.member.seal(gl1.CRDT, body, now=room._parts.clock()))
        refused = gateway.client.state.replica.refused
        await until(lambda: refused[Refusal.UNENROLLED] and refused[Refusal.FORGED], what="both refused")
        assert gateway.client.statistics().document()["state"]["refused"] == {"unenrolled": 1, "forged": 1}
        # Under a key that no authority vouches for, the envelope itself is not believed
        damaged = credential.data[:-1] + bytes([credential.data[-1] ^ 1])
        before = gateway.client.statistics().document()["rejected"].get("forged", 0)
        sealed = room.member.seal(gl1.CRDT, [damaged, [5, bytes(16), False]], now=room._parts.clock())
        await attacker.says(sealed.topic, sealed.payload)
        await until(
            lambda: gateway.client.statistics().document()["rejected"].get("forged", 0) == before + 1, what="dropped"
        )
        assert value(gateway.client, "shared/target") == 4


async def test_two_halves_of_a_split_go_on_and_agree_after_they_meet(tmp_path: Path) -> None:
    """Two nodes on one broker, two on another; then all are on one."""
    async with mosquitto_broker(tmp_path / "one") as one, mosquitto_broker(tmp_path / "two") as two:
        gateway = Gateway(tmp_path, one.url)
        names = ("a", "b", "c", "d")
        a, b, c, d = nodes = [gateway.node(name) for name in names]
        async with running(gateway.client, *nodes):
            await enrolled(*nodes)
            await put(a, "shared/all", "before")
            await agreed(gateway.client, *nodes)
        gateway.url = two.url
        c, d = gateway.node("c"), gateway.node("d")
        gateway.url = one.url
        a, b = gateway.node("a"), gateway.node("b")
        async with running(a, b, c, d):
            await put(a, "shared/here", 1)
            await put(c, "shared/there", 2)
            await put(b, "shared/all", "here")
            await put(d, "shared/all", "there")
            await agreed(a, b)
            await agreed(c, d)
            assert value(b, "shared/there") is None
            assert value(d, "shared/here") is None
        a, b, c, d = nodes = [gateway.node(name) for name in names]
        async with running(gateway.start(), *nodes):
            await agreed(gateway.client, *nodes)
            assert value(a, "shared/all") in ("here", "there")
            for each in (gateway.client, *nodes):
                assert value(each, "shared/all") == value(a, "shared/all")
                assert [value(each, key) for key in ("shared/here", "shared/there")] == [1, 2]


CRASH = """
import asyncio, sys
from pathlib import Path
from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport

async def main():
    node = MeshClient(transport=MqttTransport(sys.argv[2]), state=Path(sys.argv[1]), name="fridge")
    life = asyncio.create_task(node.run())
    for number in range(100000):
        await node.state.write(lambda replica, now: replica.set("shared/number", number, now=now))
        print(number, flush=True)

asyncio.run(main())
"""


async def test_a_kill_right_after_a_write_loses_nothing(tmp_path: Path, broker: Broker) -> None:
    gateway = Gateway(tmp_path, broker.url)
    fridge = gateway.node("fridge")
    async with running(gateway.client, fridge):
        await enrolled(fridge)
    state = str(tmp_path / "fridge")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    nobody = f"mqtt://127.0.0.1:{free_ports(1)[0]}"  # it is cut off: what it has lost nobody could give back
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CRASH, state, nobody, stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    told = [int(await process.stdout.readline()) for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    told += [int(line) for line in (await process.stdout.read()).splitlines()]
    await process.wait()
    again = gateway.node("fridge")
    assert value(again, "shared/number") >= told[-1]
    gateway.start()
    async with running(gateway.client, again):
        await agreed(gateway.client, again)
        assert value(gateway.client, "shared/number") == value(again, "shared/number")


async def test_what_the_disk_does_not_take_is_said_to_nobody_until_it_does(tmp_path: Path, broker: Broker) -> None:
    gateway = Gateway(tmp_path, broker.url)
    fridge = gateway.node("fridge")
    seen: list[str] = []
    fridge.state.watchers.append(lambda change: seen.append(change.key))
    async with running(gateway.client, fridge):
        await enrolled(fridge)
        await put(fridge, "shared/target", 4)
        await agreed(gateway.client, fridge)
        database = fridge.state._journal._file._db
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(GanglionError, match="the disk did not take it"):
            await put(fridge, "shared/large", "x" * 20_000)
        assert seen == ["shared/target"]
        assert value(gateway.client, "shared/large") is None
        database.execute(f"PRAGMA max_page_count={pages + 1000}")
        await until(lambda: value(gateway.client, "shared/large") is not None, what="it is tried again")
        assert seen == ["shared/target", "shared/large"]
    assert value(gateway.node("fridge"), "shared/large") == "x" * 20_000


async def test_who_is_put_out_has_nothing_to_say_any_more(tmp_path: Path, broker: Broker) -> None:
    gateway = Gateway(tmp_path, broker.url)
    fridge, room = gateway.node("fridge"), gateway.node("room")
    async with running(gateway.client, fridge, room):
        await enrolled(fridge, room)
        await put(fridge, "shared/target", 4)
        await put(room, "shared/other", 5)
        await agreed(gateway.client, fridge, room)
        gateway.client.desk.revoke(fridge.identity.node_id)
        for each in (gateway.client, room):
            await until(lambda each=each: value(each, "shared/target") is None, what="it is forgotten")
            assert value(each, "shared/other") == 5


def written_by(client: MeshClient, key: str) -> str:
    found = client.state.replica.get(key)
    return "" if found is None else client.state.author(found.kid)[0]


@pytest.mark.parametrize("step", ["", "renamed"])
async def test_a_node_with_another_key_signs_again_what_it_wrote(tmp_path: Path, broker: Broker, step: str) -> None:
    """Also where it was killed in between."""
    gateway = Gateway(tmp_path, broker.url)
    fridge = gateway.node("fridge")
    before = fridge.identity.node_id
    async with running(gateway.client):
        async with running(fridge):
            await enrolled(fridge)
            await put(fridge, "shared/target", 4)
            await put(fridge, f"{before}/room", "kitchen")
            await fridge.state.write(lambda replica, now: replica.add("shared/open", "door", now=now))
            await agreed(gateway.client, fridge)
            if not step:
                await gateway.client.request("identity.rotate", {}, to="fridge", timeout=60)
                await until(lambda: fridge.identity.node_id != before, what="the new key")
                await until(lambda: written_by(gateway.client, "shared/target") == fridge.identity.node_id)
        if step:
            rotation.prepare(tmp_path / "fridge")
            words = [sys.executable, "-m", "support.rotating", str(tmp_path / "fridge"), broker.url, step]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
            process = await asyncio.create_subprocess_exec(*words, env=environment)
            assert await asyncio.wait_for(process.wait(), 60) == -signal.SIGKILL
        again = gateway.node("fridge")
        after = again.identity.node_id
        assert after != before
        async with running(again):
            for key in ("shared/target", f"{after}/room"):
                await until(lambda key=key: written_by(gateway.client, key) == after, what=f"{key} signed again")
            assert (value(gateway.client, "shared/target"), value(gateway.client, f"{after}/room")) == (4, "kitchen")
            await agreed(gateway.client, again)
            assert gateway.client.state.replica.elements("shared/open") == ["door"]
