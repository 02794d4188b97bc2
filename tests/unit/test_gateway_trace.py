# SPDX-License-Identifier: GPL-3.0-or-later
"""The path of an alert, a line a stage, whatever has happened so far."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.units import MILLISECOND
from ganglion_gateway.trace import STAGES, trace
from support.mesh import NOW

EVENT = {
    "id": "n-1-7",
    "node": "n",
    "cls": "alert",
    "topic": "alert/fridge",
    "value": {"celsius": 9.5},
    "run": "r1",
    "timestamp": NOW + 30 * MILLISECOND,
    "sealed": NOW + 31 * MILLISECOND,
    "received": NOW + 33 * MILLISECOND,
    "stored": NOW + 36 * MILLISECOND,
}


def step(action: str, start: int, end: int, *, status: str = "completed", **detail: Any) -> dict[str, Any]:
    return {
        "id": action,
        "action": action,
        "status": status,
        "started": NOW + start * MILLISECOND,
        "ended": NOW + end * MILLISECOND,
        "attempts": 1,
        "detail": detail,
    }


def episode(*steps: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "r1",
        "script": "watch",
        "protocol": "too_warm",
        "trigger": "warm",
        "event": {"topic": "sensor/fridge/temperature", "value": 9.5, "timestamp": NOW},
        "started": NOW + 2 * MILLISECOND,
        "steps": list(steps),
    }


FULL = episode(
    step("prompt", 2, 20, result={"cause": "door"}, model="parrot", tokens=61),
    step("condition", 20, 20, next="beep"),
    step("actuate", 20, 25, actuator="buzzer", accepted=True, value=True, reason=""),
    step("publish", 30, 30, event="n-1-7"),
)


def attempt(state: str = "delivered", **fields: Any) -> dict[str, Any]:
    known = {"endpoint": "wh", "state": state, "attempts": 1, "at": NOW + 40 * MILLISECOND, "took": MILLISECOND}
    return {**known, "status": 204, "error": "", **fields}


def lines(
    told: dict[str, Any] | None = FULL, *attempts: dict[str, Any], event: dict[str, Any] = EVENT
) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in trace(event, told, attempts, node="fridge", endpoints={"wh": "hook"})["lines"]:
        found.setdefault(line["stage"], []).append(line)
    return found


@pytest.mark.parametrize(
    ("state", "error", "status", "detail"),
    [
        ("delivered", "", "done", "hall took it"),
        ("dead", "its time was over", "failed", "hall: given up: its time was over"),
        ("pending", "", "pending", "hall: waits for one node of that name or id to be there"),
        ("pending", "no answer", "pending", "hall: no answer"),
    ],
)
def test_an_event_for_a_node_has_one_line_more(state: str, error: str, status: str, detail: str) -> None:
    relay = {"node": "hall", "state": state, "error": error, "ended": NOW if state != "pending" else None}
    document = trace(EVENT, FULL, [attempt()], relay=relay, node="fridge", endpoints={"wh": "hook"})
    assert [line["stage"] for line in document["lines"]] == [*STAGES, "node"]
    assert (document["lines"][-1]["detail"], document["status"]) == (detail, status)


def test_one_full_pass_has_every_stage_once_and_in_order() -> None:
    document = trace(EVENT, FULL, [attempt()], node="fridge", endpoints={"wh": "hook"})
    assert [line["stage"] for line in document["lines"]] == list(STAGES)
    assert {line["status"] for line in document["lines"]} == {"done"}
    assert document["status"] == "done"
    since = [line["since_ms"] for line in document["lines"]]
    assert since == sorted(since)
    assert since[0] == 0


def test_a_prompt_tells_its_model_and_tokens_or_why_otherwise() -> None:
    assert lines()["prompt"][0]["detail"].startswith("parrot, 61 tokens: ")
    told = episode(step("prompt", 2, 3, result={}, otherwise="refused: no_model: there is none"))
    assert lines(told)["prompt"][0]["detail"] == "otherwise: refused: no_model: there is none"


def test_what_a_guardian_refuses_is_no_deed_of_the_actuator() -> None:
    told = episode(step("actuate", 1, 1, status="failed", actuator="valve", accepted=False, value=0, reason="locked"))
    found = lines(told)
    assert (found["guardian"][0]["status"], found["guardian"][0]["detail"]) == ("done", "valve: refused (locked)")
    assert found["actuator"][0]["status"] == "skipped"


def test_what_has_not_happened_yet_says_pending() -> None:
    found = lines(None, attempt("pending", at=None, took=None, status=None, error=None))
    assert {found[stage][0]["status"] for stage in STAGES} == {"pending", "done"}
    assert found["mesh"][0]["status"] == found["gateway"][0]["status"] == "done"
    assert found["webhook"][0]["status"] == "pending"


def test_steps_that_a_run_does_not_have_are_skipped() -> None:
    found = lines(episode(), attempt())
    assert {found[stage][0]["status"] for stage in ("prompt", "condition", "guardian", "actuator")} == {"skipped"}


def test_an_event_without_a_script_has_only_its_way() -> None:
    found = lines(None, attempt(), event={**EVENT, "run": ""})
    assert [found[stage][0]["status"] for stage in STAGES] == ["skipped"] * 6 + ["done"] * 3


def test_the_mesh_takes_from_signing_to_arrival_and_no_less_than_nothing() -> None:
    assert lines()["mesh"][0]["took_ms"] == 2
    odd = lines(event={**EVENT, "received": NOW})["mesh"][0]
    assert odd["took_ms"] == 0
    assert "clocks" in odd["detail"]


def test_a_webhook_is_told_by_its_last_attempt() -> None:
    tried = [attempt("pending", status=500, error="HTTP status 500", attempts=2)] * 2
    assert lines(FULL, *tried)["webhook"][0]["status"] == "pending"
    dead = attempt("dead", status=410, error="HTTP status 410", attempts=25)
    assert lines(FULL, dead)["webhook"][0]["status"] == "failed"
    assert lines(FULL)["webhook"][0]["status"] == "skipped"


def test_several_steps_of_a_kind_are_a_line_each() -> None:
    told = episode(step("prompt", 1, 2), step("prompt", 3, 4))
    assert [line["at"] for line in lines(told)["prompt"]] == [NOW + MILLISECOND, NOW + 3 * MILLISECOND]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["steps", "event", "detail", "action", "prompt", "actuate", "started", "accepted", "status"]
            ),
            inner | st.sampled_from(["prompt", "actuate", "condition"]),
        )
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["steps", "event", "started", "trigger", "script"]), _JSON))
def test_an_episode_of_any_shape_has_a_trace(told: dict[str, Any]) -> None:
    found = trace(EVENT, told, [], node="n", endpoints={})
    assert {line["stage"] for line in found["lines"]} == set(STAGES)
