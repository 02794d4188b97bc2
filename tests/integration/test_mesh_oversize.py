# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages over the limit that a broker has retained: they are passed over, named and counted, and the mesh goes on."""

import asyncio
import logging
from pathlib import Path

import pytest

from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.standing import Cause
from support.brokers import Broker
from support.mesh import Gateway, enrolled, running
from support.transports import Counted
from support.transports import running as carried
from support.waiting import until

SIZE = 300_000
LOG = "ganglion.mesh.mqtt_transport"


async def retain(url: str, topics: list[str], size: int = SIZE) -> None:
    """Leaves such a message on each topic, as whoever has an account can."""
    writer = MqttTransport(url, backoff=Counted(), max_packet=2 * size)
    async with carried(writer):
        for topic in topics:
            done = asyncio.Event()
            writer.publish(topic, bytes(size), qos=1, retain=True, on_done=done.set)
            await asyncio.wait_for(done.wait(), 60)


async def test_a_mesh_forms_and_works_over_a_broker_that_retains_them(
    broker: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = Gateway(tmp_path, broker.url)
    base = f"gl1/{gateway.authority.mesh_id}"
    nobody = "x" * 26
    for_gateway = [f"{base}/n/{nobody}/birth", f"{base}/c/gateway/all"]  # a node hears the second once it is in
    for_nodes = [f"{base}/c/gateway/{nobody}", f"{base}/n/{nobody}/s"]
    await retain(broker.url, for_gateway + for_nodes)
    node = gateway.node("new")
    with caplog.at_level(logging.WARNING, logger=LOG):
        async with running(gateway.client, node):
            await enrolled(node)
            node.publish_event("alert", {"class": "alert", "topic": "alert/x", "value": 7})
            await until(lambda: gateway.store.values == [7], what="the event stored")
            await until(lambda: Cause.OVERSIZE in gateway.client.statistics().rejected, what="counted at the gateway")
            await until(lambda: Cause.OVERSIZE in node.statistics().rejected, what="counted at the node")
            assert gateway.client._transport.statistics().connections == 1
            assert node.statistics().document()["rejected"]["oversize"] >= 1
    said = [record.getMessage() for record in caplog.records if record.name == LOG]
    for topic in for_gateway + for_nodes:
        assert any(f"on '{topic}' is passed over, the limit here is 262144" in each for each in said), (topic, said)
    assert max(map(said.count, said)) <= 2, "each member names a topic once"


async def test_the_log_names_each_topic_once_and_no_more_than_a_few(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    topics = [f"{'large' * 60}/{i}" for i in range(20)]
    await retain(broker.url, topics, size=500)
    reader = MqttTransport(broker.url, backoff=Counted(), max_packet=600)
    with caplog.at_level(logging.WARNING, logger=LOG):
        async with carried(reader):
            for _ in range(2):
                reader.subscribe(f"{'large' * 60}/+", 1)
                wanted = reader.statistics().oversize + len(topics)
                await until(lambda wanted=wanted: reader.statistics().oversize == wanted, what="all passed over")
            assert reader.statistics().connections == 1
    said = [record.getMessage() for record in caplog.records if record.name == LOG]
    assert len(said) == 16
    assert max(map(len, said)) < 500
    assert said[-1].endswith("Further topics are counted alone.")
