# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes under /api/v1/scripts: who may have a script checked and who may have it run, and within which bounds."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ganglion.mova.templates import TEMPLATES, template
from ganglion_gateway.api.scripting import MAX_TEXT
from support.gateway import Here, here

EDGE = {"text": template("edge", "cold"), "file": "cold.yaml"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Here]:
    async with here(tmp_path) as started:
        yield started


async def test_scripts_are_checked_drawn_tested_run_and_compiled(site: Here) -> None:
    offered = (await site.get("/scripts/templates"))["templates"]
    assert [each["name"] for each in offered] == list(TEMPLATES)
    for each in offered:
        checked = await site.post("/scripts/check", {"text": each["text"]})
        assert checked["valid"], each["name"]
    broken = await site.post("/scripts/check", {**EDGE, "text": EDGE["text"] + "tooth: 1\n", "language": "uk"})
    assert [(each["code"], each["line"]) for each in broken["diagnostics"]] == [("MV103", 25)]
    assert broken["diagnostics"][0]["message"].startswith("невідомий ключ 'tooth'")
    (graph,) = (await site.post("/scripts/graph", EDGE))["graphs"]
    assert graph["mermaid"].startswith("flowchart TD")
    assert (await site.post("/scripts/test", {**EDGE, "name": "ten"}))["passed"]
    assert (await site.post("/scripts/compile", EDGE))["name"] == "cold"
    done = await site.post("/scripts/run", {**EDGE, "protocol": "too_warm", "value": 9})
    assert done["episode"]["status"] == "completed"


@pytest.mark.parametrize(
    ("path", "more", "status", "said"),
    [
        ("check", {"file": "../../etc/passwd"}, 422, "file"),
        ("check", {"text": "x" * (MAX_TEXT + 1)}, 422, "text"),
        ("graph", {"protocol": "x"}, 404, "no protocol 'x', but too_warm"),
        ("run", {"protocol": "x"}, 404, "no protocol 'x', but too_warm"),
        ("test", {"text": "{}"}, 422, "cold.yaml:1:1: MV101"),
    ],
)
async def test_what_makes_no_sense_is_a_problem_with_one_sentence(
    site: Here, path: str, more: dict[str, Any], status: int, said: str
) -> None:
    answer = await site.http.post(f"/api/v1/scripts/{path}", json={**EDGE, **more})
    assert answer.status_code == status
    assert said in str(answer.json())


@pytest.mark.parametrize(("what", "more"), [("check", {"text": "\\ud800"}), ("run", {"value": ["\\ud800"]})])
async def test_half_of_a_letter_is_refused_and_ends_no_worker(site: Here, what: str, more: dict[str, Any]) -> None:
    body = json.dumps({**EDGE, **({"protocol": "too_warm"} if what == "run" else {}), **more})
    answer = await site.http.post(
        f"/api/v1/scripts/{what}",
        content=body.replace("\\\\ud", "\\ud"),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 422
    assert "half of a surrogate pair" in answer.json()["detail"]


async def test_who_may_only_look_has_nothing_run(site: Here) -> None:
    made = await site.post("/api-keys", {"name": "screen", "role": "viewer"})
    viewer = {"authorization": f"Bearer {made['token']}"}
    for path, status in (("check", 200), ("graph", 200), ("test", 403), ("compile", 403), ("run", 403)):
        body = {**EDGE, "protocol": "too_warm"} if path == "run" else EDGE
        answer = await site.stranger.post(f"/api/v1/scripts/{path}", json=body, headers=viewer)
        assert answer.status_code == status, path


async def test_who_asks_more_than_is_worked_on_for_one_is_told_so_and_others_are_answered(site: Here) -> None:
    made = await site.post("/api-keys", {"name": "screen", "role": "viewer"})
    viewer = {"authorization": f"Bearer {made['token']}"}
    answers = asyncio.gather(
        *(site.stranger.post("/api/v1/scripts/check", json=EDGE, headers=viewer) for _ in range(20))
    )
    assert (await site.post("/scripts/check", EDGE))["valid"]
    refused = [answer for answer in await answers if answer.status_code == 429]
    assert refused
    assert refused[0].headers["retry-after"] == "1"
    assert "wait until one of them is done" in refused[0].json()["detail"]


async def test_the_process_ends_with_the_gateway(tmp_path: Path) -> None:
    async with here(tmp_path) as site:
        await site.post("/scripts/check", EDGE)
        host = site.services.bench._host
        assert host is not None
        os.kill(host.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(host.pid, 0)
