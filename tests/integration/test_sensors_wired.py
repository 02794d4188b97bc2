# SPDX-License-Identifier: GPL-3.0-or-later
"""A node with sensors on wires: a button that is set, a receiver and a meter at the far ends of cables."""

from support.cable import Cable
from support.mesh import Gateway, running
from support.modbus_slave import Slave
from support.node import node
from support.waiting import until

SHED = """
[node]
name = "shed"
scripts = ["bell.yaml"]
[mqtt]
broker = "{broker}"
[mesh]
enrol_key_file = "enrol.key"
[sensor.button]
kind = "gpio"
chip = "sim"
line = 1
[sensor.boat]
kind = "nmea"
port = "{boat}"
[sensor.meter]
kind = "modbus"
port = "{meter}"
every = "100ms"
registers.power = {{address = 0, unit = "W"}}
[sensor.boiler]
kind = "ds18b20"
root = "{root}"
"""
BELL = """
version: "2.2"
dialect: edge/1
name: bell
triggers:
  - {id: pressed, sensor: button.state, equals: true, run: ring}
protocols:
  - name: ring
    steps:
      - {id: tell, action: publish, topic: alert/bell, value: ringing, class: must_arrive}
      - {id: done, action: end}
"""
RMC = b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"


async def test_what_comes_by_wires_reaches_the_gateway_and_a_button_runs_a_script(broker, tmp_path):
    gateway = Gateway(tmp_path / "gateway", broker.url)
    (tmp_path / "enrol.key").write_text(gateway.keys.create().text)
    (tmp_path / "bell.yaml").write_text(BELL)
    for name in ("boat", "meter"):
        (tmp_path / name).mkdir()
    boat, meter = Cable(tmp_path / "boat"), Cable(tmp_path / "meter")
    slave = Slave(meter)
    slave.registers = {(1, 3): {0: 4321}}
    config = SHED.format(broker=broker.url, boat=boat.port, meter=meter.port, root=tmp_path)
    try:
        async with running(gateway.client), node(tmp_path, config) as shed:
            await shed.ready()
            await until(lambda: gateway.store.births, what="the birth")
            sensors = gateway.store.births[0].body["caps"]["sensors"]
            assert sensors["meter.power"] == {"unit": "W", "kind": "modbus"}
            # No 1-Wire bus here, and that stops nothing
            assert {"button.edges", "boat.latitude", "boiler.temperature"} <= sensors.keys()
            await until(lambda: "meter.power" in read(gateway), what="the power")
            await until(lambda: boat.write(RMC) or "boat.latitude" in read(gateway), what="the place")
            assert read(gateway)["meter.power"] == 4321
            assert round(read(gateway)["boat.latitude"], 4) == 48.1173
            await gateway.client.request("sim.set", {"sensor": "button.state", "value": True}, to="shed", timeout=60)
            await until(lambda: alerts(gateway) == ["ringing"], what="the bell")
    finally:
        slave.close()
        boat.close()
        meter.close()


def read(gateway):
    """The last of each stream."""
    return {stream: value for stream, _, value in gateway.store.readings}


def alerts(gateway):
    return [body["value"] for body in gateway.store.events.values() if body["class"] == "alert"]
