# SPDX-License-Identifier: GPL-3.0-or-later
"""Link quality is read from a real babeld, from what batctl prints, and said to be unavailable where they are not."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ganglion.mesh.quality import Quality, Source
from ganglion.units import SECOND
from support.babeld import babeld
from support.network import Network, network
from support.waiting import until_answered

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "quality"
_SECTION = (
    (ROOT / "docs" / "mesh.md").read_text().partition("\n## What others have measured\n")[2].partition("\n## ")[0]
)
(_COMMAND,) = re.findall(r"```sh\n(.*)\n```", _SECTION)
_SHOWN = re.findall(r"```text\n(.*)\n```", _SECTION)
_REMEDY = "write `local-port 33123` into /etc/babeld.conf and restart babeld"
_BATMAN = "join a mesh of batman-adv: modprobe batman-adv, then batctl interface add wlan0"


class Replay:
    """A program in PATH that answers as another one did."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, program: str, said: str) -> None:
        path = self.folder / program
        path.write_text(f"#!/bin/sh\n{said}\n")
        path.chmod(0o755)


@pytest.fixture
def replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Replay:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return Replay(folder)


@pytest.fixture
def clock() -> list[int]:
    return [100 * SECOND]


@pytest.fixture
def quality(tmp_path: Path, clock: list[int]) -> Quality:
    """One whose babeld is nowhere."""
    return Quality(babeld=str(tmp_path / "babeld"), clock=lambda: clock[0])


def _source(quality: Quality, name: str) -> Source:
    (found,) = (source for source in quality.sources if source.name == name)
    return found


async def _doctor(net: Network, node: str, *options: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *net.command(node), sys.executable, "-m", *_COMMAND.split(), *options, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return said.decode()


async def _babeld(net: Network, node: str) -> dict[str, object]:
    sources: list[dict[str, object]] = json.loads(await _doctor(net, node, "--json"))["link_quality"]
    return next(source for source in sources if source["name"] == "babeld")


async def test_a_real_babeld_is_read_and_doctor_says_so_as_the_page_shows(tmp_path: Path) -> None:
    absent, present = _SHOWN
    ask = (
        "import asyncio, json, sys; from ganglion.mesh.quality import Quality; quality = Quality()\n"
        "asyncio.run(quality.refresh())\n"
        "print(json.dumps([quality.cost(*each) for each in json.loads(sys.argv[1])]))"
    )
    with network({"eth0": ["a", "b"], "wlan0": ["b", "c"]}) as net:
        neighbours = [("eth0", net.address("a", "eth0")), ("wlan0", net.address("c", "wlan0")), ("eth0", "fe80::1")]
        command = [*net.command("b"), sys.executable, "-c", ask, json.dumps(neighbours)]

        async def costs() -> list[int | None]:
            process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            said, _ = await process.communicate()
            return list(json.loads(said))

        assert await costs() == [None, None, None]
        assert absent in (await _doctor(net, "b")).splitlines()
        assert await _babeld(net, "b") == {
            "name": "babeld",
            "available": False,
            "addresses": 0,
            "why": "babeld does not listen at [::1]:33123",
            "remedy": _REMEDY,
        }
        with (
            babeld(net, "a", tmp_path, eth0="wired"),
            babeld(net, "b", tmp_path, eth0="wired", wlan0="wireless"),
            babeld(net, "c", tmp_path, wlan0="wireless"),
        ):

            async def settled() -> bool:
                return await costs() == [96, 256, None]

            await until_answered(settled, what="costs that babeld has measured")
            assert present in (await _doctor(net, "b")).splitlines()
            babel = await _babeld(net, "b")
            assert (babel["available"], babel["addresses"], babel["why"]) == (True, 2, "")


async def test_a_kernel_without_batman_is_said_to_be_one(replay: Replay, quality: Quality) -> None:
    replay("batctl", f"cat {DATA}/batctl-2023.0-no-batman.txt >&2; exit 1")
    await quality.refresh()
    assert _source(quality, "batctl") == Source(
        name="batctl",
        available=False,
        why="batctl says: interface bat0 is not present or not a batman-adv interface",
        remedy=_BATMAN,
    )


@pytest.mark.parametrize(("version", "radio", "old"), [("iv", 320, 510), ("v", 256, None)])
async def test_costs_of_batman_are_of_all_addresses_of_a_station_and_age(
    replay: Replay, quality: Quality, clock: list[int], version: str, radio: int, old: int | None
) -> None:
    replay(
        "batctl",
        f'test $# = 1 -a "$1" = transtable_global_json && exec cat {DATA}/batctl-transtable.json\n'
        f'test $# = 1 -a "$1" = originators_json && exec cat {DATA}/batctl-{version}-originators.json\nexit 1',
    )
    replay("ip", """echo '[{"dst":"10.0.1.2","dev":"wlan0","lladdr":"02:00:00:00:01:02","state":["STALE"]}]'""")
    await quality.refresh()
    assert _source(quality, "batctl").available
    assert quality.cost("wlan0", "fe80::ff:fe00:102%wlan0") == quality.cost("wlan0", "10.0.1.2") == radio
    assert quality.cost("wlan0", "fe80::ff:fe00:103") == old
    assert quality.cost("eth0", "fe80::ff:fe00:102") is None
    assert quality.cost("eth0", "no address") is None
    assert quality.cost("bat0", "fe80::5054:ff:fe00:2%bat0") == radio
    clock[0] += 31 * SECOND
    assert quality.cost("wlan0", "10.0.1.2") is None
    await quality.refresh()
    assert quality.cost("wlan0", "10.0.1.2") == radio
    replay("batctl", "exit 1")
    await quality.refresh()
    assert quality.cost("wlan0", "10.0.1.2") is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("echo nonsense", "what batctl prints cannot be read: it is no JSON"),
        ("exit 3", "batctl says: exit code 3"),
        (
            "echo \"Error - you must be root to run 'batctl' !\" >&2; exit 1",
            "batctl says: you must be root to run 'batctl' !",
        ),
        ("exec sleep 60", "batctl says nothing within 2 s"),
    ],
)
async def test_a_batctl_that_is_of_no_use_is_said_to_be(replay: Replay, quality: Quality, said: str, why: str) -> None:
    replay("batctl", said)
    await quality.refresh()
    assert (_source(quality, "batctl").available, _source(quality, "batctl").why) == (False, why)


async def test_what_is_not_installed_is_said_to_be_missing(quality: Quality, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    await quality.refresh()
    assert [source.why for source in quality.sources] == ["batctl is not installed", "babeld is not installed"]
    assert all(source.remedy.startswith("apt install ") for source in quality.sources)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"220 ready\nok\n",
        b"BABEL 1.0\nok\nadd neighb",
        b"\xff" * 100_000,
        b"",
    ],
    ids=["web", "mail", "cut short", "noise", "nothing"],
)
async def test_what_is_not_babeld_is_not_believed(tmp_path: Path, quality: Quality, said: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    path = tmp_path / "babeld"
    async with await asyncio.start_unix_server(answer, path):
        await quality.refresh()
    assert _source(quality, "babeld").why == f"what answers at {path} is not babeld's local interface"
