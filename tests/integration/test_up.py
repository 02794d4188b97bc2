# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion up`, run as a person runs it: the whole site, one full pass, and nothing left behind."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from support.brokers import mosquitto_broker
from support.chat_server import KEY, MODEL, Say, chat_server

STAGES = ["sensor", "trigger", "prompt", "condition", "guardian", "actuator", "mesh", "gateway", "webhook"]
FRIDGE = Path(__file__).parents[2] / "tools/ganglion_tools/up/fridge.yaml"


@contextmanager
def up(state: Path, *words: str, model: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "XDG_STATE_HOME": str(state)}
    for name in ("GANGLION_LLM_URL", "GANGLION_LLM_KEY", "GANGLION_LLM_MODEL"):
        environment.pop(name, None)
    environment |= model or {}
    process = subprocess.Popen(
        [sys.executable, "-m", "ganglion", "up", "--json", *words],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ganglion(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_STATE_HOME": str(state)}
    return subprocess.run(
        [sys.executable, "-m", "ganglion", *words], env=environment, text=True, capture_output=True, timeout=30
    )


def follow(process: subprocess.Popen[str], key: str) -> dict:
    """Reads lines until a document with `key` comes."""
    assert process.stdout is not None
    for line in process.stdout:
        document = json.loads(line)
        if key in document:
            return document
    assert process.stderr is not None
    raise AssertionError(f"no {key!r} came; stderr: {process.stderr.read()}")


def assert_gone(pids: dict[str, int]) -> None:
    deadline = time.monotonic() + 10
    while alive := [name for name, pid in pids.items() if psutil.pid_exists(pid)]:
        assert time.monotonic() < deadline, f"still running: {alive}"
        time.sleep(0.05)


def of_this_state(state: Path) -> list[str]:
    """The processes whose command line or environment speaks of this state folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            if str(state) in " ".join(process.info["cmdline"] or []):
                found.append(" ".join(process.info["cmdline"]))
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("broker", ["nats", "mosquitto"])
def test_one_full_pass_from_sensor_to_webhook_and_nothing_is_left(tmp_path, broker):
    with up(tmp_path, "--broker", broker, "--exit-after-first-alert") as process:
        ready = follow(process, "ready")
        trace = follow(process, "trace")["trace"]
        assert process.wait(timeout=60) == 0
    assert [line["stage"] for line in trace["lines"]] == STAGES
    assert all(line["status"] == "done" for line in trace["lines"])
    prompt = next(line for line in trace["lines"] if line["stage"] == "prompt")
    assert "otherwise" in prompt["detail"]  # no model was given, and the trace says so
    assert_gone(ready["pids"])
    assert of_this_state(tmp_path) == []


def test_a_second_start_finds_the_state_again_and_ctrl_c_stops_everything(tmp_path):
    with up(tmp_path) as process:
        first = follow(process, "ready")
        before = json.loads(ganglion(tmp_path, "devices", "list", "--json").stdout)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
        assert_gone(first["pids"])
    with up(tmp_path) as process:
        second = follow(process, "ready")
        after = json.loads(ganglion(tmp_path, "devices", "list", "--json").stdout)
        assert {node["id"] for node in after["nodes"]} == {node["id"] for node in before["nodes"]}
        again = ganglion(tmp_path, "up", "--json")
        assert again.returncode == 4
        assert "another `ganglion up`" in again.stderr
        process.kill()  # SIGKILL: the children notice that their parent is gone
        assert_gone(second["pids"])


def test_what_it_says_to_try_next_works_beside_another_state_folder(tmp_path):
    state = tmp_path / "the site's own"
    with up(tmp_path, "--state", str(state)) as process:
        follow(process, "ready")
        lines = list(iter(lambda: process.stderr.readline().strip(), "Ctrl-C stops everything."))
        first, *commands = [line for line in lines[lines.index("try next") + 1 :] if line]
        assert [line.split()[:2] for line in commands[:2]] == [["ganglion", "devices"], ["ganglion", "sim"]]
        assert ganglion(tmp_path, "devices", "list").returncode == 3  # in the usual folder there is none
        command = f"{first}; exec {sys.executable} -m {commands[0]} --json"
        environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
        done = subprocess.run(["sh", "-c", command], env=environment, text=True, capture_output=True, timeout=30)
        assert {node["name"] for node in json.loads(done.stdout)["nodes"]} == {"host", "room", "fridge"}
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


def test_the_trace_is_shown_one_line_a_stage(tmp_path):
    with up(tmp_path) as process:
        follow(process, "ready")
        assert ganglion(tmp_path, "sim", "set", "fridge", "fridge.temperature", "12").returncode == 0
        follow(process, "alert")
        shown = ganglion(tmp_path, "trace", "--last")
        assert shown.returncode == 0
        for stage in STAGES:
            assert len(re.findall(rf" {stage}  +\S", shown.stdout)) == 1, shown.stdout
        flows = json.loads(ganglion(tmp_path, "bus", "stats", "fridge", "--json").stdout)
        assert flows["backend"] == "native"
        assert flows["busiest"][0]["topic"].startswith("sensor/fridge/")
        assert any(each["filter"] == "sensor/fridge/temperature" and each["delivered"] for each in flows["told"])
        top = ganglion(tmp_path, "bus", "top", "room", "--every", "0.5", "--count", "2")
        assert top.returncode == 0, top.stderr
        assert len(re.findall(r"^\d+\.\d +sensor/mic/level$", top.stdout, re.MULTILINE)) == 2
        cold = ("--where", '{"value": {"$lt": 100}}', "--count", "2", "--json")
        seen = ganglion(tmp_path, "bus", "watch", "fridge", "sensor/fridge/temperature", *cold)
        assert [json.loads(line)["topic"] for line in seen.stdout.splitlines()] == ["sensor/fridge/temperature"] * 2
        assert ganglion(tmp_path, "bus", "watch", "fridge", "a/#/b").returncode == 2
        told = json.loads(ganglion(tmp_path, "bus", "stats", "fridge", "--json").stdout)["told"]
        assert [each["filter"] for each in told if each["queue"]] == []  # who has watched leaves nothing behind
        assert ganglion(tmp_path, "bus", "stats", "freezer").returncode == 3
        edited = tmp_path / "edited.yaml"
        edited.write_text(FRIDGE.read_text().replace("name: fridge_watch", "name: edited"))
        live = ganglion(tmp_path, "mova", "watch", str(edited), "--node", "fridge", "--once", "--json")
        said = json.loads(live.stdout)
        assert (said["live"], said["name"], said["replaced"]) == (True, "edited", False)
        edited.write_text(edited.read_text().replace("{at: 5s, actuated", "{at: 6s, actuated"))
        failing = ganglion(tmp_path, "mova", "watch", str(edited), "--node", "fridge", "--once")
        assert (failing.returncode, "the test 'model away still beeps' fails" in failing.stderr) == (1, True)
        missing = ganglion(tmp_path, "sim", "set", "freezer", "x.y", "1")
        assert missing.returncode == 3
        real = ganglion(tmp_path, "sim", "set", "host", "system.cpu", "1")
        assert real.returncode == 4
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0


async def test_a_model_is_asked_and_the_trace_counts_its_tokens(tmp_path):
    async with chat_server() as chat:
        chat.says(Say(text='{"cause": "door", "urgent": true}'))
        with up(tmp_path, model=chat.environment) as process:
            alert = (await asyncio.to_thread(follow, process, "alert"))["alert"]
            assert alert["data"]["value"]["cause"] == "door"
            shown = await asyncio.to_thread(ganglion, tmp_path, "trace", "--last")
            (prompt,) = [line for line in shown.stdout.splitlines() if " prompt " in line]
            assert re.search(rf"{MODEL}.* \d+ tokens|\d+ tokens.*{MODEL}", prompt), prompt
            process.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(process.wait, 20) == 0
    assert chat.requests[0]["response_format"]["type"] == "json_schema"
    assert KEY not in shown.stdout
    assert not any(KEY in path.read_text() for path in (tmp_path / "ganglion" / "logs").iterdir())


async def test_a_broker_that_runs_elsewhere_and_its_password_is_nowhere_to_be_read(tmp_path):
    async with mosquitto_broker(tmp_path / "broker", users={"joe": "hunter2"}) as broker:
        account = tmp_path / "account"
        account.write_text("joe:hunter2")
        with up(tmp_path, "--broker", f"{broker.url}?account={account}") as process:
            ready = await asyncio.to_thread(follow, process, "ready")
            assert ready["broker"] == broker.url
            for pid in ready["pids"].values():
                assert "hunter2" not in " ".join(psutil.Process(pid).cmdline())
            await asyncio.to_thread(follow, process, "alert")
            process.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(process.wait, 20) == 0
        logs = list((tmp_path / "ganglion" / "logs").iterdir())
        assert logs
        assert not any("hunter2" in path.read_text() for path in logs)
        account.write_text("joe:hunter3")
        refused = await asyncio.to_thread(ganglion, tmp_path, "up", "--broker", f"{broker.url}?account={account}")
        assert refused.returncode == 4
        assert "return code 5" in refused.stderr
        assert "hunter3" not in refused.stderr
        shown = await asyncio.to_thread(ganglion, tmp_path, "up", "--broker", broker.url_as("joe", "hunter2"))
        assert (shown.returncode, "account=FILE" in shown.stderr, "hunter2" in shown.stderr) == (2, True, False)


@pytest.mark.parametrize(
    ("broker", "code", "says"),
    [
        ("emqx", 2, "say nats, mosquitto or a URL"),
        ("http://127.0.0.1:1883", 2, "starts with mqtt:// or mqtts://"),
        ("mqtt://127.0.0.1:1", 5, "cannot be reached"),
    ],
)
def test_a_broker_that_cannot_be_one_is_named(tmp_path, broker, code, says):
    done = ganglion(tmp_path, "up", "--broker", broker)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
