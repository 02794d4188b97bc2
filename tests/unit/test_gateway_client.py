# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands' way to a gateway, against an HTTP server that says what a gateway might, and worse."""

import argparse
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ganglion.cli import gateway_client
from ganglion.cli.gateway_client import GatewayClient
from ganglion.client import call, sync
from ganglion.errors import (
    GanglionError,
    InvalidError,
    NotFoundError,
    OverError,
    RefusedError,
    UnfitError,
    UnreachableError,
    UsageError,
)
from support.web import Server

TOKEN = "t0ken"


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own, and no gateway in the environment."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("GANGLION_GATEWAY", raising=False)
    monkeypatch.delenv("GANGLION_TOKEN", raising=False)
    folder = tmp_path / "ganglion"
    folder.mkdir()
    return folder


def found(*, gateway: str | None = None, token_file: Path | None = None) -> GatewayClient:
    return gateway_client.find(argparse.Namespace(gateway=gateway, token_file=token_file))


def up(home: Path, url: str) -> None:
    (home / "token").write_text(TOKEN + "\n")
    (home / "up.json").write_text(json.dumps({"gateway": url, "token_file": str(home / "token")}))


def test_a_document_is_fetched_with_the_token(server: Server) -> None:
    server.says([1, "Бровари"])
    assert GatewayClient(server.url + "/", TOKEN).get("/api/v1/nodes") == [1, "Бровари"]
    assert server.seen == [("GET", "/api/v1/nodes", f"Bearer {TOKEN}", None)]


def test_a_document_is_sent_as_json(server: Server) -> None:
    server.says({"ok": True})
    assert GatewayClient(server.url, TOKEN).post("/api/v1/nodes/fridge/commands", {"method": "x"}) == {"ok": True}
    assert server.seen == [("POST", "/api/v1/nodes/fridge/commands", f"Bearer {TOKEN}", {"method": "x"})]


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (400, UnfitError, 2),
        (403, RefusedError, 4),
        (404, NotFoundError, 3),
        (409, OverError, 1),
        (422, UnfitError, 2),
        (500, GanglionError, 1),
        (503, UnreachableError, 5),
        (504, UnreachableError, 5),
    ],
)
def test_a_problem_becomes_the_error_with_its_exit_code(
    server: Server, status: int, error: type[GanglionError], code: int
) -> None:
    server.says({"title": "No", "detail": "no node is called attic"}, status=status)
    with pytest.raises(error, match="no node is called attic") as caught:
        GatewayClient(server.url, TOKEN).get("/api/v1/nodes/attic")
    assert caught.value.exit_code == code


def test_a_problem_without_a_sentence_still_names_the_gateway(server: Server) -> None:
    server.says(b"<html>busy</html>", status=503)
    with pytest.raises(UnreachableError, match=f"{server.url} answered with HTTP 503"):
        GatewayClient(server.url, TOKEN).get("/api/v1/nodes")


def test_without_a_token_the_remedy_is_named(server: Server) -> None:
    server.says({"title": "Unauthorized"}, status=401)
    with pytest.raises(RefusedError, match="--token-file or GANGLION_TOKEN"):
        GatewayClient(server.url, "").get("/api/v1/nodes")
    assert server.seen[0][2] is None


def test_a_token_that_the_gateway_does_not_know_is_named_by_where_it_is_from(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.says({"title": "Unauthorized", "detail": "say who you are: Authorization: Bearer"}, status=401)
    monkeypatch.setenv("GANGLION_TOKEN", TOKEN)
    (tmp_path / "old").write_text(TOKEN)
    for file, origin in ((None, "GANGLION_TOKEN"), (tmp_path / "old", str(tmp_path / "old"))):
        with pytest.raises(RefusedError) as caught:
            found(gateway=server.url, token_file=file).get("/api/v1/nodes")
        assert str(caught.value) == (
            f"{server.url} does not know the token of {origin}: give --token-file or GANGLION_TOKEN that of the file "
            "`token` in this gateway's state folder"
        )


def test_nobody_listening_is_unreachable() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        with pytest.raises(UnreachableError, match=r"Connection refused.*ganglion up"):
            GatewayClient(f"http://127.0.0.1:{taken.getsockname()[1]}", TOKEN).get("/api/v1/nodes")


def test_silence_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "TIMEOUT", 0.05)
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(UnreachableError, match="timed out"):
            GatewayClient(f"http://127.0.0.1:{silent.getsockname()[1]}", TOKEN).get("/api/v1/nodes")


def test_another_web_server_is_no_gateway(server: Server) -> None:
    server.says(b"<html>a router's page</html>")
    with pytest.raises(GanglionError, match="no gateway of ours"):
        GatewayClient(server.url, TOKEN).get("/api/v1/nodes")


def test_an_answer_without_end_is_not_read_to_the_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "MAX_ANSWER", 10)
    server.says(b"[" + b"1," * 10 + b"1]")
    with pytest.raises(GanglionError, match="no gateway of ours"):
        GatewayClient(server.url, TOKEN).get("/api/v1/nodes")


def test_a_redirect_does_not_carry_the_token_away(server: Server) -> None:
    other = Server()
    try:
        server.says({}, status=302, Location=other.url + "/api/v1/nodes")
        with pytest.raises(GanglionError, match="HTTP 302"):
            GatewayClient(server.url, TOKEN).get("/api/v1/nodes")
        assert other.seen == []
    finally:
        other.close()


def test_a_proxy_of_the_environment_does_not_see_the_token(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Server()
    try:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        GatewayClient(server.url, TOKEN).get("/api/v1/nodes")
        assert proxy.seen == []
    finally:
        proxy.close()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "127.0.0.1:8470", "http://", "ftp://host"])
def test_only_http_is_an_address(url: str) -> None:
    with pytest.raises(UsageError, match="is no URL"):
        GatewayClient(url, TOKEN)


@pytest.mark.parametrize("token", ["a b", "a\r\nX-Evil: 1", "ключ"])
def test_a_token_that_is_no_header_value_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(UsageError) as caught:
        GatewayClient("http://127.0.0.1", token)
    assert token not in str(caught.value)


def test_what_up_runs_is_found(home: Path, server: Server) -> None:
    up(home, server.url)
    found().get("/api/v1/nodes")
    assert server.seen == [("GET", "/api/v1/nodes", f"Bearer {TOKEN}", None)]


def test_flags_go_before_the_environment_and_this_before_up(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Server
) -> None:
    up(home, "http://127.0.0.1:1")
    monkeypatch.setenv("GANGLION_GATEWAY", server.url)
    monkeypatch.setenv("GANGLION_TOKEN", "of-environment")
    found().get("/api/v1/a")
    (tmp_path / "mine").write_text("of-file\n")
    found(token_file=tmp_path / "mine").get("/api/v1/b")
    assert found(gateway="http://127.0.0.1:2").url == "http://127.0.0.1:2"
    assert [seen[2] for seen in server.seen] == ["Bearer of-environment", "Bearer of-file"]


def test_the_token_of_up_goes_to_its_own_gateway_only(home: Path, server: Server) -> None:
    up(home, "http://127.0.0.1:1")
    found(gateway=server.url).get("/api/v1/nodes")
    assert server.seen[0][2] is None


def test_no_gateway_anywhere_is_said_with_the_remedy() -> None:
    with pytest.raises(NotFoundError, match="ganglion up"):
        found()


@pytest.mark.parametrize("text", ["", "[]", "{}", '"x"', '{"gateway": "http://127.0.0.1:1"}'])
def test_a_broken_up_file_is_named(home: Path, text: str) -> None:
    (home / "up.json").write_text(text)
    with pytest.raises(InvalidError, match=r"up\.json"):
        found()


def test_a_missing_token_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        found(gateway="http://127.0.0.1:1", token_file=tmp_path / "nowhere")
