# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion webhooks` as people read it: names, why an endpoint fails, and the message that all others wait behind."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.units import SECOND
from support.web import Server

AT = 1_800_000_000 * SECOND
HEAD = {"message": "msg_first", "event": "e", "attempts": 7, "due": AT, "created": AT, "error": "HTTP status 410"}
LANE = {"circuit": "open", "failures": 7, "due": AT, "error": "HTTP status 410"}
WEBHOOK = {
    "id": "wh_1",
    "name": "office",
    "url": "https://hook.example/x",
    "classes": ["alert"],
    "enabled": True,
    "paused": False,
    "former_until": None,
    "messages": {"pending": 12, "delivered": 3},
    "state": LANE,
    "head": HEAD,
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    running = Server()
    monkeypatch.setenv("GANGLION_GATEWAY", running.url)
    monkeypatch.setenv("GANGLION_TOKEN", "t0ken")
    yield running
    running.close()


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(("webhooks", *words)) == 0
    return capsys.readouterr().out


def test_the_list_has_names_and_says_why_an_endpoint_is_away(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {**WEBHOOK, "id": "wh_2", "name": WEBHOOK["url"], "head": None, "messages": {}}
    other["state"] = {"circuit": "closed", "failures": 0, "due": None, "error": ""}
    server.says({"webhooks": [WEBHOOK, other], "next": None})
    head, first, second = said(capsys, "list").splitlines()
    assert head.split()[:3] == ["id", "name", "state"]
    assert first.startswith("wh_1  office  is away: HTTP status 410")
    assert second.split()[:3] == ["wh_2", "-", "ok"]


def shown(server: Server, capsys: pytest.CaptureFixture[str], **fields: Any) -> list[str]:
    server.says({**WEBHOOK, **fields}, then={"messages": [], "next": None})
    return said(capsys, "show", "wh_1").splitlines()


def test_the_message_that_blocks_is_shown_with_what_it_waits_for(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(server, capsys)
    assert lines[0] == "wh_1 (office): https://hook.example/x"
    assert lines[2].startswith("first in line: msg_first, of 2027-01-15")
    assert "7 attempts failed, the next one is at 2027-01-15" in lines[2]
    assert lines[2].endswith("; 11 wait behind it")
    assert lines[3] == "its last attempt: HTTP status 410"


def test_one_that_has_failed_once_says_so_before_it_counts_as_away(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(server, capsys, state={**LANE, "circuit": "closed"}, head={**HEAD, "attempts": 1})
    assert lines[1].startswith("fails: HTTP status 410; ")
    assert "1 attempt failed" in lines[2]


def test_what_the_gateway_does_not_take_is_wrong_usage(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.says({"title": "No", "detail": "url: 'x' is no URL"}, status=422)
    assert main(("webhooks", "add", "x", "--json")) == 2
    assert json.loads(capsys.readouterr().out) == {"error": "URL: 'x' is no URL", "exit_code": 2}


def test_one_is_known_by_its_name_too(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    listed = {
        "webhooks": [WEBHOOK, {**WEBHOOK, "id": "wh_2", "name": "twin"}, {**WEBHOOK, "id": "wh_3", "name": "twin"}]
    }
    tried = {"webhook": "wh_1", "delivered": True, "took": SECOND, "status": 200, "error": ""}
    server.says({**listed, "next": None}, then=tried)
    assert said(capsys, "test", "office") == "wh_1 took it in 1000 ms: HTTP status 200\n"
    assert "/webhooks/wh_1/test" in str(server.seen)
    for name, code, why in (
        ("ofice", 3, "there is no webhook 'ofice'; did you mean \"office\"?"),
        ("twin", 2, "several webhooks are called 'twin': say which by its id, wh_2 or wh_3"),
    ):
        server.says({**listed, "next": None})
        assert main(("webhooks", "show", name)) == code
        assert capsys.readouterr().err == f"ganglion: {why}\n"
