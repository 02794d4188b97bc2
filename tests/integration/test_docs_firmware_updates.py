# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/firmware-updates.md: its commands, with the agent in its slots on a real MicroPython behind node and gateway."""

import asyncio
import json
import re
import shlex
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.firmware import bundle, heap
from ganglion.firmware.interpreter import cached
from ganglion.firmware.sending import CHUNK
from ganglion.mesh.leaves.folder import LeafFolder
from ganglion_agent import boot, slots
from ganglion_tools.micropython import interpreter
from support.agent import SLOTTED, Board, powered
from support.bad_link import bad_link
from support.brokers import Broker, free_ports
from support.gateway import process
from support.leaves import PARENT
from support.mesh import NOW
from support.node import node
from support.waiting import until_answered

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "firmware-updates.md").read_text()
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]
(SIGNED,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
AGENT, _ = re.findall(r"^```json\n(.*?)^```$", (ROOT / "docs" / "firmware.md").read_text(), re.DOTALL | re.MULTILINE)


async def test_every_command_runs_and_a_bad_version_is_left(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (port,) = free_ports(1)
    said = {**json.loads(AGENT), "uplink": {"kind": "none"}, "parent": {"host": "127.0.0.1", "port": port}}
    (tmp_path / "agent.json").write_text(json.dumps(said))

    async def run(command: str, *more: str, code: int = 0) -> Any:
        program, *words = shlex.split(command)
        assert program == "ganglion"
        ended = await asyncio.to_thread(main, [*words, *more, "--json"])
        out, err = capsys.readouterr()
        assert ended == code, out + err
        return json.loads(out)

    size, build, send = COMMANDS
    assert {"bytes", "budget", "heap"} <= (await run(size)).keys()
    first = await run(build)
    board = Board(tmp_path / "board", ROOT / "tests" / "support" / "board", heap="500k")
    (tmp_path / "board" / "main.py").write_text(SLOTTED)
    board.configure(**said)
    async with process(tmp_path / "gateway", broker.url) as gateway:
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        (tmp_path / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])
        async with node(tmp_path, PARENT.format(broker=broker.url, port=port)) as barn:
            await barn.ready()
            key = LeafFolder(tmp_path / "state").add("garden", now=NOW).text()
            (tmp_path / "board" / "leaf.key").write_text(key)
            async with powered(board):

                async def status() -> dict[str, Any]:
                    asked = {"method": "leaf.call", "params": {"leaf": "garden", "method": "status"}}
                    answer = await gateway.http.post("/api/v1/nodes/barn/commands", json=asked)
                    found: dict[str, Any] = answer.json()["result"] if answer.status_code == 200 else {}
                    return found

                async def runs() -> bool:
                    return (await status()).get("slot") == "a"

                await until_answered(runs, what="the version of the build")
                assert (await run(send))["was"] == "running"

                monkeypatch.setattr(bundle, "__version__", "9.0.0")
                sent = await run(send)
                assert (sent["was"], sent["version"]) == ("committed", "9.0.0")
                assert sent["sent"] < 8192, "the manifest alone: all files are there"
                assert sent["sha256"] != first["sha256"]
                assert (await status())["slot"] == "b"
                assert (tmp_path / "board" / "slot").read_text().startswith("1 b kept 0 good ")

                monkeypatch.setattr(bundle, "__version__", "9.1.0")
                without_config, _, _ = send.partition(" --config")
                other = {key: said[key] for key in ("name", "uplink", "parent")}
                (tmp_path / "other.json").write_text(json.dumps(other))
                gone_back = await run(without_config, "--config", "other.json", "--lines", code=1)
                assert gone_back["error"].startswith("barn/garden has gone back to its version before")
                asked = {"method": "leaf.call", "params": {"leaf": "garden", "method": "crash"}}
                answer = await gateway.http.post("/api/v1/nodes/barn/commands", json=asked)
                crash = answer.json()["result"]["crash"]
                assert "what is not on this board, no module named 'ganglion_agent.interlock'" in crash["error"]
                assert (await status())["slot"] == "b"
                assert (tmp_path / "board" / "slot").read_text().startswith("1 b kept 0 bad ")

                monkeypatch.setattr(bundle, "__version__", "9.2.0")
                assert (await run(without_config, "--lines"))["was"] == "committed"
                assert (await status())["slot"] == "a", "it has what its agent.json asks for"

                (tmp_path / "board" / "hangs").touch()

                async def told() -> bool:
                    crashes = (await gateway.http.get("/api/v1/crashes")).json()["crashes"]
                    return [each["kind"] for each in crashes][:1] == ["watchdog"]

                await until_answered(told, what="the crash that the watchdog ended")
                [crash, *_] = (await run("ganglion crash list"))["crashes"]
                assert (crash["leaf"], crash["text"]) == ("garden", "the watchdog ended this boot: it hung")
                why = json.dumps(await run("ganglion fleet why barn", code=1))  # a sensor fails, too
                assert "its leaf garden crashed" in why
                assert "the watchdog ended this boot: it hung" in why
                refused = await run("ganglion firmware send barn", code=2)
                assert refused["error"].startswith("barn is no board with the agent: write PARENT/LEAF")


@pytest.mark.parametrize("broker", ["nats"], indirect=True)
async def test_a_signed_update_arrives_over_a_bad_way_that_breaks_for_a_while(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (port,) = free_ports(1)
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(process(tmp_path / "gateway", broker.url))
        monkeypatch.setenv("GANGLION_GATEWAY", gateway.url)
        monkeypatch.setenv("GANGLION_TOKEN", gateway.token)
        (tmp_path / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])
        barn = await stack.enter_async_context(node(tmp_path, PARENT.format(broker=broker.url, port=port)))
        await barn.ready()
        link = await stack.enter_async_context(bad_link(port, loss=0.05, double=0.05, late=0.05))
        said = {
            "name": "garden",
            "board": "pico-w",
            "uplink": {"kind": "none"},
            "parent": {"host": "127.0.0.1", "port": link.port},
        }
        (tmp_path / "agent.json").write_text(json.dumps({**said, **json.loads(SIGNED)}))
        words = ["firmware", "build", "--config", str(tmp_path / "agent.json"), "--out", str(tmp_path / "board")]
        assert await asyncio.to_thread(main, words) == 0
        board = Board(tmp_path / "board", ROOT / "tests" / "support" / "board", heap="500k")
        (tmp_path / "board" / "main.py").write_text(SLOTTED)
        board.configure(**said, **json.loads(SIGNED))
        key = ["--state", str(tmp_path / "state"), "--out", str(tmp_path / "board" / "leaf.key")]
        assert await asyncio.to_thread(main, ["leaf", "add", "garden", *key]) == 0
        await stack.enter_async_context(powered(board))

        async def call(method: str, **params: Any) -> tuple[int, Any]:
            asked = {"method": "leaf.call", "params": {"leaf": "garden", "method": method, "params": params}}
            answer = await gateway.http.post("/api/v1/nodes/barn/commands", json=asked)
            return answer.status_code, answer.json()

        async def kept() -> bool:
            return (await call("ping"))[0] == 200 and " kept " in (tmp_path / "board" / "slot").read_text()

        await until_answered(kept, what="the board, which is kept")
        status = (await call("status"))[1]["result"]
        assert (status["slot"], status["updates"]) == ("a", "signed")
        # Of the parent alone it takes nothing, nor what was sealed for another version
        begin = {"version": "x", "size": 9, "sha256": "0" * 64}
        assert "only with the issuer's seal" in (await call("update.begin", **begin))[1]["detail"]
        sealed = (await gateway.http.post("/api/v1/firmware/seal", json={"sha256": "1" * 64})).json()
        assert "of another update" in (await call("update.begin", **begin, seal=sealed["seal"]))[1]["detail"]
        assert (await gateway.http.post("/api/v1/firmware/seal", json={"sha256": "no"})).status_code == 422

        link.cut = True
        monkeypatch.setattr(bundle, "__version__", "9.0.0")
        words = ["firmware", "send", "barn/garden", "--config", str(tmp_path / "agent.json"), "--json"]
        words += ["--driver", "vl53l0x", "--driver", "mpu6050", "--driver", "bme280"]
        sending = asyncio.create_task(asyncio.to_thread(main, words))
        heard = ""

        async def waits() -> bool:
            nonlocal heard
            heard += capsys.readouterr().err
            return "waits for barn/garden, " in heard

        await until_answered(waits, what="that it waits for the board")
        link.cut = False
        link.counts.clear()
        assert await sending == 0
        sent = json.loads(capsys.readouterr().out)
        assert (sent["was"], sent["version"], sent["waits"] > 0) == ("committed", "9.0.0", True)
        assert sent["sent"] > 12 * 1024
        assert min(link.counts[name] for name in ("lost", "doubled", "late")) > 0, link.counts
        await until_answered(kept, what="the board, which is kept")
        status = (await call("status"))[1]["result"]
        assert (status["slot"], status["updates"]) == ("b", "signed")


def test_the_figures_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"pieces of {CHUNK} bytes" in text
    assert f"after {slots.TRIAL_BOOTS} boots" in text
    assert f"after {boot.TRIAL_MS // 60000} minutes of one such boot" in text
    assert f"fails {slots.FAILURES} times in a row" in text
    assert boot.RESCUE_MS == 60000
    assert f"budget of {bundle.BUDGET // 1024} KiB" in text
    assert f"heap of {heap.BOARD // 1024} KiB while the agent runs a script of {heap.STEPS} steps" in text
    assert f"beside the {heap.FREE // 1024} KiB that are wanted" in text


def test_what_a_version_takes_is_as_the_pages_say() -> None:
    built = bundle.build()
    assert "a third larger" in PAGE
    assert 1.25 < bundle.build(lines=True).size / built.size < 1.4
    assert "128 KiB are enough" in PAGE
    assert built.size + 64 * len(built.files) < 128 * 1024
    command = interpreter(cached("i386"), "i386")
    taken = {place: heap.BOARD - heap.measure(built, command, place).free for place in heap.PLACES}
    page = " ".join((ROOT / "docs" / "firmware.md").read_text().split())
    found = re.search(r"the agent takes (\d+) KiB of heap where .* and (\d+) KiB where the board has a \[ROMFS\]", page)
    assert found
    assert int(found[1]) == pytest.approx(taken[heap.FILES] / 1024, abs=4)
    assert int(found[2]) == pytest.approx(taken[heap.ROM] / 1024, abs=4)
