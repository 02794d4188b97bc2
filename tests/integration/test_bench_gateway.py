# SPDX-License-Identifier: GPL-3.0-or-later
"""bench gateway: all its processes with few nodes, two kills, nothing lost. How fast it is, is no matter of a test."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ganglion_tools.bench.figure import Figure

pytestmark = pytest.mark.untraced

#: Runs `ganglion` with a bench of a few nodes, events and clients.
SHORT = """
import sys
from ganglion.cli.main import main
from ganglion_tools.bench import gateway, gateway_events
gateway_events.PROCESSES = 1
gateway.NODES, gateway.RATE, gateway.KILLED, gateway.KILLED_SECONDS = 4, 40, 40, 2
gateway.WEBHOOKS, gateway.PLAIN, gateway.CLIENTS, gateway.TOLD, gateway.KNOWN = 300, 50, 5, 2, (0, 3)
sys.exit(main(["bench", "gateway", *sys.argv[1:]]))
"""
LOOP, SERVER, SQLITE = "a plain aiohttp loop", "a plain aiohttp server", "sqlite3 alone"
KILLED = "at the receiver through a kill -9"
#: Name, unit, peer.
EXPECTED = [
    ("events of 4 nodes, held a second", "1/s", None),
    ("events of 4 nodes, at the receiver", "events", None),
    ("events of 4 nodes, gateway", "cores", None),
    ("events of 4 nodes, gateway, processor time for each", "us", None),
    ("events of 4 nodes, memory", "MiB", None),
    ("events of 4 nodes, node to webhook, p50", "ms", None),
    ("events of 4 nodes, node to webhook, p99", "ms", None),
    (f"events of 4 nodes, {KILLED}", "events", None),
    ("events of 4 nodes, sent to the receiver again after it", "events", None),
    ("webhook events accepted into the outbox", "1/s", None),
    ("webhook events accepted into the outbox", "1/s", SQLITE),
    ("webhook events accepted into the outbox, processor time for each", "us", None),
    ("webhooks signed, delivered and noted", "1/s", None),
    ("webhooks signed, delivered and noted", "1/s", LOOP),
    ("webhooks signed, delivered and noted, processor time for each", "us", None),
    (f"webhooks, {KILLED}", "events", None),
    ("webhooks, sent to the receiver again after it", "events", None),
    ("5 WebSocket clients, until all follow", "s", SERVER),
    ("5 WebSocket clients, an event to each, p50", "ms", SERVER),
    ("5 WebSocket clients, an event to each, p99", "ms", SERVER),
    ("5 WebSocket clients, memory of the server for each", "KiB", SERVER),
    ("memory with 0 nodes", "MiB", None),
    ("memory with 0 nodes, proportional", "MiB", None),
    ("memory with 3 nodes", "MiB", None),
    ("memory with 3 nodes, proportional", "MiB", None),
    ("a bad release to 4 nodes, those ever told to run it", "nodes", None),
    ("a bad release to 4 nodes, those told outside its first cohort of 1", "nodes", None),
    ("a bad release to 4 nodes, until it is aborted", "s", None),
]


def test_every_figure_is_there_and_nothing_is_lost(tmp_path: Path) -> None:
    before = psutil.Process().children(recursive=True)
    # Without Chromium on the path; NATS Server lies beside Python
    environment = {**os.environ, "PATH": str(tmp_path), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", SHORT, "--seconds", "1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, env=environment)
    unavailable = "bench gateway: the dashboard is unavailable: there is no Chromium: apt-get install chromium\n"
    assert (done.returncode, unavailable in done.stderr) == (0, True), done.stderr
    parts = ["webhooks", "memory", "4 nodes, until they have joined", "events", "sockets", "dashboard", "rollout"]
    said = [f"bench gateway: {part}\n" for part in parts]
    assert done.stderr.replace(unavailable, "") == "".join(said)
    document = json.loads(done.stdout)
    assert document["bench"] == "gateway"
    found = [Figure(**each) for each in document["figures"]]
    assert [(each.name, each.unit, each.peer) for each in found] == EXPECTED
    for each in found:
        assert (each.peer is None) == (each.peer_value is None)
        assert (each.goal is None) == (each.met is None)
    counted = {each.name: each for each in found if each.unit == "events" and each.goal is not None}
    assert counted.keys() == {
        "events of 4 nodes, at the receiver",
        f"events of 4 nodes, {KILLED}",
        f"webhooks, {KILLED}",
    }
    assert all(each.value == each.goal and each.value > 30 for each in counted.values())
    assert counted[f"webhooks, {KILLED}"].value == 300
    told, outside = (each for each in found if each.unit == "nodes")
    assert (told.value, outside.value, outside.met) == (1, 0, True)
    assert psutil.Process().children(recursive=True) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["evnts"], "there is no part 'evnts': take some of events, webhooks, "),
        (["events", "--seconds", "0"], "--seconds 0: from 1 to 3600"),
    ],
)
def test_what_it_cannot_measure_is_said_before_anything_starts(words: list[str], complaint: str) -> None:
    command = [sys.executable, "-m", "ganglion", "bench", "gateway", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
