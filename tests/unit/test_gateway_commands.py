# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion devices|enrol-key|trace|sim` as a shell sees them: exit codes, one JSON document, text for people."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ganglion.cli import rollout
from ganglion.cli.main import main
from ganglion.units import SECOND
from support.web import Server

NOW = time.time_ns()
NODE = {
    "id": "a" * 26,
    "name": "fridge",
    "board": "generic-x86-64",
    "sw": "0.1.0",
    "online": True,
    "last_seen": NOW - 125 * SECOND,
}
KEY = {
    "id": "00112233",
    "name": "lab",
    "tags": ["lab", "cold"],
    "uses": 3,
    "uses_left": 2,
    "expires": NOW + 3600 * SECOND,
    "revoked": False,
}
TRACE = {
    "event": {"id": "a-1-7", "topic": "alert/fridge", "value": {"celsius": 8.4}, "timestamp": NOW},
    "status": "pending",
    "lines": [
        {"stage": "sensor", "at": NOW, "took_ms": None, "status": "done", "detail": "fridge.temperature 8.4"},
        {"stage": "prompt", "at": NOW, "took_ms": 12.34, "status": "done", "detail": "otherwise: no model"},
        {"stage": "guardian", "at": None, "took_ms": None, "status": "skipped", "detail": "no actuate step"},
        {"stage": "webhook", "at": None, "took_ms": None, "status": "pending", "detail": "wh_1"},
    ],
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    running = Server()
    monkeypatch.setenv("GANGLION_GATEWAY", running.url)
    monkeypatch.setenv("GANGLION_TOKEN", "t0ken")
    yield running
    running.close()


class Shell:
    """Runs the command and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        code = main(words)
        return code, *self._capsys.readouterr()

    def json(self, *words: str) -> Any:
        code, out, _ = self(*words, "--json")
        assert code == 0
        return json.loads(out)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_nodes_are_listed_with_what_they_are_and_when_they_were_heard(server: Server, shell: Shell) -> None:
    server.says({"nodes": [NODE], "next": None})
    code, out, _ = shell("devices", "list")
    assert code == 0
    name, state, heard = out.splitlines()[1].split("  ")[:3]
    assert (name, state) == ("fridge", "online")
    assert re.fullmatch(r"\d+ min ago", heard)  # 2, and however long the suite has run


def test_nodes_are_one_document(server: Server, shell: Shell) -> None:
    server.says({"nodes": [NODE], "next": None})
    assert shell.json("devices", "list") == {"nodes": [NODE]}


def test_a_list_is_followed_over_its_pages(server: Server, shell: Shell) -> None:
    server.says({"nodes": [NODE], "next": "a&b"}, then={"nodes": [NODE | {"name": "room"}], "next": None})
    assert [node["name"] for node in shell.json("devices", "list")["nodes"]] == ["fridge", "room"]
    assert [path for _, path, _, _ in server.seen] == ["/api/v1/nodes", "/api/v1/nodes?cursor=a%26b"]


def test_a_page_that_names_itself_as_the_next_ends_the_list(server: Server, shell: Shell) -> None:
    server.says({"nodes": [NODE], "next": "1"})
    assert len(shell.json("devices", "list")["nodes"]) == 2


def test_an_empty_fleet_says_how_to_join(server: Server, shell: Shell) -> None:
    server.says({"nodes": []})
    assert "ganglion enrol-key create" in shell("devices", "list")[1]


def test_a_node_cannot_write_to_the_terminal_as_it_likes(server: Server, shell: Shell) -> None:
    server.says({"nodes": [NODE | {"name": "\x1b[2Jfridge\nroom"}]})
    assert "\ufffd[2Jfridge\ufffdroom" in shell("devices", "list")[1]


def test_what_is_no_list_is_no_gateway(server: Server, shell: Shell) -> None:
    server.says({"devices": []})
    code, _, err = shell("devices", "list")
    assert code == 1
    assert "no gateway of ours" in err


CONSENT = {
    "id": "00c0ffee",
    "name": "cellar\x1b",
    "actuator": "lock",
    "value": True,
    "owner": "watch",
    "run": "r-1",
    "why": "parrot-1 has answered yes",
    "expires": NOW + 3600 * SECOND,
    "state": "granted",
    "told": True,
}


def test_what_waits_for_a_person_is_listed_with_what_to_do(server: Server, shell: Shell) -> None:
    server.says({"consents": [CONSENT]})
    code, out, _ = shell("consents", "list")
    _, row, last = out.splitlines()
    assert (code, row.split("  ")[:4]) == (0, ["00c0ffee", "cellar\ufffd", "lock = true", "watch, run r-1"])
    assert row.endswith("parrot-1 has answered yes")
    assert last == "next: ganglion consents grant ID, or ganglion consents refuse ID"
    server.says({"consents": []})
    assert shell("consents", "list")[1] == "no command waits for consent\n"


@pytest.mark.parametrize("verb", ["grant", "refuse"])
def test_a_person_says_yes_or_no(server: Server, shell: Shell, verb: str) -> None:
    server.says(CONSENT)
    assert shell.json("consents", verb, "00c0ffee") == CONSENT
    method, path, _, _ = server.seen[0]
    assert (method, path) == ("POST", f"/api/v1/consents/00c0ffee/{verb}")
    server.says(CONSENT | {"told": False})
    assert "hears it when it asks again" in shell("consents", verb, "00c0ffee")[1]


def test_a_key_is_created_as_asked_and_printed_alone(server: Server, shell: Shell) -> None:
    server.says({"key": "gk1_abc", **KEY}, status=201)
    words = ["--uses", "3", "--ttl", "7d", "--tag", "lab", "--tag", "cold", "--name", "lab"]
    assert shell("enrol-key", "create", *words)[:2] == (0, "gk1_abc\n")
    assert server.seen[0][1] == "/api/v1/enrol-keys"
    assert server.seen[0][3] == {"uses": 3, "ttl": "7d", "tags": ["lab", "cold"], "name": "lab"}


def test_a_key_goes_into_a_new_file_for_its_owner_alone(server: Server, shell: Shell, tmp_path: Path) -> None:
    server.says({"key": "gk1_abc", **KEY}, status=201)
    file = tmp_path / "enrol.key"
    code, out, err = shell("enrol-key", "create", "--out", str(file))
    assert (code, "gk1_abc" in out + err) == (0, False)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("gk1_abc\n", 0o600)
    assert shell.json("enrol-key", "create", "--out", f"{file}.2") == {**KEY, "file": f"{file}.2"}
    asked = len(server.seen)
    code, _, err = shell("enrol-key", "create", "--out", str(file))
    assert (code, len(server.seen)) == (4, asked), "there is no key that nobody gets"
    assert f"{file} is there already, and a key is not replaced" in err
    server.says({"detail": "no"}, status=403)
    assert shell("enrol-key", "create", "--out", f"{file}.3")[0] == 4
    assert not (tmp_path / "enrol.key.3").exists()


def test_a_time_that_is_none_is_not_sent(server: Server, shell: Shell) -> None:
    code, _, err = shell("enrol-key", "create", "--ttl", "soon")
    assert code == 2
    assert "--ttl: 'soon' is not a duration" in err
    assert server.seen == []


@pytest.mark.parametrize(
    ("change", "state"),
    [({}, "usable"), ({"uses_left": 0}, "used up"), ({"expires": 1}, "expired"), ({"revoked": True}, "revoked")],
)
def test_keys_are_listed_with_what_they_are_good_for(
    server: Server, shell: Shell, change: dict[str, Any], state: str
) -> None:
    server.says({"enrol_keys": [KEY | change]})
    assert f"  {state}  " in shell("enrol-key", "list")[1]


def test_a_trace_is_one_line_a_stage(server: Server, shell: Shell) -> None:
    server.says(TRACE)
    code, out, _ = shell("trace", "--last")
    head, _, sensor, prompt, guardian, webhook = out.splitlines()
    assert code == 0
    assert head == 'alert/fridge {"celsius": 8.4} (a-1-7): pending'
    assert "sensor" in sensor
    assert "12.3 ms" in prompt
    assert "otherwise: no model" in prompt
    assert "skipped" in guardian
    assert "pending" in webhook
    assert server.seen[0][1] == "/api/v1/traces/last"


def test_a_trace_is_found_by_the_id_of_its_event(server: Server, shell: Shell) -> None:
    server.says(TRACE)
    assert shell.json("trace", "a-1-7/x") == TRACE
    assert server.seen[0][1] == "/api/v1/traces/a-1-7%2Fx"


def test_no_trace_is_exit_code_3(server: Server, shell: Shell) -> None:
    server.says({"title": "Not Found", "detail": "there was no alert yet"}, status=404)
    code, out, err = shell("trace", "--last", "--json")
    assert code == 3
    assert json.loads(out) == {"error": "there was no alert yet", "exit_code": 3}
    assert "there was no alert yet" in err


@pytest.mark.parametrize("words", [[], ["--last", "a-1-7"]])
def test_a_trace_is_of_one_event(shell: Shell, words: list[str]) -> None:
    assert shell("trace", *words)[0] == 2


@pytest.mark.parametrize(("word", "value"), [("-4.5", -4.5), ("9", 9), ("true", True), ("trace", None)])
def test_a_simulated_sensor_is_set_by_a_command_to_its_node(
    server: Server, shell: Shell, word: str, value: float | bool | None
) -> None:
    server.says({"ok": True, "result": None})
    assert shell("sim", "set", "the fridge", "fridge.temperature", word)[0] == 0
    method, path, _, body = server.seen[0]
    assert (method, path) == ("POST", "/api/v1/nodes/the%20fridge/commands")
    assert body["method"] == "sim.set"
    assert body["params"] == {"sensor": "fridge.temperature", "value": value}


@pytest.mark.parametrize("word", ["warm", "NaN", "Infinity", "1e999", "[1]", "null", '"8"'])
def test_what_no_sensor_can_sense_is_not_sent(server: Server, shell: Shell, word: str) -> None:
    code, _, err = shell("sim", "set", "fridge", "fridge.temperature", word)
    assert code == 2
    assert "cannot sense" in err
    assert server.seen == []


@pytest.mark.parametrize(("status", "code"), [(404, 3), (403, 4), (409, 1), (504, 5)])
def test_what_the_node_answers_is_the_exit_code(server: Server, shell: Shell, status: int, code: int) -> None:
    server.says({"title": "No", "detail": "fridge says no"}, status=status)
    assert shell("sim", "set", "fridge", "fridge.temperature", "9")[0] == code


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["watch"], {"timestamp": NOW, "topic": "fridge/x", "value": 1, "source": "a"}),
        (["mesh", "kv", "watch", "a/"], {"timestamp": NOW, "topic": "/kv/a/x", "value": 1, "source": "a"}),
        (["logs", "-f"], {"at": NOW, "name": "fridge", "leaf": "", "level": "info", "logger": "a", "text": "b"}),
    ],
)
def test_what_is_followed_for_ever_and_ends_was_cut_off(
    server: Server, shell: Shell, words: list[str], line: dict[str, Any]
) -> None:
    server.says(json.dumps(line).encode() + b"\n")
    code, out, err = shell(*words)
    assert (code, len(out.splitlines())) == (5, 1)
    assert "broke off" in err
    assert shell(*words, "--count", "1")[0] == 0


def test_a_rollout_is_watched_beyond_a_gateway_that_starts_anew(
    server: Server, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout, "_LOOK", 0.0)
    stage = {"number": 1, "state": "running", "nodes": {"trial": 1}}
    begun = {"at": NOW, "what": "stage", "detail": "1 of 1 begins with 1 node"}
    told = {"id": "spring", "state": "running", "why": "", "stage": 1, "stages": [stage], "nodes": {"trial": 1}}
    ended = {"at": NOW, "what": "completed", "detail": ""}
    over = told | {"state": "completed", "nodes": {"committed": 1}, "notes": [begun, ended]}
    server.says(told | {"notes": [begun]}, then=over)
    code, out, err = shell("rollout", "watch", "spring")
    assert code == 0
    assert [line.partition("  ")[2] for line in out.splitlines()[::2]] == [
        "stage 1 of 1 begins with 1 node",
        "completed",
    ]
    assert out.splitlines()[-1] == "rollout spring is completed: 1 committed"
    assert "broke off" in err
    monkeypatch.setattr(rollout, "_AWAY", -1.0)
    server.says(told | {"notes": [begun]})
    assert shell("rollout", "watch", "spring")[0] == 5
