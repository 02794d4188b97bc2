# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion.node.leaf_actuators, and what a parent believes of what its leaves state of their actuators."""

import asyncio
from contextlib import closing
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.errors import UnreachableError
from ganglion.mesh.leaves.said import stated
from ganglion.mova.virtual import VirtualLoop
from ganglion.node.leaf_actuators import EVERY, LeafActuators

FAN = [30, "low", 0, 100]
PUMP = [False, "never", []]


def test_what_has_another_shape_is_left_out() -> None:
    wrong = {
        "a/b": FAN,
        "x": 7,
        "none": [],
        "risky": [1, "none", 0, 1],
        "turned": [1, "low", 2, 1],
        "short": [1, "low"],
    }
    found = stated({"actuators": {"fan": FAN, "pump": [[1], *PUMP[1:]], **wrong}})
    assert {name: each.about for name, each in found.items()} == {
        "fan": {"risk": "low", "low": 0, "high": 100},
        "pump": {"risk": "never", "values": [False, True]},
    }
    assert (found["fan"].value, found["pump"].value) == (30, None)


@settings(max_examples=50)
@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.dictionaries(st.text(), inner))
)
def test_whatever_a_leaf_answers_nothing_breaks(answer: Any) -> None:
    assert stated(answer) == {}
    stated({"actuators": answer})


def test_a_leaf_is_asked_in_each_boot_now_and_then_and_after_something_was_set() -> None:
    asked: list[str] = []
    told: dict[str, dict[str, Any]] = {}
    values: list[tuple[str, str, Any]] = []
    there = {"garden": 1}

    async def ask(leaf: str) -> Any:
        asked.append(leaf)
        if leaf == "away":
            raise UnreachableError("away")
        return {"actuators": {"fan": FAN, "pump": PUMP}}

    async def call(params: dict[str, Any], peer: object) -> Any:
        return {"value": 40}

    acting = LeafActuators(
        there=lambda: there,
        ask=ask,
        call=call,
        on_stated=told.__setitem__,
        publish=lambda *said: values.append(said),
    )

    async def story() -> None:
        task = asyncio.create_task(acting.run())
        await asyncio.sleep(1)
        assert asked == ["garden"]
        assert set(told["garden"]) == {"fan", "pump"}
        assert values == [("garden", "fan", 30), ("garden", "pump", False)]
        await asyncio.sleep(EVERY / 2)
        assert len(asked) == 1
        await acting.call({"leaf": "garden", "method": "status", "params": {}}, None)
        await asyncio.sleep(1)
        assert len(asked) == 1, "what only looks changes nothing"
        await acting.call({"leaf": "garden", "method": "actuators.set", "params": {"actuator": "fan"}}, None)
        await asyncio.sleep(1)
        assert len(asked) == 2
        there.update(garden=2, away=1)
        await asyncio.sleep(1)
        assert len(asked) == 4
        await asyncio.sleep(EVERY)
        assert len(asked) == 6
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    loop = VirtualLoop()
    with closing(loop):
        loop.run_until_complete(story())
