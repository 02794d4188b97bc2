# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts on a device, in virtual time: compiled documents with the ports of a device that has no leaf behind it."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion_agent.runner import MAX_WAITING, Runner
from ganglion_micro import effects as e
from support.mova import edge

MS = 1_000_000
SECOND = 1000 * MS


class Ports:
    """A device with a sensor and an actuator, which writes down what is asked of it."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.reading: list[tuple[str, Callable[[Any], None]]] = []
        self.refusal = ""
        self.clock = 0

    def streams(self) -> dict[str, str]:
        return {"air.temperature": "Cel"}

    def actuators(self) -> dict[str, Any]:
        return {"pump": None}

    def random(self) -> float:
        return 0.5

    def now(self) -> int:
        return self.clock

    def time(self) -> int:
        return 1_800_000_000 * SECOND + self.clock

    def release(self, owner: str) -> None:
        self.done.append(("release", owner))

    def log(self, level: str, message: str) -> None:
        self.done.append((level, message))

    def read(self, stream: str, then: Callable[[Any], None]) -> None:
        self.reading.append((stream, then))

    def prompt(self, effect: e.Prompt, then: Callable[[Any], None]) -> None:
        then(e.Failure("unreachable", "the parent is away"))

    def actuate(self, effect: e.Actuate, owner: str, now: int, then: Callable[[Any], None]) -> None:
        self.done.append(("actuate", effect.actuator, effect.value, effect.ns, owner))
        then([not self.refusal, effect.value, self.refusal])

    def publish(self, effect: e.Publish) -> Any:
        self.done.append(("publish", effect.topic, effect.value))
        return ""


class Bench:
    """A runner, its ports and its time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = Ports()
        self.runner = Runner(self.ports)

    def load(self, document: str) -> None:
        (self.folder / "it.yaml").write_text(document)
        self.runner.load(compile(load(self.folder / "it.yaml")).encode(), self.ports.clock)

    def say(self, topic: str, value: Any = None) -> "Bench":
        self.runner.emit(topic, value, "test")
        return self.after(0)

    def after(self, ms: int) -> "Bench":
        self.ports.clock += ms * MS
        self.runner.advance(self.ports.clock)
        return self

    @property
    def counts(self) -> dict[str, int]:
        return {name: count for name, count in self.runner.counts.items() if count}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


ON_GO = "triggers: [{id: go, event: go, run: main}]\n"


def test_a_reading_triggers_steps_that_reach_the_world_and_wait(bench: Bench) -> None:
    steps = """
      - {id: start, action: actuate, actuator: pump, value: true, for: 5s}
      - {id: pause, action: wait, for: 2s}
      - {id: tell, action: publish, topic: alert/dry, value: {celsius: "{event.value}"}}
      - {id: log, action: log, message: "told {event.topic}"}
    """
    bench.load(edge(dedent(steps), head="triggers: [{id: hot, sensor: air.temperature, above: 30, run: main}]\n"))
    bench.say("sensor/air/temperature", 29).say("sensor/air/temperature", 31).say("sensor/air/temperature", 32)
    assert bench.ports.done == [("actuate", "pump", True, 5 * SECOND, "trial")]
    bench.after(1999)
    assert len(bench.ports.done) == 1
    bench.after(1)
    assert bench.ports.done[1] == ("publish", "alert/dry", {"celsius": 31})
    assert bench.ports.done[2] == ("info", "trial: told sensor/air/temperature")
    assert bench.counts == {"completed": 1}


def test_a_prompt_goes_on_with_its_otherwise_and_a_refusal_fails_the_run(bench: Bench) -> None:
    bench.ports.refusal = "it must stay off"
    steps = """
      - {id: ask, action: prompt, prompt: "what now?", schema: {wet: boolean}, otherwise: {wet: true}, save: answer}
      - {id: tell, action: publish, topic: alert/wet, value: "{answer.wet}"}
      - {id: start, action: actuate, actuator: pump, value: true}
    """
    bench.load(edge(dedent(steps), head=ON_GO))
    bench.say("go")
    assert bench.ports.done[0] == ("publish", "alert/wet", True)
    assert bench.ports.done[-1][0] == "warning"
    assert "it must stay off" in bench.ports.done[-1][1]
    assert bench.counts == {"failed": 1}


def test_a_sensor_is_read_and_an_event_waited_for(bench: Bench) -> None:
    steps = """
      - {id: look, action: read, sensor: air.temperature, save: celsius}
      - {id: wait, action: wait, event: door/+, timeout: 3s, save: door}
      - {id: tell, action: publish, topic: alert/both, value: {celsius: "{celsius}", door: "{door}"}}
    """
    bench.load(edge(dedent(steps), head=ON_GO))
    bench.say("go")
    [(stream, then)] = bench.ports.reading
    assert stream == "air.temperature"
    then(21.5)
    bench.after(1000).say("window/a", 1).say("door/a", "open")
    assert bench.ports.done == [("publish", "alert/both", {"celsius": 21.5, "door": "open"})]
    bench.say("go")
    bench.ports.reading[1][1](e.Failure("unreachable", "nothing answers"))
    bench.after(0)
    assert bench.counts == {"completed": 1, "failed": 1}


def test_time_that_is_over_ends_the_wait_for_an_event(bench: Bench) -> None:
    steps = """
      - {id: wait, action: wait, event: door/+, timeout: 3s, save: door}
      - {id: tell, action: publish, topic: alert/none, value: "{door}"}
    """
    bench.load(edge(dedent(steps), head=ON_GO))
    bench.say("go").after(2999)
    assert bench.ports.done == []
    bench.after(1)
    assert bench.ports.done == [("publish", "alert/none", None)]


@pytest.mark.parametrize(
    ("policy", "counts"),
    [
        ("single", {"completed": 1, "ignored": 2}),
        ("restart", {"completed": 1, "cancelled": 2}),
        ("queued", {"completed": 3}),
        ("parallel", {"completed": 3}),
    ],
)
def test_a_protocol_that_runs_and_is_triggered(bench: Bench, policy: str, counts: dict[str, int]) -> None:
    bench.load(
        edge("- {id: pause, action: wait, for: 1s}", head=ON_GO, protocol=f"policies: {{concurrency: {policy}}}")
    )
    bench.say("go").say("go").say("go")
    for _ in range(4):
        bench.after(1000)
    assert bench.counts == counts
    assert not any(script.running for script in bench.runner.scripts.values())


def test_scripts_that_answer_each_other_for_ever_leave_time_for_the_rest(bench: Bench) -> None:
    bench.load(edge("- {id: again, action: emit, topic: go, value: 1}", head=ON_GO))
    bench.say("go")
    before = bench.counts["completed"]
    bench.after(20)
    assert before < bench.counts["completed"] < 3 * before + 9
    for _ in range(2 * MAX_WAITING):
        bench.runner.emit("go", 1, "test")
    assert bench.counts["dropped"] > 0


def test_what_is_removed_runs_no_more_and_lets_go(bench: Bench) -> None:
    bench.load(edge("- {id: pause, action: wait, for: 1s}\n- {id: l, action: log, message: late}", head=ON_GO))
    bench.say("go")
    [name] = bench.runner.scripts
    assert bench.runner.remove(name, bench.ports.clock)
    assert not bench.runner.remove(name, bench.ports.clock)
    bench.after(5000).say("go")
    assert ("release", name) in bench.ports.done
    assert bench.counts == {"cancelled": 1}
    assert not any(level == "info" for level, *_ in bench.ports.done)


@pytest.mark.parametrize(
    ("steps", "head", "words"),
    [
        ("- {id: start, action: actuate, actuator: door, value: true}", ON_GO, "no actuator door here; known are pump"),
        ("- {id: look, action: read, sensor: soil, save: x}", ON_GO, "no sensor soil here; known are air.temperature"),
        (
            "- {id: ask, action: tool_api, tool_api_id: web}",
            ON_GO + "tools: [{id: web, name: Web, endpoint: 'https://x.example/'}]\n",
            "step ask calls a tool, which a leaf cannot",
        ),
        (
            "- {id: e, action: end}",
            "triggers: [{id: t, cron: '0 6 * * *', timezone: Europe/Kyiv, run: main}]\n",
            "the trigger t is in Europe/Kyiv, and a leaf knows no time zones",
        ),
    ],
)
def test_what_the_device_has_not_is_refused_when_it_is_loaded(bench: Bench, steps: str, head: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        bench.load(edge(dedent(steps), head=head))
    assert bench.runner.scripts == {}


@pytest.mark.parametrize("data", [b"", b"\x83", b"\x83\x05\x40\x40", bytes(99)])
def test_bytes_that_are_no_plan_are_refused(bench: Bench, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a plan|damaged"):
        bench.runner.load(data, 0)


AT_SEVEN = "triggers: [{id: t, at: '07:00', run: main}]\n"


def test_a_script_runs_by_the_calendar_once_the_time_is_known(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    time = 0
    monkeypatch.setattr(bench.ports, "time", lambda: time)
    bench.load(edge("- {id: start, action: actuate, actuator: pump, value: true}", head=AT_SEVEN))
    [name] = bench.runner.scripts
    waits = f"{name}: the calendar waits until the parent has said the time"
    assert bench.ports.done == [("warning", waits)]
    bench.after(1000)
    seven = (1_800_000_000 // 86400 * 86400 + 7 * 3600) * SECOND
    for moment in (seven - SECOND, seven, seven + SECOND):
        time = moment
        bench.after(1000)
    assert [done[1:3] for done in bench.ports.done if done[0] == "actuate"] == [("pump", True)]
    assert bench.runner.scripts[name].triggers[0].id == "t"
