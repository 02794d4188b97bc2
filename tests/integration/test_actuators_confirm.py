# SPDX-License-Identifier: GPL-3.0-or-later
"""guardian: things that take their time, callers that are cancelled meanwhile, and hands that move what is told."""

import asyncio
import contextlib
import os
import threading
from contextlib import asynccontextmanager

import pytest

from ganglion.guardian import Actuators, Rule, times
from ganglion.guardian.actuator import Actuator
from ganglion.guardian.file import File
from ganglion_micro.limits import Limits
from support.waiting import until

MS = 1_000_000
MINUTE = 60_000 * MS


class Valve:
    """Takes what it is told, and shows it once it has moved; it moves at once unless it is held."""

    def __init__(self):
        self.free, self.reachable = threading.Event(), threading.Event()
        self.free.set()
        self.reachable.set()
        self.told, self.broken = [], False
        self._shows = False

    def write(self, value):
        self.told.append(value)
        self.reachable.wait()
        if self.broken:
            raise OSError("the wire is cut")

    def read(self):
        if self.free.is_set():
            self._shows = self.told[-1]
        return self._shows


@asynccontextmanager
async def running(path=None, limits=None, **drivers):
    rules = {name: Rule(limits=limits or Limits()) for name in drivers}
    if "up" in rules:
        rules["up"] = Rule(limits=Limits(), excludes=("down",))
    made = {name: Actuator(name=name, driver=driver, rule=rules[name]) for name, driver in drivers.items()}
    actuators = Actuators(made, path=path)
    await actuators.start()
    task = asyncio.create_task(actuators.run())
    try:
        yield actuators
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await actuators.stop()


async def told(valve, value):
    await until(lambda: valve.told[-1] is value)


def slowly(actuators, name, value, within=MINUTE, **more):
    return asyncio.create_task(actuators.actuate(name, value, owner="anna", within_ns=within, **more))


async def cancelled(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_takes_its_time_holds_up_no_other(tmp_path):
    slow, heater = Valve(), tmp_path / "heater"
    async with running(slow=slow, heater=File(heater, {})) as actuators:
        slow.free.clear()
        confirming = slowly(actuators, "slow", True)
        await told(slow, True)
        assert (await actuators.actuate("heater", True, owner="anna", for_ns=50 * MS)).accepted
        await until(lambda: heater.read_text() == "0\n", what="the heater's command expires")
        assert not confirming.done()
        slow.free.set()
        decision = await confirming
        assert (decision.accepted, decision.confirmed, decision.value) == (True, True, True)


async def test_its_own_end_comes_though_it_is_not_seen_yet():
    slow = Valve()
    async with running(slow=slow) as actuators:
        slow.free.clear()
        decision = await slowly(actuators, "slow", True, for_ns=50 * MS)
        assert not decision.accepted
        assert decision.reason == "slow: it was told something else before it showed True"
        assert slow.told[-1] is False
        assert actuators.status()[0].certain


async def test_the_stop_makes_safe_what_is_not_seen_yet():
    slow = Valve()
    async with running(slow=slow) as actuators:
        slow.free.clear()
        confirming = slowly(actuators, "slow", True)
        await told(slow, True)
        await actuators.stop()
        assert slow.told[-1] is False
        assert (await confirming).reason == "slow: it was told something else before it showed True"


async def test_what_is_never_seen_is_a_refusal_and_made_safe():
    slow = Valve()
    async with running(slow=slow) as actuators:
        slow.free.clear()
        decision = await slowly(actuators, "slow", True, within=50 * MS)
        assert (decision.accepted, decision.confirmed) == (False, False)
        assert decision.reason == "slow: it reads back False after True was written"
        assert not actuators.status()[0].certain
        await until(lambda: actuators.status()[0].certain)
        assert slow.told[-1] is False


async def test_nothing_begins_beside_what_is_not_seen_yet():
    up, down = Valve(), Valve()
    async with running(up=up, down=down) as actuators:
        await actuators.actuate("up", True, owner="anna")
        up.free.clear()
        stopping = slowly(actuators, "up", False)
        await told(up, False)
        decision = await actuators.actuate("down", True, owner="anna")
        assert (decision.accepted, decision.reason) == (False, "down: it may not be on while up is")
        up.free.set()
        assert (await stopping).accepted
        assert (await actuators.actuate("down", True, owner="anna")).accepted


async def test_two_may_wait_for_the_same():
    slow = Valve()
    async with running(slow=slow) as actuators:
        slow.free.clear()
        first = slowly(actuators, "slow", True)
        await told(slow, True)
        second = slowly(actuators, "slow", True)
        await asyncio.sleep(0.05)
        slow.free.set()
        assert [each.confirmed for each in await asyncio.gather(first, second)] == [True, True]
        assert slow.told == [False, True]


async def test_cancelled_while_the_times_are_saved_it_is_written_nonetheless(tmp_path, monkeypatch):
    monkeypatch.setattr(times, "_PATIENCE", 60)
    draft = tmp_path / f".times.json.{os.getpid()}"
    pump, path = tmp_path / "pump", tmp_path / "times.json"
    async with running(path, Limits(min_on=1), pump=File(pump, {})) as actuators:
        os.mkfifo(draft)  # whoever opens it for writing waits for a reader
        asking = asyncio.create_task(actuators.actuate("pump", True, owner="anna"))
        await until(lambda: actuators.value("pump") is True)
        await cancelled(asking)
        assert pump.read_text() == "0\n"
        with draft.open("rb"):  # a writer waits, so this returns at once
            await until(lambda: pump.read_text() == "1\n", what="what the guardian says is so")
        draft.unlink(missing_ok=True)


async def test_cancelled_while_it_waits_its_turn_it_does_nothing():
    first, second = Valve(), Valve()
    async with running(first=first, second=second) as actuators:
        first.reachable.clear()
        holding = asyncio.create_task(actuators.actuate("first", True, owner="anna"))
        await told(first, True)
        waiting = asyncio.create_task(actuators.actuate("second", True, owner="anna"))
        await asyncio.sleep(0.02)
        await cancelled(waiting)
        first.reachable.set()
        assert (await holding).accepted
        assert (await actuators.actuate("second", False, owner="boris")).changed is False
        assert second.told == [False]


async def test_cancelled_while_it_is_confirmed_it_leaves_the_way_free():
    slow = Valve()
    async with running(slow=slow) as actuators:
        slow.free.clear()
        confirming = slowly(actuators, "slow", True)
        await told(slow, True)
        await cancelled(confirming)
        decision = await actuators.actuate("slow", False, owner="anna")
        assert (decision.accepted, decision.changed, decision.confirmed) == (True, True, True)
        assert slow.told == [False, True, False]


async def test_cancelled_the_guardian_hears_all_the_same_that_it_is_not_seen():
    slow = Valve()
    async with running(slow=slow) as actuators:
        slow.free.clear()
        confirming = slowly(actuators, "slow", True, within=100 * MS)
        await told(slow, True)
        await cancelled(confirming)
        await until(lambda: not actuators.status()[0].certain)


async def test_cancelled_the_guardian_hears_of_a_write_that_fails():
    valve = Valve()
    async with running(valve=valve) as actuators:
        valve.reachable.clear()
        asking = asyncio.create_task(actuators.actuate("valve", True, owner="anna"))
        await told(valve, True)
        await cancelled(asking)
        valve.broken = True
        valve.reachable.set()
        await until(lambda: actuators.status()[0].errors == 1)
        assert not actuators.status()[0].certain
        valve.broken = False


async def test_what_a_hand_has_moved_is_written_again(tmp_path):
    heater = tmp_path / "heater"
    async with running(heater=File(heater, {})) as actuators:
        await actuators.actuate("heater", True, owner="anna")
        heater.write_text("0\n")
        decision = await slowly(actuators, "heater", True, within=100 * MS)
        assert (decision.accepted, decision.changed, decision.confirmed) == (True, False, True)
        assert heater.read_text() == "1\n"


async def test_what_it_has_already_is_confirmed_and_not_written_again():
    valve = Valve()
    async with running(valve=valve) as actuators:
        await actuators.actuate("valve", True, owner="anna")
        assert (await slowly(actuators, "valve", True)).confirmed is True
        assert valve.told == [False, True]


async def test_what_cannot_be_read_is_not_confirmed_by_asking_twice(tmp_path):
    async with running(blind=File(tmp_path / "blind", {}, readback=False)) as actuators:
        await actuators.actuate("blind", True, owner="anna")
        decision = await slowly(actuators, "blind", True)
        assert decision.reason == "blind: it cannot be read back, so nothing confirms that it happened"
        assert not decision.accepted
