# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/console-node.md: each command is run on nodes and a leaf, and shows what the page says."""

import asyncio
import json
import os
import re
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ganglion import config
from ganglion.config import ConsoleSection
from ganglion.mesh.leaves.folder import LeafFolder
from ganglion.node.console import console, looks, output, record, tail
from ganglion_agent import log
from ganglion_micro.leaf import Leaf
from support.boards import booted
from support.brokers import Broker, free_ports, nats_broker
from support.console_node import in_terminal
from support.gateway import Process, process
from support.leaves import PARENT, Device
from support.mesh import NOW
from support.node import CHIP, node
from support.waiting import until_answered

PAGE = (Path(__file__).parents[2] / "docs" / "console-node.md").read_text()
#: Each command, and what the page says that it prints, if it does.
OF_NODES, _, OF_PORTS = PAGE.partition("## A serial port\n")
COMMANDS = re.findall(r"^```sh\n([^\n]*)\n```\n(?:\n```text\n(.*?)^```$)?", OF_NODES, re.DOTALL | re.MULTILINE)
LIST, SCRIPT, SHARE = re.findall(r"^```sh\n([^\n]*)\n```\n", OF_PORTS, re.MULTILINE)
TABLE, PORTS = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@asynccontextmanager
async def house(folder: Path, broker: Broker, gateway: Process, board: str) -> AsyncIterator[None]:
    """The nodes of the page, the leaf, and a board on a serial port."""
    (port,) = free_ports(1)
    configs = {
        "fridge": CHIP.format(name="fridge", broker=broker.url, more=TABLE + re.sub(r"/dev/[^\"]+", board, PORTS)),
        "attic": CHIP.format(name="attic", broker=broker.url, more=""),
        "barn": PARENT.format(broker=broker.url, port=port),
    }
    for name, text in configs.items():
        (folder / name).mkdir()
        key = (await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"]
        (folder / name / "enrol.key").write_text(key)
        configs[name] = text
    async with (
        node(folder / "fridge", configs["fridge"]),
        node(folder / "attic", configs["attic"]),
        node(folder / "barn", configs["barn"]) as barn,
    ):
        await barn.ready()
        leaf = Leaf(LeafFolder(barn.state).add("garden", now=NOW), 1, b"12345678", {"board": "pico-w"})
        leaf.serve("status", lambda params: {"name": "garden", "uptime_s": 7})

        async def there() -> bool:
            nodes = (await gateway.http.get("/api/v1/nodes")).json()["nodes"]
            leaves = [leaf for each in nodes for leaf in each["leaves"]]
            return sum(each["online"] for each in nodes) == 3 and any(each["online"] for each in leaves)

        async with Device(leaf, port).running():
            await until_answered(there, what="three nodes and a leaf")
            yield


async def entered(gateway: Process, command: str, folder: Path) -> tuple[int | None, str]:
    """Exit code, and stdout or else stderr, of `echo … | ganglion console …`."""
    said, _, line = command.rpartition(" | ")
    assert said.startswith("echo ") or not said
    program, *words = shlex.split(line)
    assert program == "ganglion"
    child = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "ganglion", *words, "--gateway", gateway.url],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GANGLION_TOKEN": gateway.token},
        cwd=folder,
    )
    out, err = await asyncio.wait_for(child.communicate(said.removeprefix("echo ").strip("'").encode() + b"\n"), 60)
    return child.returncode, (err if child.returncode else out).decode()


async def test_every_command_shows_what_the_page_says(tmp_path: Path) -> None:
    assert len(COMMANDS) + 3 == PAGE.count("```sh") == 10
    with booted("microbit") as board:
        async with (
            nats_broker(tmp_path) as broker,
            process(tmp_path / "gateway", broker.url) as gateway,
            house(tmp_path, broker, gateway, board),
        ):
            await commands(gateway, tmp_path)


async def commands(gateway: Process, tmp_path: Path) -> None:
    """Runs them."""
    (command, shown), *rest = COMMANDS
    async with in_terminal(gateway, *shlex.split(command)[2:]) as terminal:
        for line in shown.splitlines():
            await terminal.shows(re.split(r" to mqtt| mesh ", line)[0])
        terminal.types("\x1d")
        assert await terminal.ended() == 0
    out = {command: await entered(gateway, command, tmp_path) for command, _ in rest}
    method, as_json, take, shell, recorded, leaf = out.values()
    assert (method[0], '"value": 9.5' in method[1]) == (0, True)
    assert json.loads(as_json[1].splitlines()[-1])["result"]["node"] == "fridge"
    assert (take[0], '"node": "fridge"' in take[1]) == (0, True)
    refused = next(text for command, text in rest if command == "echo shell | ganglion console attic")
    assert (shell[0], refused.strip() in shell[1].replace(f"{tmp_path}/attic/node.toml", "attic.toml")) == (4, True)
    assert recorded[0] == 0
    assert json.loads((tmp_path / "fridge.cast").read_text().splitlines()[0])["version"] == 2
    assert (leaf[0], '"uptime_s": 7' in leaf[1]) == (0, True)
    listed = await entered(gateway, LIST, tmp_path)
    assert (listed[0], "fridge:board" in listed[1], "the pump's controller" in listed[1]) == (0, True, True)
    said = await entered(gateway, SCRIPT, tmp_path)
    assert (said[0], "42" in said[1].splitlines()) == (0, True)
    (free,) = free_ports(1)
    words = shlex.split(SHARE.replace("./board", f"{tmp_path}/board").replace("4000", str(free)))[2:]
    async with in_terminal(gateway, *words) as terminal:
        await terminal.shows(f"shared as rfc2217://127.0.0.1:{free}")
        assert (tmp_path / "board").is_char_device()
        terminal.types("\x1d")
        assert await terminal.ended() == 0


def test_the_figures_are_those_of_the_code(tmp_path: Path) -> None:
    text = " ".join(PAGE.split())
    assert f"begins with the last {console.SHOWN} lines" in text
    assert f"{console.MOST} at the same time" in text
    assert f"nobody has looked for {console.FORGOTTEN:.0f} s" in text
    assert f"the last {tail.KEPT // 1024} KiB of its log" in text
    assert f"shown {looks.RATE:,.0f} letters a second at most" in text
    assert f"at most twice {record.BYTES // 1024} KiB" in text
    assert f"the last {log.LINES} lines" in text
    (tmp_path / "node.toml").write_text(f'[node]\nname = "n"\n{TABLE}')
    said = config.load(tmp_path / "node.toml").console
    (tmp_path / "node.toml").write_text(f'[node]\nname = "n"\n{PORTS}')
    assert config.load(tmp_path / "node.toml").serial["board"].about == "the pump's controller"
    assert f"on the node, {output.KEPT // 1024} KiB of it" in text
    assert (said.shell, said.idle) == (True, ConsoleSection().idle)


@pytest.mark.parametrize("wrong", ['idle = "0s"', "shell = 1", "sheel = true"])
def test_what_is_wrong_in_the_table_is_named(wrong: str, tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(f'[node]\nname = "n"\n[console]\n{wrong}\n')
    with pytest.raises(ValueError, match=r"node.toml: console"):
        config.load(tmp_path / "node.toml")
