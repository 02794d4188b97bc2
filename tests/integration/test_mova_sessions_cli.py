# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion mova run --session --sessions` and `ganglion mova sessions` as a shell sees them."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from ganglion.cli.main import main
from support.brokers import free_ports
from support.mova import edge
from support.redis_server import redis_server

COUNTING = edge(
    '- {id: count, action: set, values: {count: "count + step", deep.er: count}}',
    head="sessions: [{session_id: s, user_id: u, start_time: now, data: {count: 0, step: 1}}]",
)


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/sessions.db"
        return
    with asyncio.Runner() as runner:
        context = redis_server(tmp_path / "redis")
        yield runner.run(context.__aenter__()).url
        runner.run(context.__aexit__(None, None, None))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "counting.yaml"
    path.write_text(COUNTING)
    return path


def shell(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["mova", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def ran(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    """The session's data after a run."""
    code, out, err = shell(capsys, "run", *words, "--json")
    assert code == 0, err
    data: dict[str, Any] = json.loads(out)["session"]["data"]
    return data


def test_a_session_goes_on_with_the_next_run(capsys: pytest.CaptureFixture[str], file: Path, url: str) -> None:
    kept = ("--session", "guest", "--sessions", url)
    assert ran(capsys, file, *kept) == {"count": 1, "step": 1, "deep": {"er": 1}}
    assert ran(capsys, file, *kept) == {"count": 2, "step": 1, "deep": {"er": 2}}
    assert ran(capsys, file, *kept, "--set", "step=5") == {"count": 7, "step": 5, "deep": {"er": 7}}
    assert ran(capsys, file, "--session", "other", "--redis-url", url)["count"] == 1
    assert ran(capsys, file, "--session", "guest")["count"] == 1  # nowhere kept, so it begins anew

    assert shell(capsys, "sessions", "list", "--sessions", url) == (0, "guest\nother\n", "")
    code, out, _ = shell(capsys, "sessions", "show", "guest", "--sessions", url, "--json")
    assert (code, json.loads(out)) == (0, {"count": 7, "step": 5, "deep": {"er": 7}})
    code, out, _ = shell(capsys, "sessions", "show", "guest", "--sessions", url)
    assert (code, json.loads(out)["count"]) == (0, 7)
    assert shell(capsys, "sessions", "delete", "guest", "--sessions", url) == (0, "guest is deleted\n", "")
    for does in ("show", "delete"):
        code, _, err = shell(capsys, "sessions", does, "guest", "--sessions", url)
        assert (code, err) == (3, "ganglion: there is no session 'guest', or its time is over\n")
    assert json.loads(shell(capsys, "sessions", "list", "--sessions", url, "--json")[1]) == ["other"]


def test_the_time_to_live_is_the_documents(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    session = {"session_id": "s", "data": {"a": 1}}
    steps = [{"id": "x", "action": "end"}]
    document = {"version": "2.2", "classes": {"protocol": {"name": "p", "steps": steps}, "session": session}}
    file = tmp_path / "plain.json"
    with asyncio.Runner() as runner:
        context = redis_server(tmp_path / "redis")
        server = runner.run(context.__aenter__())
        with Redis(port=server.port) as client:
            for more, ttl in (({}, 3600), ({"ttl": 60}, 60)):
                session.update(more)
                file.write_text(json.dumps(document))
                ran(capsys, file, "--session", "guest", "--sessions", server.url)
                assert ttl - 30 < client.ttl("mova:session:guest") <= ttl
        runner.run(context.__aexit__(None, None, None))


def test_a_server_that_is_down_is_said_without_its_password(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    (port,) = free_ports(1)
    url = f"redis://:geheim@127.0.0.1:{port}"
    code, out, err = shell(capsys, "run", file, "--session", "guest", "--sessions", url)
    assert (code, out) == (5, "")
    assert err.startswith(f"ganglion: redis://127.0.0.1:{port}/0 cannot be reached: ")
    assert "geheim" not in err


@pytest.mark.parametrize("words", [["list"], ["show", "guest"], ["delete", "guest"]])
def test_looking_for_sessions_makes_no_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str]
) -> None:
    code, out, err = shell(capsys, "sessions", *words, "--sessions", f"sqlite:///{tmp_path}/a%20b/none.db")
    assert (code, out) == (3, "")
    assert err == f"ganglion: there are no sessions in {tmp_path}/a b/none.db: there is no such file\n"
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_no_store_is_said(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    code, _, err = shell(capsys, "run", file, "--session", "guest", "--sessions", "sessions.db")
    assert (code, err) == (2, "ganglion: sessions are kept in memory:, sqlite:///FILE or redis://host:6379/0\n")
