# SPDX-License-Identifier: GPL-3.0-or-later
"""bus: the twin says on MicroPython what it says on CPython, where it is held to the native core."""

import json
import random
from functools import partial
from pathlib import Path

import pytest

from support import bus_replay, micropython, micropython_wasm

SCRIPT = Path(bus_replay.__file__)
TOPICS = ["a", "b", "a/b", "a/", "/b", "$x", "$x/a", "a/b/c"]
FILTERS = ["a", "+", "#", "a/+", "+/b", "a/#", "$x/#", "+/+", "/+", "a/b/#"]


def programme(seed: int, length: int = 600) -> list[list[object]]:
    """Random calls; times go forward by a little."""
    pick = random.Random(seed)
    calls: list[list[object]] = []
    now = 1_700_000_000_000_000_000
    for _ in range(length):
        now += pick.randrange(5)
        match pick.choices(["subscribe", "unsubscribe", "emit", "emit_symbol", "take_due"], [2, 1, 6, 2, 4])[0]:
            case "subscribe":
                edge = pick.random() < 0.4
                waits = pick.choice([[0, 0], [0, 0], [3, 0], [0, 5]])
                window = pick.choice([[0, 0, 0], [0, 0, 0], [pick.randrange(1, 7), pick.choice([1, 3]), 0], [2, 4, 9]])
                condition = [pick.randrange(9), 8.0, 8.5, pick.randrange(3), edge, pick.choice([0.0, 0.25])]
                condition += [pick.choice([0, 3, 10]) if edge else 0, pick.choice([0, 4])]
                condition += [0, 0] if edge else waits
                condition += window
                calls.append(["subscribe", pick.choice(FILTERS), pick.randrange(4), condition])
            case "unsubscribe":
                calls.append(["unsubscribe", pick.randrange(100)])
            case "emit":
                value = pick.choice(["7.5", "7.9", "8.0", "8.1", "8.25", "9.0", "nan", "inf"])
                calls.append(["emit", pick.choice(TOPICS), value, now])
            case "emit_symbol":
                calls.append(["emit_symbol", pick.choice(TOPICS), pick.randrange(3), pick.random() < 0.5, now])
            case "take_due":
                calls.append(["take_due", now])
    return calls


@pytest.mark.parametrize("run", [partial(micropython.run, heap="2m"), micropython_wasm.run], ids=["unix", "wasm"])
@pytest.mark.parametrize("seed", range(5))
def test_a_board_decides_as_a_server_does(seed, run, tmp_path):
    calls = programme(seed)
    path = tmp_path / "programme.json"
    path.write_text(json.dumps(calls))
    done = run(SCRIPT, path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [json.loads(x) for x in bus_replay.play(calls)]
