# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of the gateways that are not revoked, as two gateways of one mesh retain it on a broker."""

import shutil
from pathlib import Path

from ganglion.mesh import gateways
from ganglion_micro import gl1
from support.brokers import Broker
from support.mesh import Attacker, Gateway, enrolled, running
from support.waiting import until


async def test_two_gateways_are_both_on_it_until_one_is_revoked(broker: Broker, tmp_path: Path) -> None:
    one = Gateway(tmp_path / "one", broker.url)
    shutil.copytree(tmp_path / "one" / "authority", tmp_path / "two" / "authority")
    two, node = Gateway(tmp_path / "two", broker.url), one.node("fridge")
    listener = Attacker(broker.url, one.authority.mesh_id)
    trust = one.authority.trust(now=one.clock())

    def listed() -> set[bytes]:
        said = [each.payload for each in listener.on(f"/c/gateway/{gl1.ALL}") if each.payload]
        return set(gateways.read(said[-1], trust).kids) if said else set()

    first, second = one.client.identity, two.client.identity
    async with listener.running(), running(one.client, node):
        await enrolled(node)
        await until(lambda: listed() == {first.kid}, what="the list of the one")
        async with running(two.client):
            await until(lambda: listed() == {first.kid, second.kid}, what="the list of both")
        one.client.desk.revoke(second.node_id)
        await until(lambda: listed() == {first.kid}, what="the list without the one that was revoked")
        await until(lambda: node.member.standing.revoked(second.kid), what="the node reads the whole list")
        assert not node.member.rejected, "what boards read disturbs no node"
