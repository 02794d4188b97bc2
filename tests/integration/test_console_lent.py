# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion console NODE:NAME`: serial ports of a node across the mesh, and what works through them as at a cable."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from ganglion_tools.rom_loader import RomLoader
from support import images
from support.boards import booted
from support.brokers import free_ports, mosquitto_broker
from support.cable import Cable
from support.console_node import console, in_terminal
from support.control_lines import Bridged, served
from support.gateway import Process, process
from support.node import CHIP, NodeProcess, node
from support.waiting import until, until_answered

PORT = '[serial.{name}]\nport = "{port}"\nabout = "{about}"\n'


@asynccontextmanager
async def barn(folder: Path, more: str) -> AsyncIterator[tuple[Process, NodeProcess]]:
    """A broker, a gateway and a node whose configuration says more."""
    async with mosquitto_broker(folder) as broker, process(folder / "gateway", broker.url) as gateway:
        (folder / "enrol.key").write_text((await gateway.http.post("/api/v1/enrol-keys", json={})).json()["key"])
        async with node(folder, CHIP.format(name="barn", broker=broker.url, more=more)) as here:
            await here.ready()

            async def known() -> bool:
                answer = await gateway.http.get("/api/v1/nodes/barn")
                return bool(answer.status_code == 200 and answer.json()["online"])

            await until_answered(known, what="the gateway knows the node")
            yield gateway, here


async def ran(gateway: Process, *words: str, said: bytes = b"") -> tuple[int | None, str]:
    """Exit code and output of a Python module's command."""
    child = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", *words],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "GANGLION_TOKEN": gateway.token,
            "GANGLION_GATEWAY": gateway.url,
        },
    )
    try:
        out, _ = await asyncio.wait_for(child.communicate(said), 120)
    finally:
        if child.returncode is None:
            child.kill()
    return child.returncode, out.decode(errors="replace").replace("\r", "")


@asynccontextmanager
async def dev(gateway: Process, port: str, file: Path) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """`ganglion dev`, which is killed at the end; waits until it has shown a text."""
    words = ["-m", "ganglion", "dev", port, str(file), "--gateway", gateway.url]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GANGLION_TOKEN": gateway.token}
    child = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert child.stdout is not None
    shown = b""

    async def said(text: str) -> None:
        nonlocal shown
        assert child.stdout is not None
        async with asyncio.timeout(120):
            while text.encode() not in shown:
                data = await child.stdout.read(1024)
                assert data, shown
                shown += data

    try:
        yield said
    finally:
        child.kill()
        await child.wait()


async def test_programs_work_at_it_as_at_a_cable(tmp_path: Path) -> None:
    pytest.importorskip("esptool")
    (tmp_path / "pump.py").write_text("RATE = 3\n" * 60)
    (tmp_path / "image.bin").write_bytes(os.urandom(3000))
    shared, cast = tmp_path / "board", tmp_path / "session.cast"
    with ExitStack() as stack:
        microbit = stack.enter_context(booted("microbit"))
        bridge = Bridged(RomLoader("esp32c3", 4 << 20))
        esp = stack.enter_context(served(bridge))
        ports = PORT.format(name="board", port=microbit, about="a micro:bit") + PORT.format(
            name="esp", port=esp, about=""
        )
        async with barn(tmp_path, ports) as (gateway, here):
            code, listed = await ran(gateway, "ganglion", "ports", "--node", "barn")
            assert (code, f"barn:board {microbit} 115200 a micro:bit" in " ".join(listed.split())) == (0, True)
            code, said = await ran(gateway, "ganglion", "console", "barn:board", "--until", "42", said=b"print(40+2)\n")
            assert (code, "42" in said) == (0, True)
            words = ["--share", str(shared), "--listen", "0", "--record", str(cast)]
            async with console(gateway, "barn:board", *words) as one:
                url = (await one.says("shared as rfc2217://", "event"))["event"].rpartition(" ")[2]
                assert (await ran(gateway, "ganglion", "files", str(shared), "put", str(tmp_path / "pump.py")))[0] == 0
                for name in (str(shared), url):
                    mpremote = ["mpremote", "connect", name, "resume", "exec", "print(40 + 2)"]
                    assert await ran(gateway, *mpremote) == (0, "42\n")
                code, said = await ran(gateway, "ganglion", "files", url, "cat", "pump.py")
                assert (code, said) == (0, "RATE = 3\n" * 60)
                one.child.terminate()
                assert (await one.ended_by_itself())[0] == 143
            assert {json.loads(line)[1] for line in cast.read_text().splitlines()[1:]} == {"i", "o", "m"}
            async with console(gateway, "barn:esp", "--share", str(shared), "--listen", "0") as one:
                url = (await one.says("shared as rfc2217://", "event"))["event"].rpartition(" ")[2]
                esptool = ["esptool", "--no-stub", "--after", "no-reset", "--baud", "460800", "--port"]
                code, said = await ran(gateway, *esptool, url, "chip-id")
                assert (code, "ESP32-C3" in said, bridge.chip.has_left) == (0, True, False), "its lines reset it"
                flash = ["write-flash", "0x10000", str(tmp_path / "image.bin")]
                code, said = await ran(gateway, *esptool, str(shared), "--before", "no-reset", *flash)
                assert (code, "Hash of data verified" in said) == (0, True), said
                image = tmp_path / "firmware.bin"
                image.write_bytes(images.esp("esp32c3", 0, 8_000))
                flash = ["ganglion", "flash", "esp32-c3-devkit", "--firmware", str(image), "--image-only", "--port"]
                code, said = await ran(gateway, *flash, "barn:esp")
                assert (code, "`ganglion console barn:esp --listen 4000` has it on this machine" in said) == (3, True)
                assert "name rfc2217://127.0.0.1:4000" in said
                code, said = await ran(gateway, *flash, url)
                assert (code, "the image is there" in said) == (0, True), said
                one.child.terminate()
                await one.ended_by_itself()
            kept = [json.loads(line) for line in (here.state / "console.log").read_text().splitlines()]
            assert [each["port"] for each in kept if each["what"] == "open"] == ["board", "board", "esp"]
            assert ["print(40+2)"] in [each.get("lines") for each in kept]
            assert {each["who"] for each in kept} == {"admin@gateway"}
            entries = (await gateway.http.get("/api/v1/audit", params={"action": "node.command", "limit": 200})).json()
            assert {each["detail"]["method"] for each in entries["entries"]} == {"console.open", "console.close"}


async def test_files_and_a_live_edit_take_it_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "pump.py").write_text("RATE = 3\n" * 60)
    edited = tmp_path / "blink.py"
    edited.write_text("print('at', 1)\nwhile True:\n    pass\n")
    with booted("microbit") as microbit:
        async with barn(tmp_path, PORT.format(name="board", port=microbit, about="")) as (gateway, _):

            async def files(*words: str) -> tuple[int | None, str]:
                return await ran(gateway, "ganglion", "files", "barn:board", *words)

            for wanted in ("pump.py  540 bytes, read back by its", "pump.py  is there already"):
                code, said = await files("put", str(tmp_path / "pump.py"))
                assert (code, wanted in said) == (0, True), said
            assert await files("cat", "pump.py") == (0, "RATE = 3\n" * 60)
            code, said = await ran(gateway, "ganglion", "files", "barn:baord", "ls")
            assert (code, "lends no port 'baord'; it lends board" in said) == (3, True), said
            async with dev(gateway, "barn:board", edited) as shows:
                await shows("at 1")
                edited.write_text("print('at', 2)\nwhile True:\n    pass\n")
                await shows("at 2")
                code, said = await files("ls")
                assert (code, "admin@gateway writes at barn:board: wait, or end that first" in said) == (4, True), said

            async def is_free() -> bool:
                return (await files("rm", "pump.py"))[0] == 0

            await until_answered(is_free, what="who outlives the command that was killed gives the board back")


async def test_one_writes_a_right_is_needed_and_a_cable_comes_out(tmp_path: Path) -> None:
    cable = Cable(tmp_path, held=False)
    (udp,) = free_ports(1)
    busy = PORT.format(name="meter", port="/dev/ttyS77", about="")
    busy += f'[leaves]\nport = {udp}\nserial = ["/dev/ttyS77"]\n'
    async with barn(tmp_path, PORT.format(name="cable", port=cable.port, about="") + busy) as (gateway, _):
        code, said = await ran(gateway, "ganglion", "console", "barn:meter")
        assert (code, "/dev/ttyS77 is in use by [leaves] of this node" in said) == (4, True), said
        code, said = await ran(gateway, "ganglion", "console", "barn:cabel")
        assert (code, "lends no port 'cabel'; it lends cable, meter" in said) == (3, True), said
        answer = await gateway.http.post("/api/v1/api-keys", json={"name": "o", "role": "operator"})
        token = {"authorization": f"Bearer {answer.json()['token']}"}
        asked = {"method": "console.open", "params": {"id": "x" * 16, "port": "cable"}}
        refused = await gateway.http.post("/api/v1/nodes/barn/commands", json=asked, headers=token)
        assert (refused.status_code, "that asks for the scope 'debug'" in refused.text) == (403, True)
        async with AsyncExitStack() as stack:
            one = await stack.enter_async_context(in_terminal(gateway, "barn:cable"))
            await one.shows("barn:cable at 115200 baud; Ctrl-] ends")
            async with console(gateway, "barn:cable") as refused_one:
                refusal = "admin@gateway writes at barn:cable, and you may only read; --take takes over"
                await refused_one.says(refusal, "event")
                refused_one.enter("mine")
                code, error = await refused_one.ended_by_itself()
                assert (code, refusal in error) == (4, True), error
            code, said = await ran(gateway, "ganglion", "console", "barn:cable", "--until", "42", said=b"x\n")
            assert (code, said.count("you may only read")) == (4, 1), said
            other = await stack.enter_async_context(console(gateway, "barn:cable", "--watch"))
            one.types("hello")
            assert await asyncio.to_thread(cable.read, 60) == b"hello"
            cable.write(b"world\r\n")
            await one.shows("world")

            def read_too() -> bool:
                cable.write(b"world\r\n")  # who looks has come after the first
                return any(each.get("text") == "world" for each in other.shown)

            await until(read_too, what="who looks reads it too")
            cable.pull()
            await one.shows("barn:cable is gone")
            await other.says("barn:cable is gone", "event")
            code, said = await ran(gateway, "ganglion", "console", "barn:cable")
            assert (code, "is gone" in said) == (5, True), said
            kept = await gateway.http.get("/api/v1/nodes/barn/calls/ports.list")
            assert kept.json()["result"]["ports"][0]["writer"] == "admin@gateway"
            cable.plug()
            await one.shows("barn:cable is back")
            one.types("again")
            assert await asyncio.to_thread(cable.read, 60) == b"again"
            async with console(gateway, "barn:cable", "--take") as third:
                await one.shows("has taken over from admin@gateway, who may only read now")
                third.enter("taken")
                assert await asyncio.to_thread(cable.read, 60) == b"taken\r"
                one.types("x")
                await one.shows("admin@gateway writes at barn:cable, and you may only read")
                await third.ended()
            one.types("\x1d")
            assert await one.ended() == 0
        cable.close()
