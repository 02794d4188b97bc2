# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of people who edit: what the bench says of them, and that a hostile one ends its own process alone."""

import asyncio
import base64
import json
import os
import runpy
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ganglion.errors import GanglionError, InvalidError, NotFoundError
from ganglion.mova.plan import Plan
from ganglion.mova.templates import template
from ganglion_gateway.scripting.bench import Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")
EDGE = template("edge", "cold")
HOSTILE = runpy.run_path(str(Path(__file__).with_name("test_mova_bounds.py")))[
    "test_a_hostile_document_gets_a_clear_error_in_little_memory"
].pytestmark[0]
RUN: dict[str, Any] = {"value": None, "session": {}, "sensors": {}, "llm": "down", "tools": {}}
#: Letters of a hostile document: what is left of it is no better.
SIZE = 100_000


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def bench() -> AsyncIterator[Bench]:
    made = Bench(cpu=1)
    yield made
    await made.aclose()


def document(**parts: Any) -> dict[str, Any]:
    return {
        "file": "x.json",
        "text": json.dumps({"version": "2.2", "dialect": "edge/1", "name": "x", **parts}),
    }


def waits(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": "main", "steps": list(steps)}]


async def test_what_is_wrong_is_said_with_its_place_in_the_readers_language(bench: Bench) -> None:
    asked = {"file": "cold.yaml", "text": EDGE.replace("run: too_warm", "run: nothing")}
    english = await bench.ask("check", {**asked, "language": "en"})
    ukrainian = await bench.ask("check", {**asked, "language": "uk"})
    assert (english["name"], english["protocols"], english["tests"]) == ("cold", ["too_warm"], 2)
    (found,), (told,) = english["diagnostics"], ukrainian["diagnostics"]
    assert (found["code"], found["line"], found["severity"]) == ("MV204", 8, "error")
    assert found["about"] == "a protocol that is named does not exist"
    assert told["about"] == "названого протоколу не існує"
    assert told["message"] != found["message"]


async def test_a_graph_knows_where_its_boxes_stand(bench: Bench) -> None:
    (graph,) = (await bench.ask("graph", {"file": "cold.yaml", "text": EDGE, "protocol": "too_warm"}))["graphs"]
    assert 's0["beep: actuate buzzer"]' in graph["mermaid"]
    assert {box: place["line"] for box, place in graph["boxes"].items()} == {"s0": 13, "s1": 14, "s2": 15}
    with pytest.raises(NotFoundError, match="no protocol 'x', but too_warm"):
        await bench.ask("graph", {"file": "cold.yaml", "text": EDGE, "protocol": "x"})


async def test_tests_are_run_and_told_step_by_step(bench: Bench) -> None:
    asked = {"file": "cold.yaml", "text": EDGE.replace("celsius: 9}", "celsius: 8}")}
    said = await bench.ask("test", asked)
    assert [each["passed"] for each in said["tests"]] == [False, True]
    first = said["tests"][0]
    assert (first["line"], first["virtual_s"]) == (18, 840.0)
    assert "published alert/cold {'celsius': 8} is missing" in first["failures"][0]
    assert [step["id"] for step in first["episodes"][0]["steps"]] == ["beep", "tell", "done"]
    with pytest.raises(InvalidError, match=r"cold\.yaml:18:5: the test 'warm for ten minutes' fails"):
        await bench.ask("compile", asked)
    plan = await bench.ask("compile", {"file": "cold.yaml", "text": EDGE})
    assert Plan.decode(base64.urlsafe_b64decode(plan["plan"])).hash == plan["hash"]


async def test_no_file_of_the_gateways_machine_is_read(bench: Bench) -> None:
    test = {"name": "t", "feed": {"trace": "/etc/passwd"}, "expect": [{"ran": "main"}]}
    asked = document(protocols=waits({"id": "a", "action": "end"}), tests=[test])
    (told,) = (await bench.ask("test", asked))["tests"]
    assert not told["passed"]
    assert told["failures"] == [
        "its feed is a recording, a file beside the document: `ganglion mova test` reads it where that is"
    ]


async def test_a_run_is_given_what_the_world_answers_and_takes_no_time(bench: Bench) -> None:
    steps = waits(
        {"id": "rest", "action": "wait", "for": "10m"},
        {"id": "look", "action": "read", "sensor": "fridge.temperature", "save": "cold"},
        {"id": "tell", "action": "publish", "topic": "alert/x", "value": "{session.data.cold} {event.value}"},
    )
    asked = {**document(protocols=steps), **RUN, "protocol": "main", "value": "hi"}
    said = await bench.ask("run", {**asked, "sensors": {"fridge.temperature": 4}})
    assert said["episode"]["status"] == "completed"
    assert [step["status"] for step in said["episode"]["steps"]] == ["completed"] * 3
    published = {"at_ms": 600_000, "kind": "published", "name": "alert/x", "value": "4 hi"}
    assert published in said["happened"]
    assert said["session"]["cold"] == 4
    unfed = await bench.ask("run", asked)
    assert "fed nothing to fridge.temperature" in unfed["episode"]["error"]


async def test_a_run_that_waits_for_what_never_comes_is_ended(bench: Bench) -> None:
    asked = document(protocols=waits({"id": "stay", "action": "wait", "event": "never"}))
    said = await bench.ask("run", {**asked, **RUN, "protocol": "main"})
    assert (said["episode"]["status"], said["session"]) == ("cancelled", None)
    assert said["episode"]["error"] == "after 24 h of virtual time it still waited, and was ended"


async def test_every_hostile_document_has_an_answer(bench: Bench) -> None:
    for case in HOSTILE.args[1]:
        file, text, _code = case.values
        said = await bench.ask("check", {"file": file, "text": text[:SIZE]})
        assert isinstance(said["valid"], bool), case.id


async def test_what_takes_too_long_or_too_much_is_ended_and_the_next_one_is_answered(bench: Bench) -> None:
    often = [{"id": "t", "every": "1s", "run": "main"}]
    endless = {"name": "years", "for": "30d", "expect": [{"ran": "main"}]}
    asked = document(triggers=often, protocols=waits({"id": "a", "action": "end"}), tests=[endless])
    with pytest.raises(InvalidError, match=r"^x\.json takes more than 1 s or \d+ MB"):
        await bench.ask("test", asked)
    assert (await bench.ask("check", {"file": "cold.yaml", "text": EDGE}))["valid"]


async def test_a_host_that_was_killed_is_started_again(bench: Bench) -> None:
    asked = {"file": "cold.yaml", "text": EDGE}
    assert (await bench.ask("check", asked))["valid"]
    assert bench._host is not None
    bench._host.kill()
    await bench._host.wait()
    assert (await bench.ask("check", asked))["valid"]


async def test_a_host_that_dies_with_the_question_under_way_is_not_the_documents_fault(bench: Bench) -> None:
    asked = {"file": "cold.yaml", "text": EDGE}
    assert (await bench.ask("check", asked))["valid"]
    assert bench._host is not None
    os.kill(bench._host.pid, signal.SIGSTOP)
    task = asyncio.create_task(bench.ask("check", asked))
    await asyncio.sleep(0.05)  # it is written into the socket of one that will never read it
    bench._host.kill()
    assert (await task)["valid"]


async def test_a_host_that_cannot_start_is_not_the_documents_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    bench = Bench()
    with pytest.raises(GanglionError, match="does not start: see the gateway's log") as said:
        await bench.ask("check", {"file": "cold.yaml", "text": EDGE})
    assert not isinstance(said.value, InvalidError)
    await bench.aclose()


async def test_what_lies_where_the_gateway_was_started_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('imported')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    monkeypatch.chdir(tmp_path)
    bench = Bench()
    assert (await bench.ask("check", {"file": "cold.yaml", "text": EDGE}))["valid"]
    await bench.aclose()
