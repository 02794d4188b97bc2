# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes in a test: recordings, as CSV and as lines of `ganglion watch --json`."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.cli.main import main
from ganglion.errors import GanglionError, InvalidError, NotFoundError
from ganglion.mova.feed import feed
from ganglion.sim.recorder import Recorder
from support.mova import edge

SECOND = 10**9
FRIDGE = Path(__file__).parents[2] / "tools/ganglion_tools/up/fridge.csv"


def recorded(path: Path, **given: Any) -> list[tuple[int, str, Any]]:
    trace = {"file": path.name, **given} if given else path.name
    values, recording = feed({"trace": trace}, path.parent, where="feed")
    assert values == []
    return list(recording)


def line(topic: str, value: Any, second: float, source: str = "") -> str:
    timestamp = 1_767_225_600 * SECOND + round(second * SECOND)
    return json.dumps({"topic": topic, "value": value, "timestamp": timestamp, "source": source}) + "\n"


LINES = (
    line("sensor/fridge/temperature", 4, 0, "fridge.temperature")
    + "\n"
    + line("kitchen/sensor/oven/temperature", 200, 2.5, "oven.temperature")
    + line("alert/fridge", {"cause": "door"}, 3, "run-1")
    + line("mqtt/zigbee/door", {"contact": True}, 5)
    + line("mqtt.state.contact/zigbee/door", False, 4.9)
)


def test_readings_and_messages_of_a_watch_are_fed_in_the_order_of_time(tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl"
    path.write_text(LINES)
    assert recorded(path, **{"as": {"oven.temperature": "oven.celsius"}}) == [
        (0, "fridge.temperature", 4),
        (round(2.5 * SECOND), "oven.celsius", 200),
        (5 * SECOND, "mqtt:zigbee/door", {"contact": True}),
        (5 * SECOND, "mqtt:zigbee/door", {"state": {"contact": False}}),
    ]


def test_the_columns_of_a_table_are_sensors() -> None:
    rows = recorded(FRIDGE, **{"as": {"celsius": "fridge.temperature"}})
    assert rows[:4] == [
        (0, "fridge.temperature", 4.6),
        (0, "percent", 58.0),
        (0, "hectopascal", 1012.6),
        (SECOND, "fridge.temperature", 4.55),
    ]
    assert all(before[0] <= after[0] for before, after in pairwise(rows))


@pytest.mark.parametrize(
    ("name", "text", "given", "says"),
    [
        ("x.jsonl", "{}\n", {}, r"x.jsonl:1: is no event"),
        ("x.jsonl", LINES + '{"topic": 3}\n', {}, r"x.jsonl:7: is no event"),
        ("x.jsonl", '{"topic": "a", "value": 1, "timestamp": Infinity, "source": ""}', {}, r"is no event"),
        ("x.csv", "seconds,a\n1,2\n1,3\n", {}, r"x.csv: row 3: `seconds` must rise"),
        ("x.csv", "seconds,a\n1,b\n", {}, r"row 2: 'b' is not a number"),
        ("x.csv", "seconds,celsius\n1,2\n", {"as": {"celsus": "a.b"}}, r"no column 'celsus'; did you mean \"celsius\""),
        ("x.csv", "time,a\n", {}, r"the first line must be"),
        ("x.csv", "\xff", {}, r"is not UTF-8 text"),
        ("x.csv", "", {"is": 3}, r"feed.trace: must be a file"),
        ("x.csv", "", {"as": 3}, r"feed.trace: must be a file"),
    ],
)
def test_a_recording_that_is_wrong_is_named(tmp_path: Path, name: str, text: str, given: Any, says: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="latin-1")
    with pytest.raises(InvalidError, match=says):
        recorded(path, **given)


def test_a_recording_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"feed.trace: the recording .*none.csv cannot be read"):
        feed({"trace": "none.csv"}, tmp_path, where="feed")


values: st.SearchStrategy[Any] = st.none() | st.integers() | st.floats() | st.text(max_size=4)
documents = st.dictionaries(st.sampled_from(["topic", "value", "timestamp", "source"]), values)


@given(st.lists(documents.map(json.dumps) | st.text(max_size=9), max_size=4))
def test_whatever_stands_in_a_recording_is_fed_or_named(tmp_path_factory: Any, lines: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    try:
        found = recorded(path)
    except GanglionError as error:
        assert "any.jsonl" in str(error)
    else:
        assert all(before[0] <= after[0] for before, after in pairwise(found))


def test_a_document_is_tested_on_a_day_that_was_recorded(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with (tmp_path / "day.csv").open("w") as file:
        file.write("seconds,fridge.temperature\n")
        file.writelines(f"{i * 10},{9 if 1000 < i < 1100 else 4}\n" for i in range(8640))
    script = edge(
        "- {id: tell, action: publish, topic: alert/fridge, value: 1}",
        head="triggers: [{id: t, sensor: fridge.temperature, above: 8, for: 10m, run: main}]\n"
        "tests:\n"
        "  - name: a day\n"
        "    feed: {trace: day.csv, fridge.temperature: [[20h, 9], [20h, 4]]}\n"
        "    expect: [{at: 10610s, published: alert/fridge}]\n",
    )
    path = tmp_path / "fridge.yaml"
    path.write_text(script)
    assert main(["mova", "test", str(path), "--json"]) == 0
    (outcome,) = json.loads(capsys.readouterr().out)["tests"]
    assert outcome["virtual_s"] == 86_390 + 60
    assert [each["name"] for each in outcome["happened"]] == ["alert/fridge", "main"]
    recorder = Recorder(".cbor", {"fridge.temperature": "Cel"}, node="kitchen")
    rows = (recorder.add("fridge.temperature", 9 if 1000 < i < 1100 else 4, i * 10 * SECOND) for i in range(8640))
    (tmp_path / "day.cbor").write_bytes(b"".join(rows) + recorder.end())
    path.write_text(script.replace("day.csv", "day.cbor"))
    assert main(["mova", "test", str(path), "--json"]) == 0
    (same,) = json.loads(capsys.readouterr().out)["tests"]
    assert same["happened"] == outcome["happened"]
    path.write_text(script.replace("day.csv", "none.csv"))
    assert main(["mova", "test", str(path)]) == 3
    path.write_text(script.replace("    expect", "    for: 2h\n    expect"))
    assert main(["mova", "test", str(path), "--verbose"]) == 1
    assert "7200 s in" in capsys.readouterr().out
