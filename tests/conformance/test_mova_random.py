# SPDX-License-Identifier: GPL-3.0-or-later
"""MOVA: whatever steps a document has, and whatever the world answers, its run ends, and ends alike in both homes."""

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.mova_virtual import of_the_engine, of_the_runner

pytestmark = pytest.mark.untraced

NAMES = st.sampled_from("abc")
CONDITIONS = st.sampled_from(
    [
        [{"variable": "a", "operator": "exists"}],
        [{"variable": "b", "operator": "greater_than", "value": 1}],
        [{"variable": "nowhere + 1", "operator": "equals", "value": 1}],
        [{"variable": "'x' * 2", "operator": "equals", "value": 1}],
    ]
)
EXPRESSIONS = st.sampled_from(["1", "a", "b + 1", "c * 2", "a or 3", "1 / 0"])
FAILURES = st.sampled_from([["unreachable", "away", True], ["refused", "no", False], ["invalid", "odd", False]])
TIMES = st.integers(1, 60)


def _a(action: str, **keys: Any) -> st.SearchStrategy[dict[str, Any]]:
    kinds = {key: each if isinstance(each, st.SearchStrategy) else st.just(each) for key, each in keys.items()}
    return st.fixed_dictionaries({"action": st.just(action), **kinds})


def step(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """A step without its id; times and events are numbers that `numbered` makes different."""
    plain: st.SearchStrategy[dict[str, Any]] = st.one_of(
        _a("set", values=st.dictionaries(NAMES, EXPRESSIONS, max_size=2)),
        _a("log", message="{a} {b}"),
        _a("publish", topic="out", value="{c}"),
        _a("read", sensor="s", save=NAMES),
        _a("prompt", prompt="x", save=NAMES),
        _a("wait", **{"for": TIMES}),
        _a("wait", event="", timeout=TIMES, save=NAMES),
        _a("wait", until=CONDITIONS, timeout=TIMES),
        _a("condition", conditions=CONDITIONS),
        _a("call", protocol="other"),
        _a("end"),
    )
    if depth:
        branches = st.lists(st.lists(step(depth - 1), min_size=1, max_size=3), min_size=1, max_size=3)
        plain |= _a("parallel", branches=branches)
    return st.builds(
        lambda made, gate: made if gate is None else {"conditions": gate, **made}, plain, st.none() | CONDITIONS
    )


class World:
    """Answers each question, and lets every third fail if there are failures."""

    def __init__(self, failures: list[Any]) -> None:
        self._failures = failures
        self._count = 0

    def __call__(self, kind: str) -> Any:
        self._count += 1
        if kind == "listen":
            return {"topic": "go", "value": self._count} if self._count % 2 else None
        if self._failures and self._count % 3 == 0 and kind in ("read", "prompt", "publish"):
            return {"failure": self._failures[self._count % len(self._failures)]}
        return {"ok": {"prompt": [self._count, "m", 1], "read": self._count, "publish": "e"}.get(kind)}


def numbered(steps: list[Any], count: list[int]) -> list[Any]:
    """The steps with ids, at every depth. No two wait for one event, or as long: no two come at one time."""
    made = []
    for each in steps:
        count[0] += 1
        one = {"id": f"s{count[0]}", **each}
        if one["action"] == "parallel":
            one["branches"] = [numbered(branch, count) for branch in one["branches"]]
        for key in ("for", "timeout"):
            if key in one:
                one[key] = f"{one[key] * 100 + count[0]}ms"
        if "event" in one:
            one["event"] = f"go/{one['id']}"
        made.append(one)
    return made


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(step(2), min_size=1, max_size=6), st.lists(FAILURES, max_size=3), st.booleans())
def test_a_run_ends_alike_in_both_homes(steps: list[Any], failures: list[Any], budget: bool) -> None:
    body = yaml.safe_dump(numbered(steps, [0]), default_flow_style=True, width=10**6).strip()
    policies = "{max_steps: 60, budget_ms: 3137}" if budget else "{max_steps: 60}"
    document = (
        'version: "2.2"\ndialect: edge/1\nname: trial\nprotocols:\n'
        f"  - {{name: main, policies: {policies}, error_handling: {{retry_count: 1}}, steps: {body}}}\n"
        "  - {name: other, steps: [{id: o, action: set, values: {a: b}}, {id: p, action: read, sensor: t, save: c}]}\n"
    )
    case = {"document": document, "session": {"b": 1}, "always": World(failures), "answers": []}
    story = of_the_engine(case)
    found, told = of_the_runner(case, story)
    assert found == story.asked
    assert told == story.episode
