# SPDX-License-Identifier: GPL-3.0-or-later
"""From a node's sensor to a webhook's receiver as one OpenTelemetry trace, at a collector that speaks OTLP."""

from pathlib import Path

from ganglion_gateway.webhook.signature import new_secret
from support.brokers import Broker
from support.collector import collector
from support.gateway import start
from support.node import node
from support.receiver import receiver
from support.waiting import until

CONFIG = """
[node]
name = "barn"
scripts = ["hot.yaml"]
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
[sensor.room]
kind = "bme280"
bus = "sim"
every = "100ms"
"""
HOT = """
version: "2.2"
dialect: edge/1
name: hot
triggers: [{id: warm, sensor: room.temperature, above: -40, run: main}]
protocols:
  - {name: main, steps: [{id: tell, action: publish, topic: alert/heat, value: {celsius: 31}}]}
"""


async def test_an_alert_is_one_trace_from_its_sensor_to_its_webhook(broker: Broker, tmp_path: Path) -> None:
    barn, state = tmp_path / "barn", tmp_path / "gateway"
    barn.mkdir()
    with collector() as otlp:
        async with receiver(new_secret()) as hook:
            (tmp_path / "secret").write_text(hook.secret)
            words = ("--webhook", hook.url, "--webhook-secret-file", str(tmp_path / "secret"))
            environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
            gateway = await start(
                state, broker.url, *words, "--allow-private-webhooks", "--link", "none", environment=environment
            )
            try:
                (barn / "hot.yaml").write_text(HOT)
                key = (await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
                (barn / "enrol.key").write_text(key)
                async with node(barn, CONFIG.format(broker=broker.url)) as process:
                    await process.ready()
                    await until(lambda: hook.attempts, what="the webhook")
                    await until(lambda: any(span.name == "webhook" for span in otlp.spans), what="the trace")
            finally:
                await gateway.end()
    root = next(span for span in otlp.spans if not span.parent)
    of_it = [span for span in otlp.spans if span.parent == root.id]
    assert {span.trace for span in [root, *of_it]} == {root.trace}
    stages = {span.attributes["ganglion.stage"]: span for span in of_it}
    assert stages.keys() >= {"sensor", "trigger", "mesh", "gateway", "webhook"}
    assert {stages[stage].service for stage in ("sensor", "trigger", "mesh")} == {"ganglion-node"}
    assert {stages[stage].service for stage in ("gateway", "webhook")} == {"ganglion-gateway"}
    assert stages["sensor"].start <= stages["gateway"].start <= stages["webhook"].start <= stages["webhook"].end
    assert root.attributes["ganglion.node.name"] == "barn"
    [attempt] = hook.attempts
    assert attempt.headers["traceparent"] == f"00-{root.trace}-{stages['webhook'].id}-01"


async def test_a_collector_that_is_not_there_stops_nothing(broker: Broker, tmp_path: Path) -> None:
    gateway = await start(
        tmp_path / "gateway",
        broker.url,
        "--link",
        "none",
        environment={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
    )
    assert (await gateway.http.get("/health/ready")).status_code == 200
    assert await gateway.end() == 0
