# SPDX-License-Identifier: GPL-3.0-or-later
"""bench path: real contestants on a real broker. How fast they are, is no matter of a test."""

import sys
from pathlib import Path

import psutil
import pytest

from ganglion.errors import GanglionError
from ganglion_tools.bench.contestants import GANGLION, PAHO, Contestant
from ganglion_tools.bench.path import contest

#: Answers every message twice.
STUTTERER = """
import json, sys
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
client = mqtt.Client(CallbackAPIVersion.VERSION2)
def on_message(client, userdata, message):
    for _ in range(2):
        client.publish("bench/out", json.dumps(json.loads(message.payload)["value"]))
client.on_connect = lambda client, *rest: client.subscribe("bench/in")
client.on_message = on_message
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_forever()
"""


def stutterer(folder: Path, port: int) -> list[str]:
    return [sys.executable, "-c", STUTTERER, str(port)]


async def test_the_node_and_the_script_pass_on_exactly_what_is_above_the_limit() -> None:
    measured = await contest([GANGLION, PAHO], rounds=1, messages=3000, pings=5)
    assert measured.keys() == {"ganglion", "paho script"}
    for one in measured.values():
        assert min(one.rate, one.p50, one.start) > 0
        assert one.p99 >= one.p50
        assert min(one.idle, one.after) > 1
    assert psutil.Process().children() == []


async def test_who_invents_an_answer_has_no_figure() -> None:
    with pytest.raises(
        GanglionError, match=r"bench path: stutterer: \d of 5 answers are missing, and .\d came in number"
    ):
        await contest([Contestant(name="stutterer", command=stutterer)], rounds=1, messages=100, pings=5)
    assert psutil.Process().children() == []
