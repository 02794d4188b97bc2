# SPDX-License-Identifier: GPL-3.0-or-later
"""guardian: real files behind it, real time, and a restart."""

import asyncio
import contextlib
import os
import threading
from contextlib import asynccontextmanager

import pytest

from ganglion.errors import InvalidError, NotFoundError
from ganglion.guardian import Actuators, file
from ganglion.guardian.actuator import build
from ganglion.guardian.file import File
from support.waiting import until


def made(tmp_path, effects=None, **tables):
    for table in tables.values():
        table.setdefault("driver", "file")
    actuators = Actuators.from_tables(tables, path=tmp_path / "actuators.json", resolve=lambda name: tmp_path / name)
    if effects is not None:
        actuators.on_effect = lambda effect, failure: effects.append((effect, failure))
    return actuators


@asynccontextmanager
async def running(actuators):
    await actuators.start()
    task = asyncio.create_task(actuators.run())
    try:
        yield actuators
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await actuators.stop()


async def test_a_command_is_in_the_file_and_its_end_too(tmp_path):
    buzzer = tmp_path / "buzzer"
    async with running(made(tmp_path, buzzer={"path": "buzzer"})) as actuators:
        decision = await actuators.actuate("buzzer", True, owner="anna", for_ns=50_000_000)
        assert decision.accepted
        assert decision.confirmed is True
        assert buzzer.read_text() == "1\n"
        await until(lambda: buzzer.read_text() == "0\n", what="the buzzer goes off when the command expires")


async def test_the_maximum_on_time_ends_a_command_that_does_not_expire(tmp_path):
    buzzer, effects = tmp_path / "buzzer", []
    async with running(made(tmp_path, effects, buzzer={"path": "buzzer", "max_on": "50ms"})) as actuators:
        await actuators.actuate("buzzer", True, owner="anna")
        await until(lambda: buzzer.read_text() == "0\n")
    assert "buzzer: it was on for its max_on" in [effect.reason for effect, _ in effects]


async def test_the_start_and_the_stop_write_the_fail_safe_value(tmp_path):
    vent = tmp_path / "vent"
    vent.write_text("33\n")
    actuators = made(tmp_path, vent={"path": "vent", "low": 0, "high": 100, "fail_safe": 20})
    await actuators.start()
    assert vent.read_text() == "20\n"
    await actuators.actuate("vent", 70.5, owner="anna")
    assert vent.read_text() == "70.5\n"
    await actuators.stop()
    assert vent.read_text() == "20\n"


async def test_a_refused_command_writes_nothing(tmp_path):
    async with running(made(tmp_path, lamp={"path": "lamp", "low": 0, "high": 10})) as actuators:
        decision = await actuators.actuate("lamp", 11, owner="anna")
        assert (decision.accepted, decision.reason) == (False, "lamp: must be 0 to 10, not 11")
        assert (tmp_path / "lamp").read_text() == "0\n"


async def test_values_have_the_text_that_the_table_gives_them(tmp_path):
    table = {"path": "led", "text": {"true": "255", "false": "none"}}
    async with running(made(tmp_path, led=table)) as actuators:
        assert (tmp_path / "led").read_text() == "none\n"
        assert (await actuators.actuate("led", True, owner="anna")).confirmed is True
        assert (tmp_path / "led").read_text() == "255\n"


async def test_minimum_off_time_holds_across_a_restart(tmp_path):
    table = {"path": "pump", "min_off": "300ms"}
    async with running(made(tmp_path, pump=dict(table))) as actuators:
        await asyncio.sleep(0.31)
        assert (await actuators.actuate("pump", True, owner="anna")).accepted
    async with running(made(tmp_path, pump=dict(table))) as actuators:
        decision = await actuators.actuate("pump", True, owner="anna")
        assert not decision.accepted
        assert "min_off" in decision.reason


async def test_a_write_that_fails_is_a_refusal_and_is_made_safe_later(tmp_path):
    folder = tmp_path / "leds"
    folder.mkdir()
    async with running(made(tmp_path, led={"path": "leds/led"})) as actuators:
        (folder / "led").unlink()
        folder.rmdir()
        decision = await actuators.actuate("led", True, owner="anna")
        assert not decision.accepted
        assert decision.reason.startswith(f"led: {folder / 'led'}: No such file or directory; make it, ")
        assert "unknown" in (await actuators.actuate("led", True, owner="anna")).reason
        assert [(status.certain, status.errors) for status in actuators.status()] == [(False, 1)]
        folder.mkdir()
        await until(lambda: (folder / "led").exists() and actuators.status()[0].certain)
        assert (folder / "led").read_text() == "0\n"
        assert (await actuators.actuate("led", True, owner="anna")).accepted


async def test_a_thing_that_does_not_take_the_value_is_found_out_by_reading_back(tmp_path):
    """/dev/null takes everything and keeps nothing."""
    async with running(made(tmp_path, led={"path": os.devnull})) as actuators:
        assert actuators.status()[0].certain is False
    async with running(made(tmp_path, led={"path": os.devnull, "readback": False})) as actuators:
        decision = await actuators.actuate("led", True, owner="anna")
        assert decision.accepted
        assert decision.confirmed is None


class Stuck(File):
    """A file on a disk that does not answer before it is let go."""

    goes_on = threading.Event()

    def write(self, value):
        self.goes_on.wait(60)
        super().write(value)


async def test_a_write_that_hangs_holds_up_neither_the_loop_nor_the_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(file, "File", Stuck)
    led = build("led", {"driver": "file", "path": str(tmp_path / "led")})
    monkeypatch.undo()
    other = build("other", {"driver": "file", "path": str(tmp_path / "other")})
    actuators = Actuators({"led": led, "other": other})
    starting = asyncio.create_task(actuators.start())
    ticks = 0
    while not starting.done():
        await asyncio.sleep(0.01)
        ticks += 1
    assert ticks > 50
    assert {status.id: status.certain for status in actuators.status()} == {"led": False, "other": True}
    Stuck.goes_on.set()
    await actuators.stop()


async def test_a_pipe_that_nobody_reads_refuses_at_once_and_no_write_comes_later(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    actuators = made(tmp_path, led={"path": "pipe", "readback": False})
    await actuators.start()
    (status,) = actuators.status()
    assert not status.certain
    assert status.failure.startswith(f"{tmp_path / 'pipe'}: No such device or address"), status.failure
    with open(os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:  # noqa: ASYNC230
        assert not reader.read()
        decision = await actuators.actuate("led", True, owner="anna")
        assert not decision.accepted
        assert not reader.read(), "a command that was refused is not written"
        await actuators.stop()
        assert reader.read() == b"0\n"


async def test_an_interlock_works_through_the_shell_in_order(tmp_path):
    order = []
    tables = {"fan": {"path": "fan"}, "heater": {"path": "heater", "requires": ["fan"]}}
    async with running(made(tmp_path, order, **tables)) as actuators:
        assert not (await actuators.actuate("heater", True, owner="anna")).accepted
        await actuators.actuate("fan", True, owner="anna")
        await actuators.actuate("heater", True, owner="boris")
        order.clear()
        await actuators.actuate("fan", True, owner="anna", for_ns=1)
        await until(lambda: len(order) == 2)
        assert [(effect.actuator, effect.value) for effect, _ in order] == [("heater", False), ("fan", False)]


async def test_commands_at_the_same_time_are_decided_one_after_the_other(tmp_path):
    tables = {"up": {"path": "up", "excludes": ["down"]}, "down": {"path": "down"}}
    async with running(made(tmp_path, **tables)) as actuators:
        decisions = await asyncio.gather(
            *(actuators.actuate(name, True, owner=name) for name in ("up", "down") for _ in range(20))
        )
        on = {decision.actuator for decision in decisions if decision.accepted}
        assert len(on) == 1


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"led": {"driver": "file", "paht": "x"}}, 'actuator.led.paht: unknown key; did you mean "path"?'),
        ({"led": {"driver": "fil", "path": "x"}}, "actuator.led.driver: there is no driver 'fil'; did you mean"),
        ({"led": {"path": "x"}}, "actuator.led.driver: this key is required"),
        ({"led": {"driver": "file", "path": "x", "max_on": "5"}}, "actuator.led.max_on: '5' is not a duration"),
        ({"led": {"driver": "file", "path": "x", "low": 1}}, "actuator.led: low and high belong together"),
        ({"led": {"driver": "file", "path": "x", "risk": "high"}}, "actuator.led.risk: must be one of read, low"),
        ({"led": {"driver": "file", "path": "x", "requires": ["fn"]}}, "actuator.led.requires: there is no actuator"),
        (
            {"led": {"driver": "file", "path": "x", "text": {"true": "1", "false": "1"}}},
            "actuator.led.text: two values have the same text",
        ),
    ],
)
async def test_a_wrong_table_is_named(tmp_path, tables, says):
    with pytest.raises(InvalidError) as caught:
        Actuators.from_tables(tables, where="node.toml: ")
    assert str(caught.value).startswith(f"node.toml: {says}")


async def test_an_unknown_actuator_is_not_found(tmp_path):
    async with running(made(tmp_path, buzzer={"path": "buzzer"})) as actuators:
        with pytest.raises(NotFoundError, match='did you mean "buzzer"'):
            await actuators.actuate("buzer", True, owner="anna")


def test_capabilities_say_what_each_takes(tmp_path):
    actuators = made(tmp_path, lamp={"path": "a", "low": 0, "high": 1}, led={"path": "b", "risk": "confirm"})
    assert actuators.capabilities() == {
        "lamp": {"risk": "low", "low": 0, "high": 1},
        "led": {"risk": "confirm", "values": [False, True]},
    }
