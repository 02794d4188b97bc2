# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion jobs show` as people read it: when a job ended, and of one that goes on how long it may."""

from collections.abc import Iterator
from typing import Any

import pytest

from ganglion.cli.main import main
from ganglion.cli.show import moment
from ganglion.units import SECOND
from support.web import Server

BEGAN, ENDED, DEADLINE = (1_800_000_000 + each for each in (0, 90, 600))
JOB = {
    "id": "0a1b2c3d",
    "method": "status",
    "selector": "fridge",
    "names": [],
    "actor": "admin",
    "created": BEGAN * SECOND,
    "deadline": DEADLINE * SECOND,
    "nodes": {"done": 1},
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    running = Server()
    monkeypatch.setenv("GANGLION_GATEWAY", running.url)
    monkeypatch.setenv("GANGLION_TOKEN", "t0ken")
    yield running
    running.close()


def said(server: Server, capsys: pytest.CaptureFixture[str], **fields: Any) -> str:
    server.says({**JOB, **fields}, then={"nodes": [], "next": None})
    assert main(("jobs", "show", "0a1b2c3d")) == 0
    return capsys.readouterr().out.splitlines()[1]


def test_a_job_that_has_ended_says_when(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    line = said(server, capsys, state="ended", ended=ENDED * SECOND)
    assert line.endswith(f"by admin, {moment(BEGAN * SECOND)} to {moment(ENDED * SECOND)}")


def test_one_that_goes_on_says_how_long_it_may(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    line = said(server, capsys, state="running", ended=None)
    assert line.endswith(f"by admin, begun {moment(BEGAN * SECOND)}, until {moment(DEADLINE * SECOND)} at most")


def test_what_many_nodes_say_alike_is_said_once(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    why = "there is no method 'sttus'; did you mean \"status\"?"
    node = {"state": "failed", "attempts": 1, "result": None, "error": why}
    server.says(
        {**JOB, "state": "ended", "ended": 1}, then={"nodes": [{**node, "name": n} for n in "abc"], "next": None}
    )
    assert main(("jobs", "show", "0a1b2c3d")) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [f"a  failed  {why}", "b  failed  as a", "c  failed  as a"]
