# SPDX-License-Identifier: GPL-3.0-or-later
"""A node as a process of its own: from a sensor to an actuator and an alert, over a real broker to a gateway."""

import asyncio
import base64
import json
import time

import cbor2
import pytest

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from support.mesh import Gateway, running
from support.node import node
from support.rude_server import echoes, rude_server
from support.waiting import until

FAST = """
version: "2.2"
dialect: edge/1
name: fast_fridge
triggers:
  - {id: warm, sensor: fridge.temperature, above: 8, hysteresis: 0.5, for: 300ms, run: too_warm}
protocols:
  - name: too_warm
    steps:
      - id: ask
        action: prompt
        prompt: "Fridge at {event.value} °C."
        schema: {cause: {enum: [door, power, unknown]}, urgent: boolean}
        budget: {tokens: 100, seconds: 2}
        otherwise: {cause: unknown, urgent: true}
        save: diagnosis
      - {id: decide, action: condition,
         conditions: [{variable: diagnosis.urgent, operator: equals, value: true, next_step_id: beep}], next_step: tell}
      - {id: beep, action: actuate, actuator: buzzer, value: true, for: 30s}
      - {id: tell, action: publish, topic: alert/fridge, value: {cause: "{diagnosis.cause}"}, class: must_arrive}
      - {id: done, action: end}
"""
FRIDGE = """
[node]
name = "fridge"
scripts = ["fridge.yaml"]
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
[sensor.fridge]
kind = "bme280"
bus = "sim"
every = "50ms"
[actuator.buzzer]
driver = "file"
path = "buzzer"
"""
RELAY = """
version: "2.2"
dialect: edge/1
name: relay
triggers:
  - {id: high, mqtt: "plant/+/level", field: reading.level, above: 50, run: pass_on}
  - {id: hot, mqtt: "plant/+/level", field: reading.celsius, above: 50, run: pass_on}
protocols:
  - name: pass_on
    steps:
      - {id: say, action: publish, topic: "mqtt:plant/alarm", value: "{event.value}"}
      - {id: done, action: end}
"""


async def test_a_warm_fridge_beeps_and_its_alert_and_episode_arrive(broker, tmp_path):
    gateway = Gateway(tmp_path / "gateway", broker.url)
    (tmp_path / "enrol.key").write_text(gateway.keys.create().text)
    (tmp_path / "fridge.yaml").write_text(FAST)
    async with running(gateway.client), node(tmp_path, FRIDGE.format(broker=broker.url)) as fridge:
        said = await fridge.ready()
        await until(lambda: gateway.store.births, what="the birth")
        assert gateway.store.births[0].node_id == said["id"]
        assert set(gateway.store.births[0].body["caps"]["sensors"]) >= {"fridge.temperature"}
        await until(lambda: gateway.store.readings, what="a reading")

        ask = gateway.client.request
        assert await ask("sim.set", {"sensor": "fridge.temperature", "value": 12.0}, to="fridge", timeout=60)
        alert = await arrived(gateway, "alert")
        assert alert["value"] == {"cause": "unknown"}
        assert (fridge.state / "buzzer").read_text().strip() == "1"
        episode = await arrived(gateway, "episode")
        assert episode["id"] == alert["run"]
        steps = {step["id"]: step for step in episode["steps"]}
        assert "otherwise" in json.dumps(steps["ask"]["detail"])  # this gateway serves no prompts
        assert steps["beep"]["status"] == steps["tell"]["status"] == "completed"

        with pytest.raises(NotFoundError, match="colour"):
            await ask("sim.set", {"sensor": "fridge.colour", "value": 1}, to="fridge", timeout=60)

        fridge.process.terminate()
        assert await asyncio.wait_for(fridge.process.wait(), 60) == 0
        assert (fridge.state / "buzzer").read_text().strip() == "0"  # the fail-safe value
        await until(lambda: gateway.store.deaths, what="the goodbye")


async def arrived(gateway: Gateway, cls: str) -> dict[str, object]:
    await until(lambda: any(body["class"] == cls for body in gateway.store.events.values()), what=f"an {cls}")
    return next(body for body in gateway.store.events.values() if body["class"] == cls)


async def test_a_script_is_replaced_while_the_node_runs_and_another_goes_on(broker, tmp_path):
    gateway = Gateway(tmp_path / "gateway", broker.url)
    (tmp_path / "enrol.key").write_text(gateway.keys.create().text)
    cold = FAST.replace("above: 8", "above: 50")  # the simulated chip begins at a room's temperature
    (tmp_path / "fridge.yaml").write_text(cold)
    (tmp_path / "also.yaml").write_text(cold.replace("fast_fridge", "also").replace("alert/fridge", "alert/also"))
    config = FRIDGE.format(broker=broker.url).replace('["fridge.yaml"]', '["fridge.yaml", "also.yaml"]')
    edited = compile(load(FAST.replace("above: 8", "above: 60").replace("alert/fridge", "alert/hot"), file="x.yaml"))

    def alerts() -> set[object]:
        return {body["topic"] for body in gateway.store.events.values() if body["class"] == "alert"}

    async with running(gateway.client), node(tmp_path, config) as fridge:
        await fridge.ready()
        ask = gateway.client.request
        for wrong in ({}, {"plan": "!"}, {"plan": "AAAA"}, {"plan": 3}):
            with pytest.raises(InvalidError, match="plan"):
                await ask("scripts.put", wrong, to="fridge", timeout=60)
        plan = base64.urlsafe_b64encode(edited.encode()).decode()
        answer = await ask("scripts.put", {"plan": plan}, to="fridge", timeout=60)
        assert answer == {"name": "fast_fridge", "hash": edited.hash, "replaced": True}
        away = compile(load(FAST.replace("fridge.temperature", "fridge.temprature"), file="x.yaml"))
        with pytest.raises(
            RefusedError, match=r"no sensor 'fridge.temprature' \(did you mean \"fridge.temperature\"\?\)"
        ):
            await ask(
                "scripts.put", {"plan": base64.urlsafe_b64encode(away.encode()).decode()}, to="fridge", timeout=60
            )
        listed = await ask("scripts.list", {}, to="fridge", timeout=60)
        assert {each["hash"] for each in listed["scripts"]} >= {edited.hash}
        assert {each["name"] for each in listed["scripts"]} == {"fast_fridge", "also"}
        await ask("sim.set", {"sensor": "fridge.temperature", "value": 55.0}, to="fridge", timeout=60)
        await until(alerts, what="an alert")
        assert alerts() == {"alert/also"}
        await ask("sim.set", {"sensor": "fridge.temperature", "value": 65.0}, to="fridge", timeout=60)
        await until(lambda: "alert/hot" in alerts(), what="the alert of the new script")


async def test_without_a_broker_a_node_senses_and_acts_and_its_alert_arrives_once_later(broker, tmp_path):
    gateway = Gateway(tmp_path / "gateway", broker.url)
    (tmp_path / "enrol.key").write_text(gateway.keys.create().text)
    (tmp_path / "fridge.yaml").write_text(FAST)
    async with running(gateway.client), node(tmp_path, FRIDGE.format(broker=broker.url)) as fridge:
        await fridge.ready()
        ask = gateway.client.request
        assert await ask("sim.set", {"sensor": "fridge.temperature", "value": 12.0}, to="fridge", timeout=60)
        await broker.kill()
        await until(lambda: (fridge.state / "buzzer").read_text().strip() == "1", what="the buzzer")
        await asyncio.sleep(0.5)  # the outage lasts
        await broker.start()
        await arrived(gateway, "alert")
        await arrived(gateway, "episode")
        alerts = [body for body in gateway.store.events.values() if body["class"] == "alert"]
        assert len(alerts) == 1


async def test_a_node_starts_with_the_scripts_that_it_can_run_and_says_which_it_cannot(tmp_path, capsys):
    begins = """
version: "2.2"
dialect: edge/1
name: begins
triggers: [{id: now, start: true, run: light}]
protocols: [{name: light, steps: [{id: lit, action: actuate, actuator: lamp, value: true}]}]
"""
    (tmp_path / "begins.yaml").write_text(begins)
    (tmp_path / "away.yaml").write_text(begins.replace("name: begins", "name: away").replace("lamp", "siren"))
    config = '[node]\nname = "x"\nscripts = ["away.yaml", "begins.yaml"]\n'
    async with node(tmp_path, config + '[actuator.lamp]\ndriver = "file"\npath = "lamp"\n') as started:
        await started.ready()
        lamp = started.state / "lamp"
        await until(lambda: lamp.exists() and lamp.read_text().strip() == "1", what="the light")
    assert (
        "the script 'away' cannot run on this node: there is no actuator 'siren': it has lamp; it is not loaded"
        in capsys.readouterr().err
    )


async def test_a_plain_topic_of_a_third_party_triggers_a_script(broker, tmp_path):
    (tmp_path / "relay.yaml").write_text(RELAY)
    heard: list[bytes] = []
    peer = MqttTransport(broker.url)
    peer.on_messages = lambda messages: heard.extend(message.payload for message in messages)
    peer.subscribe("plant/alarm")
    run = asyncio.create_task(peer.run())
    config = f'[node]\nname = "relay"\nscripts = ["relay.yaml"]\n[mqtt]\nbroker = "{broker.url}"\n'
    try:
        async with node(tmp_path, config) as relay:
            assert (await relay.ready())["node"] == "relay"
            deadline = time.monotonic() + 10
            while not heard and time.monotonic() < deadline:  # until its subscription holds
                peer.publish("plant/1/level", cbor2.dumps({"reading": {"level": 60.5}}))
                await asyncio.sleep(0.05)
            heard.clear()
            for payload in (b"\xff\xff", b"{", b"[1]", b'{"reading": {}}', b'{"reading": {"level": 50}}'):
                peer.publish("plant/1/level", payload)
            peer.publish("plant/2/level", b'{"reading": {"level": 51, "celsius": 20}}')
            await until(lambda: b"51" in heard, what="the relayed value")
            assert [each for each in heard if each != b"60.5"] == [b"51"]
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


CALLS = """
version: "2.2"
dialect: edge/1
name: calls
triggers: [{id: begin, start: true, run: call}]
tools: [{id: t, name: t, endpoint: "URL", headers: {X-Key: "{secret.KEY}"}}]
protocols: [{name: call, steps: [{id: call, action: tool_api, tool_api_id: t, save: said},
                                 {id: tell, action: log, message: "said {said}"},
                                 {id: again, action: tool_api, tool_api_id: t}]}]
"""
SECRET = 'KEY = "s3cret0123"\n'


async def test_a_script_calls_with_a_secret_of_the_node_that_no_log_has(tmp_path, capsys):
    file = tmp_path / "secrets.toml"
    file.touch(0o600)
    file.write_text(SECRET)
    async with rude_server() as server:
        server.does(echoes())
        (tmp_path / "calls.yaml").write_text(CALLS.replace("URL", server.url))
        config = '[node]\nname = "x"\nscripts = ["calls.yaml"]\nsecrets = "secrets.toml"\n'
        async with node(tmp_path, config) as caller:
            await caller.ready()
            await until(lambda: len(server.asked) == 2, what="both calls")
        assert server.asked[0].headers["x-key"] == "s3cret0123"
    log = capsys.readouterr().err
    assert "{secret.KEY}" in log
    assert "s3cret0123" not in log


async def test_secrets_that_others_can_read_keep_a_node_from_starting(tmp_path, capsys):
    (tmp_path / "secrets.toml").write_text(SECRET)
    (tmp_path / "secrets.toml").chmod(0o644)
    async with node(tmp_path, '[node]\nname = "x"\nsecrets = "secrets.toml"\n') as wrong:
        assert await asyncio.wait_for(wrong.process.wait(), 60) == 4
    said = capsys.readouterr().err
    assert "others can read these secrets; run chmod 600" in said
    assert "s3cret0123" not in said


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ('[sensor.fridge]\nkind = "bme280"\nbus = "sim"\nadress = 1\n', 'did you mean "address"'),
        ('[actuator.buzzer]\ndriver = "file"\npath = "x"\nmax_onn = "1s"\n', 'did you mean "max_on"'),
        ("", "bad.yaml:11:27: MV104 unknown action"),
    ],
)
async def test_a_mistake_in_configuration_or_script_is_named_and_ends_with_exit_1(tmp_path, capsys, config, says):
    (tmp_path / "bad.yaml").write_text(RELAY.replace("action: publish", "action: publihs"))
    scripts = "" if config else 'scripts = ["bad.yaml"]\n'
    async with node(tmp_path, f'[node]\nname = "x"\n{scripts}{config}') as wrong:
        assert await asyncio.wait_for(wrong.process.wait(), 60) == 1
    assert says in capsys.readouterr().err


async def test_two_nodes_do_not_run_in_one_folder(tmp_path, capsys):
    config = '[node]\nname = "fridge"\n'
    async with node(tmp_path, config) as first:
        await first.ready()
        async with node(tmp_path, config) as second:
            assert await asyncio.wait_for(second.process.wait(), 60) == 4
    assert f"another node (pid {first.process.pid}) uses {tmp_path / 'state'}" in capsys.readouterr().err
