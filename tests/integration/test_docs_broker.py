# SPDX-License-Identifier: GPL-3.0-or-later
"""The section of docs/mesh.md on brokers, done as it says: each command letter by letter, in a network of its own."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from ganglion.mqtt.url import addresses
from ganglion_tools.admission.book import Book, Member, admit
from support.brokers import program
from support.netns import namespace
from support.started import Started, started

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs" / "mesh.md").read_text().partition("\n## A broker for the mesh\n")[2].partition("\n## ")[0]
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL) for line in block.splitlines()]


def one(words: str) -> str:
    """The command that begins with these words."""
    return next(command for command in COMMANDS if command.startswith(words))


def test_every_command_is_run_here() -> None:
    run = re.findall(r"one\(\"(.+?)\"\)", Path(__file__).read_text())
    assert {command for command in COMMANDS if command.startswith(tuple(run))} == set(COMMANDS)
    assert len(COMMANDS) == len(set(run))


@pytest.mark.parametrize("kind", ["mosquitto", "nats"])
def test_a_node_joins_a_broker_that_knows_it(tmp_path: Path, kind: str) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "ganglion").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m ganglion "$@"\n')
    (tools / "ganglion").chmod(0o755)
    for name in ("mosquitto", "nats-server"):
        (tools / name).symlink_to(program(name))
    environment = {
        "PATH": f"{tools}:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": str(tmp_path / "home"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }

    def spelled(command: str) -> str:
        if kind == "nats":
            command = command.replace("mosquitto -c broker/mosquitto.conf", "nats-server -c broker/nats.conf")
            command = command.replace("init mosquitto", "init nats")
        return command

    with ExitStack() as stack:
        network = stack.enter_context(namespace())

        def types(command: str) -> str:
            line = [*network, "sh", "-ec", spelled(command)]
            done = subprocess.run(
                line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            return done.stdout

        def starts(command: str) -> Started:
            line = [*network, "sh", "-ec", f"exec {spelled(command)}"]
            return stack.enter_context(started(line, tmp_path, environment))

        made = types(one("ganglion broker init"))
        said = [line.partition("   ")[2].strip() for line in made.splitlines()]
        server = spelled(one("mosquitto -c"))
        assert server.replace("broker/", f"{tmp_path}/broker/") in said
        url = one("ganglion gateway").partition("--broker ")[2].replace("=broker/", f"={tmp_path}/broker/")
        assert f"ganglion gateway --state gateway --broker {url}" in said
        (config, addresses_of_two) = re.findall(r"```toml\n(.*?)```", SECTION, re.DOTALL)
        assert f'broker = "{tomllib.loads(config)["mqtt"]["broker"]}"' in said
        assert len(addresses(tomllib.loads(addresses_of_two)["broker"])) == 2

        broker = starts(one("mosquitto -c"))
        _until(lambda: (tmp_path / "broker" / "broker.pid").exists())
        gateway = starts(one("ganglion gateway"))
        gateway.until_it_says('"ready": true', within=60)
        gateway.until_it_says('"connected": true', within=1)
        types(one("ganglion enrol-key create"))
        shutil.copy(tmp_path / "broker" / "tls" / "ca.pem", tmp_path)
        shutil.copy(tmp_path / "broker" / "accounts" / "enrol", tmp_path / "broker.account")
        # Node and gateway are neighbours on this machine, and the page is about those that are not.
        (tmp_path / "node.toml").write_text(config.replace("[mesh]\n", "[mesh]\nlinks = []\n"))
        node = starts(one("ganglion node run"))
        node.until_it_says('"ready": true', within=60)
        listed = "ganglion devices list --json --gateway http://127.0.0.1:8470 --token-file gateway/token"
        assert json.loads(types(listed)) == {"nodes": []}, "it has joined, and is not heard yet"

        told = types(one("ganglion broker update"))
        assert re.search(r"3 accounts; the broker \(pid \d+\) has read them", told)
        (file,) = re.findall(r"^  \(not born yet\)  (.*)$", told, re.MULTILINE)
        node.interrupt()
        shutil.copy(file, tmp_path / "broker.account")
        follow = starts(f"{one('ganglion broker update')} --follow --json")
        node = starts(one("ganglion node run"))
        node.until_it_says('"ready": true', within=60)
        _until(lambda: [known["name"] for known in json.loads(types(listed))["nodes"]] == ["fridge"])
        assert types(one("ganglion broker update")) == "3 accounts, as they should be; nothing to do\n"
        types(f"{one('ganglion enrol-key create')}.2")
        (tmp_path / "other.toml").write_text(config.replace("enrol.key", "enrol.key.2").replace("fridge", "room"))
        shutil.copy(tmp_path / "broker" / "accounts" / "enrol", tmp_path / "broker.account")
        other = starts("ganglion node run other.toml")
        other.until_it_says('"ready": true', within=60)
        follow.until_it_says('"added": [{', within=60)
        before = (tmp_path / "broker" / "accounts" / "enrol").read_text()
        assert follow.interrupt() == 130
        assert "the broker (pid" in types(one("ganglion broker update broker --renew enrol"))
        assert (tmp_path / "broker" / "accounts" / "enrol").read_text() != before
        other.until_it_says("return code 5", within=60)
        for one_of_them in (node, other, gateway):
            assert one_of_them.interrupt() == 0, one_of_them.text
        broker.interrupt()
        logs = broker.text + gateway.text + node.text + other.text
    passwords = [path.read_text().strip().partition(":")[2] for path in (tmp_path / "broker" / "accounts").iterdir()]
    assert len(passwords) == 4
    assert not any(password in logs for password in passwords)


def test_what_an_account_may_do_is_as_the_table_says() -> None:
    empty = Book(kind="nats", mesh="m", hosts=("h",), port=1, tls=False, owner="o", accounts={})
    known = admit(empty, [Member(id="<own>")], lambda: "", lambda password: "").book
    for user, words in (("<own>", "a node"), ("enrol", "`enrol`")):
        (row,) = [line.split(" | ") for line in SECTION.splitlines() if line.startswith(f"| {words} |")]
        granted = known.rights(known.accounts[user])
        for column, topics in ((1, granted.publish), (2, granted.subscribe)):
            assert re.findall(r"`(.+?)`", row[column]) == [topic.removeprefix("gl1/m/") for topic in topics]


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
