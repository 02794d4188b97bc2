# SPDX-License-Identifier: GPL-3.0-or-later
"""flash and docs/flashing.md: every command, from the loader in a chip's ROM to the birth at the parent."""

import asyncio
import json
import re
import shlex
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli import gateway_client
from ganglion.cli.main import main
from ganglion.client.call import Call
from ganglion.device.files import Files
from ganglion.device.port import open_port
from ganglion.device.session import Session
from ganglion.firmware import Bundle, build
from ganglion.flash import drive, run
from ganglion.flash.identity import Identity
from ganglion.mesh.leaves.folder import LeafFolder
from ganglion_micro.leaf_key import LeafKey
from ganglion_tools.rom_board import LoaderBoard
from support.agent import Board
from support.boards import LARGE, booted, mounted
from support.brokers import Broker, free_ports, nats_broker
from support.brought import ESP32, brought
from support.flash_said import did, lines, told
from support.gateway import process
from support.leaves import PARENT
from support.node import node

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "flashing.md").read_text()
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]
#: The board's own `main.py`, but that its flash is the current folder, and nobody is waited for.
MAIN = """
from ganglion_agent import boot

boot.RESCUE_MS = 50
boot.run(".")
"""
SMALL = Bundle(
    version="1.0.0",
    files={"ganglion_agent/__init__.mpy": b"M\x06\0\x1f", "ganglion_agent/entry.mpy": b"M\x06" + bytes(range(256)) * 8},
    outside={"main.py": b"print('main')\n", "ganglion_agent/boot.mpy": b"M\x06\0\x1f"},
)


@cache
def trimmed() -> Bundle:
    """The agent without what runs scripts: half of it, as all goes through an emulated serial line."""
    bundle = build()
    scripts = (
        "engine",
        "runner",
        "triggers",
        "prompts",
        "plan",
        "steps",
        "dispatch",
        "expression",
        "schema",
        "template",
    )
    files = {name: data for name, data in bundle.files.items() if Path(name).stem.partition("_")[0] not in scripts}
    return Bundle(version=bundle.version, files=files, outside=bundle.outside)


@pytest.fixture(scope="module")
def current() -> Iterator[str]:
    with booted("cortex-m3", disk=LARGE) as port:
        yield port


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANGLION_WIFI_PASSWORD", "correct horse")
    monkeypatch.setattr(drive, "WITHIN", 30.0)
    brought(tmp_path)
    return tmp_path


@asynccontextmanager
async def barn(folder: Path, broker: Broker, port: int) -> AsyncIterator[tuple[str, str]]:
    """A node that is a parent, with its gateway: URL and token of that. Its state folder is `barn`."""
    async with process(folder / "gateway", broker.url) as gateway:
        (folder / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])
        (folder / "barn").symlink_to(folder / "state")
        async with node(folder, PARENT.format(broker=broker.url, port=port)) as running:
            await running.ready()
            yield gateway.url, gateway.token


async def test_the_commands_of_the_page_bring_an_esp32_to_its_parent(
    here: Path, current: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dry, whole, said_on_the_line, elsewhere, _, _, _ = COMMANDS
    (port,) = free_ports(1)
    monkeypatch.setattr(run, "build", lambda drivers, modules: trimmed())
    config = {"name": "garden", "uplink": {"kind": "none"}, "parent": {"host": "127.0.0.1", "port": port}}
    (here / "agent.json").write_text(json.dumps(config))
    board = Board(here / "flash", ROOT / "tests" / "support" / "board", heap="500k")
    loop = asyncio.get_running_loop()

    def starts() -> None:
        """What was read back on the emulated board is on the flash of one with a network, too."""
        if not (board.folder / "a").exists():
            mounted(loader.port, LARGE)
            with Session(open_port(loader.port)) as session:
                own = {name: Files(session).read(name) for name in ("agent.json", "leaf.key")}
            for name, data in {**trimmed().on_board(), **own, "main.py": MAIN.encode()}.items():
                (board.folder / name).parent.mkdir(parents=True, exist_ok=True)
                (board.folder / name).write_bytes(data)
        asyncio.run_coroutine_threadsafe(board.on(), loop).result(60)

    async def command(line: str, *more: str, code: int = 0) -> list[dict[str, Any]]:
        words = shlex.split(line.replace("/dev/ttyUSB0", loader.port))[1:]
        assert await asyncio.to_thread(main, [*words, *more, "--json"]) == code
        return lines(capsys)

    async with nats_broker(here / "broker") as broker, barn(here, broker, port) as (url, token):
        monkeypatch.setenv("GANGLION_TOKEN", token)
        with (
            LoaderBoard("esp32") as loader,
            told(monkeypatch, "ask", lambda: loader.press(current)),
            told(monkeypatch, "waits", starts),
        ):
            try:
                said = await command(dry)
                assert did(said) == [("image", "write"), ("image", "keep"), ("image", "write"), ("agent", "write")]
                assert (loader.chip.written, LeafFolder(here / "state").all()) == (0, {})

                loader.press()
                said = await command(whole)
                assert loader.chip.violations == []
                assert loader.chip.flash[0x1000 : 0x1000 + len(ESP32)] == ESP32
                assert did(said)[0] == ("image", "write")
                assert ("key", "write") in did(said)
                assert (said[-1]["event"], said[-1]["name"], said[-1]["born"]) == ("end", "garden", True)
                assert {each["what"] for each in said if each["event"] == "progress"} == {"compared", "written", "sent"}
                key = (board.folder / "leaf.key").read_text().strip()
                assert key not in json.dumps(said)

                await board.off()
                mounted(loader.port, LARGE)
                said = await command(said_on_the_line)
                assert ("config", "set aside") in did(said)
                assert ("agent", "write") not in did(said)

                mounted(loader.port, LARGE)
                (here / "leaf.key").write_text(key)
                said = await command(elsewhere.replace("http://192.0.2.10:8470", url))
                assert {does for _, does in did(said)} == {"keep", "restart"}
                assert said[-1]["born"] is True
            finally:
                await board.off()


def test_what_a_break_left_on_the_board_is_gone_on_with(
    here: Path, current: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "build", lambda drivers, modules: SMALL)
    mounted(current, LARGE, erased=True)
    words = ["flash", "pico-w", "--port", current, "--name", "shed", "--parent", "192.0.2.20", "--json"]
    assert main(words) == 2
    assert "the board has no key yet: --state" in lines(capsys)[-1]["error"]
    words += ["--leaf-key", "leaf.key"]
    sent = Files.write
    left = 3

    def write(self: Files, *args: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise ConnectionError("the cable is out")
        return sent(self, *args)

    mounted(current, LARGE)
    with monkeypatch.context() as patched:
        patched.setattr(Files, "write", write)
        with pytest.raises(ConnectionError):
            main(words)
    capsys.readouterr()
    mounted(current, LARGE)
    key = LeafKey(bytes(8), bytes(range(32)))
    known = Identity(text=key.text(), boots=3)
    monkeypatch.setattr("ganglion.flash.identity.of_parent", lambda state, name, dry: known)
    monkeypatch.setattr("ganglion.flash.identity.check_parent", lambda state, name: None)
    assert main([*words[:-2], "--state", "barn", "--wait", "100ms"]) == 5
    said = lines(capsys)
    assert ("agent", "keep") in did(said)
    assert ("agent", "write") in did(said)
    assert any(each.get("what") == "boots: 3, as its parent has counted them" for each in said)
    assert "shed has not come to the mesh in 0.1 s" in said[-1]["error"]
    mounted(current, LARGE)
    assert main([word for word in words[:-2] if word != "--json"]) == 0
    text = capsys.readouterr().out
    assert "write" not in text
    assert "the key that it has" in text
    assert "look for it on its parent: `ganglion leaf list` there counts one start more" in text


def test_a_board_becomes_a_full_member_by_a_broker_and_an_enrol_key(
    here: Path, current: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "build", lambda drivers, modules: SMALL)
    (here / "broker.account").write_text("garden:secret\n")
    mounted(current, LARGE, erased=True)
    words = ["flash", "pico-w", "--port", current, "--name", "shed", "--json"]
    broker = ["--broker", "mqtt://192.0.2.1?account=./broker.account"]
    assert main([*words, *broker]) == 2
    assert "the board is in no mesh yet: --enrol-key" in lines(capsys)[-1]["error"]
    mounted(current, LARGE)  # each run has started the board again, whose disk is gone then
    assert main([*words, *broker, "--leaf-key", "leaf.key"]) == 2
    assert "are for leaves, and its agent.json names a broker" in lines(capsys)[-1]["error"]
    mounted(current, LARGE)
    assert main(["flash", "esp8266", *words[2:], *broker, "--enrol-key", "enrol.key"]) == 1
    said = "agent.json: broker: ESP8266 (NodeMCU) is too small for a full member of the mesh: name a parent"
    assert lines(capsys)[-1]["error"].startswith(said)
    mounted(current, LARGE)
    assert main([*words, "--parent", "h", "--enrol-key", "enrol.key"]) == 2
    assert "--enrol-key is for full members, and its agent.json names a parent" in lines(capsys)[-1]["error"]
    page = shlex.split(COMMANDS[4].replace("/dev/ttyUSB0", current))[1:]
    mounted(current, LARGE)
    assert main([*page, "--json"]) == 0
    assert ("key", "write") in did(lines(capsys))
    mounted(current, LARGE)
    assert main([*words, *broker, "--enrol-key", "enrol.key"]) == 0
    said = lines(capsys)
    keys = [(each["does"], each["what"]) for each in said if each.get("part") == "key"]
    assert keys == [("write", "enrol.key"), ("write", "broker.account")]
    mounted(current, LARGE)
    with Session(open_port(current), restart=True) as session:
        files = Files(session)
        config = json.loads(files.read("agent.json"))
        assert (config["broker"], "parent" in config) == ("mqtt://192.0.2.1?account=broker.account", False)
        assert files.read("enrol.key") == (here / "enrol.key").read_bytes()
        files.remove("enrol.key")
        files.write("mesh/credential", b"x", lambda now, size: None)
    mounted(current, LARGE)
    assert main(words) == 0
    assert ("key", "keep") in did(lines(capsys)), "it has joined, and needs no key"
    mounted(current, LARGE, erased=True)

    class Gateway:
        """One that makes keys, and has heard of the board when it is asked for the second time."""

        asked = 0

        def ask(self, call: Call[Any]) -> dict[str, Any]:
            assert (call.method, call.target) == ("POST", "/api/v1/enrol-keys")
            return {"key": (here / "enrol.key").read_text().strip()}

        def pages(self, call: Call[Any], name: str) -> list[dict[str, Any]]:
            assert (call.target, name) == ("/api/v1/nodes", "nodes")
            self.asked += 1
            return [{"name": "shed", "online": self.asked > 1, "epoch": 1}]

    gateway = Gateway()
    monkeypatch.setattr(gateway_client, "find", lambda args: gateway)
    assert main([*words, *broker, "--gateway", "http://192.0.2.10:8470"]) == 0
    said = lines(capsys)
    assert ("key", "write") in did(said)
    assert (said[-1]["born"], gateway.asked) == (True, 2)
    mounted(current, LARGE)
    assert main([*words, "--parent", "192.0.2.20", "--leaf-key", "leaf.key"]) == 0
    assert ("key", "write") in did(lines(capsys)), "and now it is a leaf"


def test_a_dry_run_says_that_there_is_no_room(
    here: Path, current: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    large = Bundle(version="2", files={"ganglion_agent/large.mpy": b"M\x06\0\x1f" * 200_000}, outside=SMALL.outside)
    monkeypatch.setattr(run, "build", lambda drivers, modules: large)
    mounted(current, LARGE)
    words = ["flash", "pico-w", "--port", current, "--name", "shed", "--parent", "192.0.2.20", "--leaf-key", "leaf.key"]
    assert main([*words, "--dry-run"]) == 1
    assert "781 KiB are to be written, and " in (said := capsys.readouterr().err)
    assert " KiB are free on the board: remove files there" in said
    assert main([*words, "--dry-run"]) == 1, "its disk is gone with the restart"
    assert "has no file system at its top: its flash may need formatting" in capsys.readouterr().err


def test_every_command_of_the_page_is_run() -> None:
    assert len(COMMANDS) == 7
    assert {shlex.split(line)[2] for line in COMMANDS} == {"esp32-devkit", "pico-w", "microbit"}
