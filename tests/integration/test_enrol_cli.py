# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion enrol` and `ganglion id` as a shell sees them: exit codes, one document on stdout, what to do next."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli import code as printed
from ganglion.cli.main import main
from ganglion.mesh.identity import Identity, fingerprint
from support.brokers import Broker
from support.gateway import NO_BROKER
from support.mesh import Gateway, running
from support.waiting import until


class Shell:
    """Types commands and reads what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self.state = folder / "state"
        self.key = folder / "enrol.key"

    async def types(self, *words: object) -> tuple[int, Any, str]:
        """Exit code, the document and what people read."""
        code = await asyncio.to_thread(main, [*map(str, words), "--json"])
        said = self._capsys.readouterr()
        return code, json.loads(said.out), said.err

    async def enrols(self, *words: object) -> tuple[int, Any, str]:
        return await self.types("enrol", *words, "--state", self.state, "--name", "fridge")


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys, tmp_path)


async def test_a_key_enrols_a_device_once_and_again_is_nothing_new(
    shell: Shell, tmp_path: Path, broker: Broker
) -> None:
    gateway = Gateway(tmp_path, broker.url)
    shell.key.write_text(gateway.keys.create(tags=("kitchen",)).text + "\n")
    async with running(gateway.client):
        for _ in range(2):
            code, said, _ = await shell.enrols("--key-file", shell.key, "--broker", broker.url, "--wait", "30s")
            assert code == 0
            assert (said["name"], said["tags"], said["mesh"]) == ("fridge", ["kitchen"], gateway.authority.mesh_id)
            assert said["node"] == Identity.load(shell.state / "identity").node_id
            assert said["fingerprint"] == fingerprint(said["node"])


async def test_a_printed_key_enrols_a_device_that_sees_it(shell: Shell, tmp_path: Path, broker: Broker) -> None:
    gateway = Gateway(tmp_path, broker.url)
    printed.write(gateway.keys.create().text, tmp_path / "key.png")
    async with running(gateway.client):
        exit_code, said, _ = await shell.enrols("--code", tmp_path / "key.png", "--broker", broker.url, "--wait", "30s")
    assert (exit_code, said["mesh"]) == (0, gateway.authority.mesh_id)


async def test_a_device_that_nobody_approves_says_so_and_goes_on_where_it_was(
    shell: Shell, tmp_path: Path, broker: Broker
) -> None:
    gateway = Gateway(tmp_path, broker.url)
    words = ("--mesh", gateway.authority.mesh_id, "--broker", broker.url)
    async with running(gateway.client):
        code, said, told = await shell.enrols(*words, "--wait", "2s")
        shown = fingerprint(Identity.load(shell.state / "identity").node_id)
        assert (code, said["exit_code"]) == (5, 5)
        assert f"nobody has approved {shown} within 2 s: run this again" in said["error"]
        assert f"run: ganglion devices approve {shown}" in told
        waiting = asyncio.create_task(shell.enrols(*words, "--wait", "30s"))
        await until(lambda: len(gateway.desk.waiting.all) == 1, what="it waits")
        [one] = gateway.desk.waiting.all
        assert fingerprint(one.node_id) == shown
        gateway.desk.approve(one.node_id, "cold store")
        code, said, _ = await waiting
        assert (code, said["name"]) == (0, "cold store")


async def test_a_refusal_is_the_gateways_sentence_and_exit_4(shell: Shell, tmp_path: Path, broker: Broker) -> None:
    gateway = Gateway(tmp_path, broker.url)
    key = gateway.keys.create()
    gateway.keys.revoke(key)
    shell.key.write_text(key.text)
    async with running(gateway.client):
        code, said, _ = await shell.enrols("--key-file", shell.key, "--broker", broker.url)
    assert code == 4
    assert "was revoked: create another" in said["error"]
    assert key.text not in said["error"]


async def test_nobody_there_is_exit_5_and_says_who_is_missing(shell: Shell, tmp_path: Path, broker: Broker) -> None:
    gateway = Gateway(tmp_path, broker.url)
    mesh = gateway.authority.mesh_id
    code, said, _ = await shell.enrols("--mesh", mesh, "--broker", NO_BROKER, "--wait", "300ms")
    assert code == 5
    assert "the broker did not answer" in said["error"]
    code, said, _ = await shell.enrols("--mesh", mesh, "--broker", broker.url, "--wait", "1s")
    assert code == 5
    assert f"no gateway of the mesh {mesh} was heard" in said["error"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--mesh", "pczxc4hc5uxae"], 2, "--broker mqtt://host"),
        (["--mesh", "short", "--broker", NO_BROKER], 2, "--mesh"),
        (["--mesh", "pczxc4hc5uxae", "--root", "short", "--broker", NO_BROKER], 2, "--root short: 26 letters"),
        (["--mesh", "pczxc4hc5uxae", "--broker", "http://x"], 2, "mqtt"),
        (["--mesh", "pczxc4hc5uxae", "--broker", NO_BROKER, "--wait", "soon"], 2, "--wait"),
        (["--key-file", "nowhere.key", "--broker", NO_BROKER], 3, "nowhere.key does not exist"),
    ],
)
async def test_a_line_that_makes_no_sense_says_which_part(
    shell: Shell, words: list[str], code: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GANGLION_BROKER", raising=False)
    got, said, _ = await shell.enrols(*words)
    assert got == code
    assert says in said["error"]


async def test_a_key_file_with_no_key_in_it_does_not_show_what_is_in_it(shell: Shell) -> None:
    shell.key.write_text("my secret\n")
    code, said, _ = await shell.enrols("--key-file", shell.key, "--broker", NO_BROKER)
    assert code == 1
    assert "no enrol key" in said["error"]
    assert "my secret" not in said["error"]


async def test_a_key_and_a_mesh_exclude_one_another(shell: Shell) -> None:
    assert main(["enrol", "--key-file", "x", "--mesh", "y", "--broker", NO_BROKER]) == 2


# ganglion id


async def test_an_identity_is_made_once_and_shown_with_its_fingerprint(shell: Shell) -> None:
    code, made, _ = await shell.types("id", "new", "--state", shell.state)
    assert code == 0
    assert made["fingerprint"] == fingerprint(made["node"])
    assert await shell.types("id", "show", "--state", shell.state) == (0, made, "")
    code, said, _ = await shell.types("id", "new", "--state", shell.state)
    assert code == 4
    assert "is there already" in said["error"]


async def test_what_cannot_be_rotated_is_not(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANGLION_GATEWAY", raising=False)
    assert (await shell.types("id", "rotate", "--state", shell.state))[0] == 3
    assert (await shell.types("id", "show", "--state", shell.state))[0] == 3
    assert (await shell.types("id", "rotate", "fridge", "--state", shell.state, "--gateway", "http://127.0.0.1:1"))[
        0
    ] == 2
    assert (await shell.types("id", "rotate", "fridge", "--gateway", "http://127.0.0.1:1"))[0] == 5
    for words in (["devices", "pending"], ["devices", "approve", "x"], ["devices", "revoke", "x"]):
        assert (await shell.types(*words, "--gateway", "http://127.0.0.1:1"))[0] == 5
    assert (await shell.types("enrol-key", "revoke", "gk1_x", "--gateway", "http://127.0.0.1:1"))[0] == 3
