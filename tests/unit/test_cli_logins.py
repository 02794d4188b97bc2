# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ganglion login` keeps: used for its own gateway alone, refreshed once, and forgotten when it is over."""

import argparse
import io
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ganglion.cli import gateway_client, logins
from ganglion.cli.console_link import Link
from ganglion.cli.main import main
from ganglion.errors import InvalidError, NotFoundError, RefusedError
from support.web import Server

GRANTED = {"access_token": "a1", "refresh_token": "r1", "expires_in": 600}


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("GANGLION_GATEWAY", raising=False)
    monkeypatch.delenv("GANGLION_TOKEN", raising=False)


def found(gateway: str | None = None) -> gateway_client.GatewayClient:
    return gateway_client.find(argparse.Namespace(gateway=gateway, token_file=None))


def test_the_token_of_a_login_goes_to_its_gateway_and_to_no_other(server: Server) -> None:
    logins.keep("http://127.0.0.1:1", "olena", GRANTED)
    found(server.url).get("/api/v1/nodes")
    assert server.seen[0][2] is None
    logins.keep(server.url + "/", "olena", GRANTED)
    found().get("/api/v1/nodes")
    assert server.seen[1][2] == "Bearer a1"


def test_of_many_commands_one_refreshes(server: Server) -> None:
    logins.keep(server.url, "olena", {**GRANTED, "expires_in": 0})
    server.says({"access_token": "a2", "refresh_token": "r2", "expires_in": 600})
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: logins.token(server.url), range(4))) == {"a2"}
    assert [(seen[1], seen[3]) for seen in server.seen] == [("/api/v1/auth/refresh", {"refresh_token": "r1"})]


def test_a_session_that_is_over_is_forgotten_and_said(server: Server) -> None:
    logins.keep(server.url, "olena", {**GRANTED, "expires_in": 0})
    server.says({"title": "Unauthorized", "detail": "used before", "instance": "/api/v1/auth/refresh"}, status=401)
    with pytest.raises(RefusedError, match=f"ganglion login {server.url}"):
        found()
    with pytest.raises(NotFoundError, match="ganglion login"):
        found()


def test_a_broken_record_is_named() -> None:
    logins.keep("http://127.0.0.1:1", "olena", GRANTED)
    for text in ("", "[]"):
        logins.path().write_text(text)
        with pytest.raises(InvalidError, match=r"logins\.json"):
            found()


def test_without_anybody_to_ask_the_flags_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["login", "http://127.0.0.1:1", "--json"]) == 2
    out, err = capsys.readouterr()
    assert "--name" in err
    assert json.loads(out)["error"]


def test_a_key_needs_a_role_or_scopes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["api-key", "create", "x"]) == 2
    assert main(["api-key", "create", "x", "--role", "viewer", "--scope", "read"]) == 2
    assert main(["api-key", "revoke", "gt_token"]) == 3
    assert "gt_token" not in capsys.readouterr().err


def test_who_has_nobody_to_ask_is_told_which_option_is_missing(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    file = tmp_path / "one-time"
    file.write_text("once\n")
    assert main(("login", server.url)) == 2
    assert "give --name" in capsys.readouterr().err
    assert main(("login", server.url, "--name", "admin")) == 2
    assert "give --password-file" in capsys.readouterr().err
    server.says({**GRANTED, "must_change": True})
    assert main(("login", server.url, "--name", "admin", "--password-file", str(file))) == 2
    assert "--new-password-file" in capsys.readouterr().err


def test_without_a_token_the_login_is_named(server: Server) -> None:
    server.says({"title": "Unauthorized", "detail": "say who you are", "instance": "/api/v1/nodes"}, status=401)
    with pytest.raises(RefusedError, match=re.escape(f"`ganglion login {server.url}`")):
        gateway_client.GatewayClient(server.url, "").get("/api/v1/nodes")


def test_a_console_says_at_once_which_scope_it_asks_for() -> None:
    class Refusing(gateway_client.GatewayClient):
        scopes: ClassVar[list[str]] = ["read", "metrics"]

        def command(self, *_: Any, **__: Any) -> dict[str, Any]:
            raise RefusedError("viv may not do this: it asks for the scope 'operate'")

        def ask(self, call: Any) -> Any:
            return {"name": "viv", "scopes": self.scopes}

    with pytest.raises(RefusedError, match=r"^viv opens no console: that asks for the scope 'debug'"):
        Link(Refusing("http://127.0.0.1:1", "t"), "fridge").open()
    Refusing.scopes = ["read", "operate", "debug"]
    with pytest.raises(RefusedError, match="'operate'"):
        Link(Refusing("http://127.0.0.1:1", "t"), "fridge").open()
