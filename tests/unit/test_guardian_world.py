# SPDX-License-Identifier: GPL-3.0-or-later
"""guardian: random owners, failures, crashes and clocks; somebody who sees the writes alone finds no limit broken."""

import asyncio
import logging
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from ganglion.guardian import Actuators, Rule
from ganglion.guardian.actuator import Actuator
from ganglion_micro.limits import DAY, Limits
from support.actuated import World

pytestmark = pytest.mark.untraced

S = 1_000_000_000
H = 3600 * S

#: A small house in which every limit and every lock is there at least once.
HOUSE = {
    "fan": Rule(limits=Limits(min_on=2 * S, min_off=3 * S, max_on=15 * S)),
    "heater": Rule(limits=Limits(min_on=9 * S, min_off=4 * S, max_on=12 * S), requires=("fan",)),
    "cooler": Rule(limits=Limits(min_on=6 * S, min_off=8 * S), requires=("fan",), excludes=("heater",)),
    "boost": Rule(limits=Limits(min_on=1 * S), requires=("heater",)),
    "valve": Rule(limits=Limits(safe=True, min_off=2 * S)),
    "lamp": Rule(limits=Limits(low=0, high=100, max_step=40, rate=20, max_on=30 * S)),
    "mode": Rule(limits=Limits(values=("off", "eco", "max"), min_on=3 * S), max_silence=6 * S),
    "drill": Rule(limits=Limits(min_on=2 * S, quiet=((22 * H, 7 * H), (13 * H, 14 * H)))),
    "stove": Rule(limits=Limits(min_on=9 * S), requires=("hood",)),
    "hood": Rule(limits=Limits(low=0, high=10, quiet=((22 * H, 7 * H),), quiet_max=3)),
    "vent": Rule(limits=Limits(low=0, high=10, min_on=4 * S, quiet=((22 * H, 7 * H),), quiet_max=3)),
}
#: Each machine has some of them, so that what is rare in a house is not rarer still.
ROOMS = {
    "heating": ("fan", "heater", "boost"),
    "air": ("fan", "heater", "cooler"),
    "light": ("lamp",),
    "water": ("valve", "mode"),
    "noise": ("drill", "vent"),
    "kitchen": ("stove", "hood"),
    "house": tuple(HOUSE),
}
VALUES = {
    "lamp": st.sampled_from([40, 80, 41, 60, 20, 100, 110, 0]) | st.floats(0, 100, allow_nan=False),
    "mode": st.sampled_from(["eco", "max", "off", "turbo"]),
    "vent": st.integers(0, 11),
    "hood": st.sampled_from([0, 2, 5, 9]),
}
ON = {"lamp": 40, "mode": "max", "vent": 9, "hood": 3}
SECONDS = st.sampled_from([1, 2, 3, 4, 5, 6, 8, 9, 12, 15, 30]) | st.floats(0, 20)
#: Where time goes on fastest to what matters: before, in and after quiet hours.
TIMES = st.sampled_from([-5, -1, 0, 1, 5]).flatmap(
    lambda s: st.sampled_from([22 * H, 7 * H, 13 * H, 14 * H]).map(lambda h: h + s * S)
)


class Thing:
    """One actuator of the world, as a process has it until it dies."""

    def __init__(self, process, name):
        self._process = process
        self._name = name
        self._told = None

    def write(self, value):
        self._told = value
        with self._process.alive() as alive:
            if alive:
                self._process.world.write(self._name, value)

    def read(self):
        return self._told if self._process.dead else self._process.world.values[self._name]

    def forget(self):
        """It knows nothing by heart."""

    def raw(self, value):
        return []


class Process:
    """A node: it may die before or after the effect of any write, and what it does then has no effect."""

    def __init__(self, world, memory, boot):
        self.world = world
        self.dead = False
        self.dies: int | None = None
        self._memory = memory
        self._left: bytes | None = None
        self.actuators = Actuators(
            {name: Actuator(name=name, driver=Thing(self, name), rule=each) for name, each in world.rules.items()},
            path=memory,
            monotonic=world.monotonic,
            day=world.day,
            boot=lambda: boot,
        )

    @contextmanager
    def alive(self):
        if not self.dead and self.dies == 0:
            self.die()
        try:
            yield not self.dead
        finally:
            if not self.dead and self.dies is not None:
                self.dies -= 2
                if self.dies < 0:
                    self.die()

    def die(self):
        self.dead = True
        self._left = self._memory.read_bytes() if self._memory.exists() else None

    def bury(self):
        """Nothing that it did after its death is there."""
        if self._left is not None:
            self._memory.write_bytes(self._left)
        else:
            self._memory.unlink(missing_ok=True)


class House(RuleBasedStateMachine):
    """Nothing of what the guardian says is believed but whether a command was accepted."""

    def __init__(self, room):
        super().__init__()
        self.rules = {name: HOUSE[name] for name in room}
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        self.memory = Path(self.folder.name, "actuators.json")

    @initialize(moved=st.booleans(), day=st.just(12 * H) | TIMES)
    def begin(self, moved, day):
        self.boots = 0
        self.world = World(self.rules)
        self.world.wall = (day - self.world.true) % DAY
        others = {"lamp": 55, "mode": "eco", "vent": 2, "hood": 7}
        for name in self.rules:
            limits = HOUSE[name].limits
            self.world.values[name] = others.get(name, not limits.off) if moved else limits.safe
        self.start()

    def teardown(self):
        if hasattr(self, "process"):
            self.world.phase = "stop"
            self.do(self.process.actuators.stop())
        self.loop.close()
        self.folder.cleanup()

    @precondition(lambda self: self.lives())
    @rule(
        data=st.data(),
        owner=st.sampled_from("aab"),
        priority=st.sampled_from([1, 1, 1, 0, 2, 3]),
        lasting=st.sampled_from([60, 60, 20, 5, 1, 0]),
        heartbeat=st.sampled_from([None, None, None, 2, 8]),
        pauses=st.lists(st.sampled_from([0, 0, 1, 2, 3, 4, 8, 9]), min_size=1, max_size=5),
    )
    def ask(self, data, owner, priority, lasting, heartbeat, pauses):
        for pause in pauses:
            if self.process.dead:
                return
            name = data.draw(st.sampled_from(list(self.rules)))
            # Mostly on: else the machine is seldom where an interlock matters
            value = data.draw(VALUES.get(name, st.sampled_from([True, True, False])))
            self.ask_one(name, value, owner, priority, lasting, heartbeat)
            self.wait(pause)

    @precondition(lambda self: self.lives())
    @rule(
        data=st.data(),
        rest=st.sampled_from([9, 0, 4, 1, 3]),
        pause=st.sampled_from([0, 0, 1, 5]),
        tries=st.sampled_from([10, 1]),
    )
    def bring_up(self, data, rest, pause, tries):
        """What is on only after others are, and at the right time: seldom found by chance."""
        name = data.draw(st.sampled_from(list(self.rules)))
        self.wait(rest)
        self.bring_up_to(name, tries)
        for other in self.rules:
            if not self.process.dead:
                self.wait(pause)
            self.insist(other, tries)

    def bring_up_to(self, name, tries):
        below = sorted(self.world.below(name), key=lambda other: len(self.world.below(other)))
        for each in [*below, name]:
            self.insist(each, tries)

    def insist(self, name, tries):
        """Has it go on as early as it may."""
        for _ in range(tries):
            if self.process.dead or self.world.is_on(name):
                return
            self.ask_one(name, ON.get(name, True), "a", 3, 60, None)
            if not self.process.dead and not self.world.is_on(name):
                self.wait(0.5)

    @precondition(lambda self: self.lives())
    @rule(
        data=st.data(),
        fault=st.sampled_from(["lost", "dies", "done", ""]),
        pause=st.sampled_from([0, 1, 3]),
        again=st.booleans(),
    )
    def off_and_on(self, data, fault, pause, again):
        """Between the two it is off for as short as it may be, whatever happens to the node meanwhile."""
        name = data.draw(st.sampled_from(list(self.rules)))
        self.wait(9)
        self.insist(name, 1)
        self.wait(9)
        if self.process.dead or HOUSE[name].limits.is_on(HOUSE[name].limits.safe):
            return
        if fault == "dies":
            self.process.dies = 0
        elif fault:
            self.world.faults[name] = fault
        self.ask_one(name, HOUSE[name].limits.safe, "a", 3, 60, None)
        if not self.process.dead:
            self.wait(pause)
        if again or self.process.dead:
            self.start_again(True, 1, "kept", data.draw(st.booleans()), True)
        self.insist(name, 20)

    @precondition(lambda self: self.lives())
    @rule(data=st.data(), fault=st.sampled_from(["lost", "done"]))
    def neglect(self, data, fault):
        """What must go off by itself does not at once."""
        name = data.draw(st.sampled_from(list(self.rules)))
        self.bring_up_to(name, 10)
        self.world.faults[name] = fault
        if not self.process.dead:
            self.wait(20)

    def ask_one(self, name, value, owner, priority, lasting, heartbeat):
        world, before = self.world, self.world.claim(name)
        had = world.values[name]
        decision = self.do(
            self.process.actuators.actuate(
                name,
                value,
                owner=owner,
                priority=priority,
                for_ns=lasting * S,
                heartbeat_ns=None if heartbeat is None else heartbeat * S,
            )
        )
        assert decision.accepted or decision.reason.startswith(f"{name}: ")
        if not decision.accepted or self.process.dead:
            return
        if before is not None and before[0] != owner and before[1] > priority:
            kept = had == before[2] and had != HOUSE[name].limits.safe  # else it was made safe, and nobody holds it
            assert not kept, f"{owner} took {name} from {before[0]}"
        demanded = [each for each in (heartbeat and heartbeat * S, HOUSE[name].max_silence) if each]
        world.claims[name] = [
            owner, priority, value, world.true + lasting * S, min(demanded, default=None), world.true
        ]  # fmt: skip
        assert world.values[name] == value

    @precondition(lambda self: self.lives())
    @rule(owner=st.sampled_from("abc"))
    def renew(self, owner):
        for name in self.do(self.process.actuators.renew(owner)):
            claim = self.world.claim(name)
            assert claim is not None, f"{owner} has no {name} to renew"
            assert claim[0] == owner
            claim[5] = self.world.true

    @precondition(lambda self: self.lives())
    @rule(seconds=SECONDS)
    def wait(self, seconds):
        end = self.world.true + int(seconds * S)
        while not self.process.dead:
            deadline = self.tick()
            if self.process.dead or deadline is None or deadline + self.world.booted > end:
                break
            self.world.true = max(self.world.true, deadline + self.world.booted)
        self.world.true = max(self.world.true, end)
        self.tick()

    @precondition(lambda self: self.lives())
    @rule(data=st.data(), fault=st.sampled_from(["lost", "done"]))
    def break_wire(self, data, fault):
        self.world.faults[data.draw(st.sampled_from(sorted(self.rules)))] = fault

    @precondition(lambda self: self.lives())
    @rule(day=st.sampled_from([12 * H, 12 * H, 12 * H, None]) | TIMES)
    def set_clock(self, day):
        self.world.wall = None if day is None else (day - self.world.true) % DAY
        self.world.stepped = self.world.true
        self.tick()

    @precondition(lambda self: self.lives())
    @rule(data=st.data(), hours=st.sampled_from([22, 13, 7, 14]), before=st.integers(1, 6))
    def wait_for_dusk(self, data, hours, before):
        """Shortly before quiet hours begin or end, something shall go on."""
        if self.world.wall is None:
            return
        self.wait(((hours * H - before * S - self.world.day()) % DAY) / S)
        for name in data.draw(st.permutations(list(self.rules)[:3])):
            if self.process.dead:
                return
            self.ask_one(name, ON.get(name, True), "a", 3, 60, None)
        if "hood" in self.rules and not self.process.dead:
            self.ask_one("hood", 9, "a", 3, 60, None)
        self.wait(before)

    @precondition(lambda self: self.lives())
    @rule(count=st.integers(0, 6), rare=st.integers(0, 3))
    def will_die(self, count, rare):
        if not rare:
            self.process.dies = count

    @rule(
        killed=st.booleans(),
        stopped_for=st.integers(0, 3),
        kept=st.sampled_from(["kept", "kept", "lost", "cut"]),
        rebooted=st.sampled_from([False, False, True]),
        watched=st.booleans(),
    )
    def start_again(self, killed, stopped_for, kept, rebooted, watched):
        if killed and not self.process.dead:
            self.process.die()
        self.world.phase = "stop"
        self.do(self.process.actuators.stop())
        if self.process.dead:
            self.process.bury()
            self.world.true += stopped_for * S // 2
            if watched:
                self.make_safe()
        self.world.true += stopped_for * S
        if kept == "lost":
            self.memory.unlink(missing_ok=True)
        elif kept == "cut" and self.memory.exists():
            self.memory.write_bytes(self.memory.read_bytes()[: self.memory.stat().st_size // 2])
        if rebooted:
            self.boots += 1
            self.world.booted = self.world.true - 1000 * S * self.boots  # the node may begin long after its machine
        self.start()

    @precondition(lambda self: not self.lives())
    @rule(stopped_for=st.integers(0, 3), watched=st.booleans())
    def start_dead_again(self, stopped_for, watched):
        self.start_again(True, stopped_for, "kept", False, watched)

    def lives(self):
        return hasattr(self, "process") and not self.process.dead

    def make_safe(self):
        """As the watchdog does."""
        order = sorted(self.rules, key=lambda name: -len(self.world.below(name)))
        for name in order:
            self.world.effect(name, HOUSE[name].limits.safe)

    def start(self):
        self.world.claims.clear()
        self.world.phase = "start"
        self.process = Process(self.world, self.memory, f"boot {self.boots}")
        self.do(self.process.actuators.start())
        self.world.phase = "run"
        self.tick()

    def tick(self):
        """Does what is due, until nothing is; then looks whether all is as it must be."""
        for _ in range(3 * len(HOUSE)):
            deadline = self.do(self.process.actuators.tick())
            if self.process.dead:
                return None
            if deadline is None or deadline > self.world.monotonic():
                break
        else:
            raise AssertionError("what is due stays undone")
        self.world.check_settled()
        return deadline

    def do(self, work):
        return self.loop.run_until_complete(work)


@pytest.fixture(autouse=True, scope="module")
def quiet():
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("room", ROOMS)
def test_no_limit_is_ever_broken(room):
    run_state_machine_as_test(
        lambda: House(ROOMS[room]),
        settings=settings(
            max_examples=15 if room == "house" else 50,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
