# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's bridge and its actuators from afar, without a broker: configuration, pages of devices, values told."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ganglion import config
from ganglion.bus import Bus
from ganglion.cli.main import main
from ganglion.config.bridge import BridgeSection
from ganglion.errors import InvalidError, NotFoundError, RefusedError, UnreachableError, UsageError
from ganglion.guardian import Actuators
from ganglion.mqtt.packet import Message
from ganglion.node.bridged import Bridged, dialects
from ganglion.node.commanded import Commanded
from ganglion.units import SECOND
from ganglion_gateway.command import _home_assistant, _home_assistant_groups
from ganglion_micro import cbor

NOWHERE = "mqtt://127.0.0.1:1"
PEER = SimpleNamespace(name="gateway")


def load(tmp_path: Path, text: str) -> config.Config:
    path = tmp_path / "node.toml"
    path.write_text(f'[node]\nname = "n"\n[mqtt]\nbroker = "{NOWHERE}"\n{text}')
    return config.load(path)


def test_the_table_of_the_configuration(tmp_path: Path) -> None:
    assert load(tmp_path, "").bridge is None
    plain = load(tmp_path, "[bridge]")
    assert plain.bridge is not None
    assert (len(dialects(plain.bridge)), plain.bridge_brokers) == (3, ())
    some = load(
        tmp_path, '[bridge]\nbroker = "mqtts://b?ca=x.pem"\nzigbee2mqtt = ["a", "b"]\ntasmota = ""\nhomeassistant = ""'
    )
    assert some.bridge is not None
    assert len(dialects(some.bridge)) == 2
    assert some.bridge_brokers[0].ca == str(tmp_path / "x.pem")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('zigbee2mqtt = "a/#"', "bridge: 'a/#' is no topic"),
        ('tasmota = "a/"', "bridge: 'a/' is no topic"),
        ('broker = "http://x"', "bridge.broker: a broker's URL starts with"),
        ('zigbee = "x"', 'bridge.zigbee: unknown key; did you mean "zigbee2mqtt"'),
    ],
)
def test_what_the_table_cannot_say(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(InvalidError) as error:
        load(tmp_path, f"[bridge]\n{table}")
    assert said in str(error.value)


async def test_many_devices_come_in_pages_that_a_message_holds() -> None:
    told: list[tuple[str, Any, int]] = []
    bridged = Bridged(Bus(), lambda: 7, NOWHERE, BridgeSection(), lambda *reading: told.append(reading[:3]))
    exposes = [{"type": "numeric", "property": f"p{i}", "access": 1} for i in range(10)]
    values = [f"{'x' * 90}{i}" for i in range(100)]
    wide = [{"type": "enum", "property": f"p{i}", "values": values, "access": 2} for i in range(100)]
    listed = [{"friendly_name": f"d{i:03}", "definition": {"exposes": exposes}} for i in range(300)]
    listed.append({"friendly_name": "d100x", "definition": {"exposes": wide}})
    bridged._line._take([Message("zigbee2mqtt/bridge/devices", json.dumps(listed).encode(), 0, True)])
    bridged._line._take([Message("zigbee2mqtt/d000", b'{"p1": 5}', 0, False)])
    assert told == [("mqtt:zigbee2mqtt/d000.p1", 5, 7)]
    found: list[dict[str, Any]] = []
    params: dict[str, Any] = {}
    while True:
        page = await bridged.devices(params, PEER)
        assert len(cbor.encode(page)) < 40_000
        found += page["devices"]
        if "next" not in page:
            break
        params = {"after": page["next"]}
    assert [each["name"] for each in found] == sorted(each["friendly_name"] for each in listed)
    assert found[0]["channels"]["p1"]["value"] == 5
    assert found[101]["channels"] == {}, "it alone is more than a message holds"
    with pytest.raises(InvalidError):
        await bridged.devices({"after": 5}, PEER)
    with pytest.raises(UnreachableError, match="try again"):
        await bridged.set({"device": "d100x", "channel": "p1", "value": values[0]}, PEER)
    with pytest.raises(InvalidError, match=r"bridge\.set needs"):
        await bridged.set({"device": "d000"}, PEER)


async def test_actuators_are_told_when_they_change_and_now_and_then(tmp_path: Path) -> None:
    clock = SimpleNamespace(time=0, now=lambda: clock.time)
    told: list[tuple[str, Any, int]] = []
    actuators = Actuators.from_tables(
        {"buzzer": {"driver": "file", "path": "buzzer"}}, resolve=lambda name: tmp_path / name
    )
    commanded = Commanded(actuators, lambda *reading: told.append(reading[:3]), clock.now)
    commanded.tell()
    assert told == [], "nothing is known before the start"
    await actuators.start()
    commanded.tell()
    commanded.tell()
    assert told == [("actuator/buzzer", False, 0)]
    answer = await commanded.set({"actuator": "buzzer", "value": True, "for": "30s"}, PEER)
    assert answer["value"] is True
    listed = (await commanded.list({}, PEER))["actuators"]["buzzer"]
    assert (listed["value"], listed["holder"], listed["risk"]) == (True, "mesh:gateway", "low")
    commanded.tell()
    clock.time = 60 * SECOND
    commanded.tell()
    assert [value for _, value, _ in told] == [False, True, True]
    for value in (False, True, True):
        await commanded.set({"actuator": "buzzer", "value": value}, PEER)
    assert [value for _, value, _ in told[3:]] == [False, True, True], "each is told, however soon the next one comes"
    for params, error in (
        ({"actuator": "lava", "value": 1}, NotFoundError),
        ({"actuator": "buzzer"}, InvalidError),
        ({"actuator": "buzzer", "value": 5}, RefusedError),
        ({"actuator": "buzzer", "value": True, "for": "soon"}, InvalidError),
        ({"actuator": "buzzer", "value": True, "heartbeat": "often"}, InvalidError),
        ({"actuator": "buzzer", "value": True, "priority": True}, InvalidError),
        ({"actuator": "buzzer", "value": True, "priority": 7}, RefusedError),
    ):
        with pytest.raises(error):
            await commanded.set(params, PEER)
    await commanded.set({"actuator": "buzzer", "value": True, "heartbeat": "30s", "priority": 2}, PEER)
    assert await commanded.renew({}, PEER) == {"renewed": ["buzzer"]}
    await actuators.stop()


def test_a_password_for_home_assistant_is_not_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANGLION_HOME_ASSISTANT", raising=False)
    assert _home_assistant(None) == ""
    assert _home_assistant("mqtt://h?account=f") == "mqtt://h?account=f"
    with pytest.raises(UsageError, match=r"\?account=FILE"):
        _home_assistant("mqtt://u:p@h")
    monkeypatch.setenv("GANGLION_HOME_ASSISTANT", "mqtt://u:p@h")
    assert _home_assistant(None) == "mqtt://u:p@h"
    with pytest.raises(UsageError, match="--home-assistant"):
        _home_assistant("http://h")


def test_a_broker_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bridge", "scan", "--broker", NOWHERE, "--time", "100ms"]) == 5
    assert f"no broker answers at {NOWHERE}" in capsys.readouterr().err
    assert main(["bridge", "scan", "--time", "1h"]) == 2


def test_groups_for_home_assistant_need_a_home_assistant_and_are_names() -> None:
    assert _home_assistant_groups(None, "") == ()
    assert _home_assistant_groups(["hall", "attic"], "mqtt://h") == ("hall", "attic")
    with pytest.raises(UsageError, match="is about --home-assistant, which is missing"):
        _home_assistant_groups(["hall"], "")
    with pytest.raises(UsageError, match="a group's name is 1 to 32"):
        _home_assistant_groups(["the hall"], "mqtt://h")
