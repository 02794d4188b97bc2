# SPDX-License-Identifier: GPL-3.0-or-later
"""A board on a real MicroPython, with a board's heap, in a mesh with more revoked keys than it has room for."""

import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from ganglion.mesh.authority import Authority
from ganglion_micro import cose, gl1
from ganglion_micro.mqtt import MAX_SIZE
from support.brokers import Broker
from support.full_board import garden
from support.gateway import process
from support.mesh import Attacker
from support.revoked import revoke_many
from support.waiting import until, until_answered


def version(path: Path) -> int:
    """Of a list that is kept."""
    return gl1.unpack(cose.parse(path.read_bytes()).payload).seq


@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
async def test_a_board_joins_and_obeys_though_thousands_were_revoked(
    broker: Broker, tmp_path: Path, firmware: Path
) -> None:
    state = tmp_path / "gateway"
    authority = Authority.open(state / "authority", now=time.time_ns())
    assert revoke_many(authority, 1000, now=time.time_ns()) == 1000
    async with garden(broker, tmp_path, firmware) as it:
        holds = it.board.folder / "mesh" / "holds"
        await it.board.on()
        await it.joined()
        assert (await it.call("actuators.set", actuator="pump", value=True))[0] == 200
        listed = authority.revocations(now=time.time_ns())
        assert (len(listed.data) > MAX_SIZE, version(holds)) == (True, listed.version)
        assert not (it.board.folder / "mesh" / "revoked").exists()
        assert "was too large for this board" in it.board.console
        # The gateway goes, and comes back with a list that is full; what was retained before changes nothing
        await it.gateway.end()
        old = holds.read_bytes()
        authority = Authority.open(state / "authority", now=time.time_ns())
        assert revoke_many(authority, 3000, now=time.time_ns()) == 3000
        listed = authority.revocations(now=time.time_ns())
        async with process(state, broker.url) as it.gateway:
            await until(lambda: version(holds) >= listed.version, what="the board has the newer list")
            attacker = Attacker(broker.url, it.mesh)
            async with attacker.running():
                topic = gl1.gateway_topic(it.mesh, gl1.ALL)
                for wrong in (old, b"", listed.data[:100]):
                    await attacker.says(topic, wrong, retain=True)
                heard = len(attacker.on("/c/gateway/all"))

                def right() -> bool:
                    late = attacker.on("/c/gateway/all")[heard:]
                    return bool(late) and late[-1].payload == holds.read_bytes()

                await until(right, what="the gateway puts right what is retained")

            async def obeys() -> bool:
                with suppress(httpx.TimeoutException):
                    return (await it.call("actuators.set", actuator="blind", value=True))[0] == 200
                return False

            await it.joined()
            await until_answered(obeys, what="the board obeys the gateway")
            assert it.board.pin(14) == 1
            assert version(holds) >= listed.version
