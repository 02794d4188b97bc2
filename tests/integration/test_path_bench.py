# SPDX-License-Identifier: GPL-3.0-or-later
"""bench path: real contestants on a real broker. How fast they are, is no matter of a test."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from ganglion.errors import GanglionError
from ganglion_tools.bench import path
from ganglion_tools.bench.contestants import GANGLION, PAHO, Contestant
from ganglion_tools.bench.path import contest
from support.started import Started

pytestmark = pytest.mark.untraced

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


#: Answers with a word.
TALKER = STUTTERER.replace('json.dumps(json.loads(message.payload)["value"])', '"hello"')


def stutterer(folder: Path, port: int) -> list[str]:
    return [sys.executable, "-c", STUTTERER, str(port)]


def talker(folder: Path, port: int) -> list[str]:
    return [sys.executable, "-c", TALKER, str(port)]


def stillborn(folder: Path, port: int) -> list[str]:
    return [sys.executable, "-c", "import sys; sys.exit('no such flow')"]


@pytest.fixture
def before() -> list[psutil.Process]:
    """What runs for other tests, such as the brokers of a session."""
    return psutil.Process().children()


async def test_the_node_and_the_script_pass_on_exactly_what_is_above_the_limit(before: list[psutil.Process]) -> None:
    measured = await contest([GANGLION, PAHO], rounds=1, messages=3000, pings=5)
    assert measured.keys() == {"ganglion", "paho script"}
    for one in measured.values():
        assert min(one.rate, one.p50, one.start) > 0
        assert one.p99 >= one.p50
        assert min(one.idle, one.after) > 1
    assert psutil.Process().children() == before


async def test_who_invents_an_answer_has_no_figure(before: list[psutil.Process]) -> None:
    with pytest.raises(
        GanglionError, match=r"bench path: stutterer: \d of 5 answers are missing, and .\d came in number"
    ):
        await contest([Contestant(name="stutterer", command=stutterer)], rounds=1, messages=100, pings=5)
    assert psutil.Process().children() == before


async def test_an_answer_that_is_no_number_is_shown(before: list[psutil.Process]) -> None:
    with pytest.raises(GanglionError, match=r"bench path: talker: an answer is no number: b'hello'"):
        await contest([Contestant(name="talker", command=talker)], rounds=1, messages=100, pings=5)
    assert psutil.Process().children() == before


async def test_who_does_not_start_is_not_waited_for_and_its_last_words_are_shown(before: list[psutil.Process]) -> None:
    with pytest.raises(GanglionError, match=r"(?s)bench path: stillborn: stillborn ended with code 1.*no such flow"):
        await contest([Contestant(name="stillborn", command=stillborn)], rounds=1, messages=100, pings=5)
    assert psutil.Process().children() == before


def test_without_node_red_the_others_are_measured_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, count in (("ROUNDS", 1), ("MESSAGES", 1000), ("PINGS", 5)):
        monkeypatch.setattr(path, name, count)
    figures = path.figures()
    assert "bench path: without Node-RED: " in capsys.readouterr().err
    assert {each.peer_value for each in figures if each.peer == "Node-RED"} == {None}
    assert all(each.peer_value for each in figures if each.peer == "paho script")


def test_ctrl_c_leaves_nothing_running_and_no_file(before: list[psutil.Process], tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    # Without Node.js on the path: nothing is fetched.
    environment = {**os.environ, "TMPDIR": str(temporary), "XDG_CACHE_HOME": str(tmp_path), "PATH": str(tmp_path)}
    bench = Started([sys.executable, "-m", "ganglion", "bench", "path"], tmp_path, environment)
    try:
        bench.until_it_says("without Node-RED", within=20)
        (process,) = set(psutil.Process().children()) - set(before)
        deadline = time.monotonic() + 20
        while len(children := process.children(recursive=True)) < 2:  # the broker and a contestant
            assert time.monotonic() < deadline, bench.text
            time.sleep(0.02)
        assert bench.interrupt(within=60) == 130
    finally:
        bench.kill()
    assert psutil.wait_procs(children, timeout=5)[1] == []
    assert list(temporary.iterdir()) == []
