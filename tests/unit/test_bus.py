# SPDX-License-Identifier: GPL-3.0-or-later
"""bus: one suite for the native core and its twin, and a programme of random calls that compares the two."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.bus import BACKENDS, Bus, Filter, Op, Statistic, Where, Window
from ganglion.errors import InvalidError, NotFoundError
from ganglion.event import Event, Priority


@pytest.fixture(params=["native", "python"])
def bus(request) -> Bus:
    return Bus(backend=request.param)


def heard(bus: Bus, filter: str, **options) -> list[Event]:
    """Subscribes, and returns the list that fills."""
    events: list[Event] = []
    bus.subscribe(filter, events.append, **options)
    return events


def feed(bus: Bus, *steps: tuple[int, object], topic: str = "t") -> None:
    for now, value in steps:
        bus.emit(topic, value, timestamp=now)


def test_an_event_reaches_whom_it_concerns_and_counts_them(bus):
    mine, others = heard(bus, "sensor/+/temperature"), heard(bus, "alert/#")
    emitted = bus.emit("sensor/kitchen/temperature", 21.5, timestamp=7, source="s", priority=Priority.HIGH)
    assert emitted == (1, 1, 0, 0, 1)
    assert mine == [Event("sensor/kitchen/temperature", 21.5, 7, "s", Priority.HIGH)]
    assert others == []


def test_higher_priority_goes_first_then_who_subscribed_first(bus):
    order: list[str] = []
    for name, priority in [("a", 1), ("b", 3), ("c", 1), ("d", 0)]:
        bus.subscribe("t", lambda event, name=name: order.append(name), priority=priority)
    bus.emit("t", 1, timestamp=0)
    assert order == ["b", "a", "c", "d"]


@pytest.mark.parametrize(
    ("where", "true", "false"),
    [
        (Where(op=Op.ABOVE, low=8), [8.1, math.inf, 10**400], [8, -1, math.nan, "9", None]),
        (Where(op=Op.BELOW, low=8), [7.9, -(10**400)], [8, math.nan, "1"]),
        (Where(op=Op.BETWEEN, low=1, high=2), [1, 1.5, 2], [0.9, 2.1, math.nan]),
        (Where(op=Op.OUTSIDE, low=1, high=2), [0.9, 2.1], [1, 2, math.nan]),
        (Where(op=Op.EQUALS, value=True), [True, 1, 1.0], [False, "True"]),
        (Where(op=Op.NOT_EQUALS, value=3), [2, "3", None], [3, 3.0]),
        (Where(op=Op.EQUALS, value="open"), ["open"], ["closed", 1, None]),
        (Where(op=Op.NOT_EQUALS, value="open"), ["closed", 1], ["open"]),
        (Where(op=Op.EQUALS, value=None), [None], [0, "", False]),
        (Where(op=Op.EQUALS, value=[1, {"a": 2}]), [[1, {"a": 2}]], [[1], {"a": 2}, 1]),
        (Where(op=Op.NOT_EQUALS, value={"a": [1]}), [{"a": [2]}, [1], "a", 0], [{"a": [1]}]),
    ],
)
def test_a_condition_is_true_of_these_values_and_false_of_those(bus, where, true, false):
    events = heard(bus, "t", where=where)
    feed(bus, *enumerate([*true, *false]))
    assert [event.value for event in events] == true


def test_an_edge_fires_on_becoming_true_and_again_below_the_hysteresis(bus):
    events = heard(bus, "t", where=Where(op=Op.ABOVE, low=8, edge=True, hysteresis=0.5))
    feed(bus, (1, 9), (2, 10), (3, 7.5), (4, 9), (5, 7.4), (6, 8.1))
    assert [event.timestamp for event in events] == [1, 6]


def test_a_lasting_condition_fires_when_its_time_has_passed_though_nothing_is_heard(bus):
    events = heard(bus, "t", where=Where(op=Op.ABOVE, low=8, edge=True, lasting=10))
    feed(bus, (100, 9), (105, 9.5))
    assert bus.deadline == 110
    assert bus.advance(109) == 0
    assert bus.advance(112) == 1
    assert events == [Event("t", 9.5, 110)]  # when it was due, whenever somebody looked
    assert bus.deadline is None


def test_a_break_starts_the_time_of_a_lasting_condition_anew(bus):
    events = heard(bus, "t", where=Where(op=Op.ABOVE, low=8, edge=True, lasting=10))
    feed(bus, (100, 9), (105, 7), (106, 9), (115, 9), (116, 9), (130, 9))
    assert [event.timestamp for event in events] == [116]


def test_a_cooldown_holds_back_what_comes_too_soon(bus):
    events = heard(bus, "t", where=Where(op=Op.ABOVE, low=8, cooldown=10))
    feed(bus, (0, 9), (9, 9), (10, 9), (19, 9), (20, 9))
    assert [event.timestamp for event in events] == [0, 10, 20]


def test_each_topic_has_a_state_of_its_own(bus):
    events = heard(bus, "+", where=Where(op=Op.ABOVE, low=8, edge=True))
    feed(bus, (1, 9), topic="a")
    feed(bus, (2, 9), topic="b")
    feed(bus, (3, 9), topic="a")
    assert [(event.topic, event.timestamp) for event in events] == [("a", 1), ("b", 2)]


def test_changes_are_changes_of_any_value_and_the_first_is_none(bus):
    events = heard(bus, "t", where=Where(op=Op.CHANGES))
    feed(bus, *enumerate(["a", "a", "b", 1, 1.0, None]))
    assert [event.value for event in events] == ["b", 1, None]


def test_a_map_that_changes_inside_is_a_change(bus):
    events = heard(bus, "t", where=Where(op=Op.CHANGES))
    feed(bus, *enumerate([{"a": 1}, {"a": 1}, {"a": 2}, 10**400, 10**400, math.nan, math.nan, "x"]))
    assert [event.timestamp for event in events] == [2, 3, 5, 7]


def test_a_change_is_seen_by_who_subscribed_before_the_value_that_it_changes(bus):
    feed(bus, (0, "a"))
    events = heard(bus, "t", where=Where(op=Op.CHANGES))
    feed(bus, (1, "b"), (2, "c"))
    assert [event.value for event in events] == ["c"]


def test_a_number_of_a_type_derived_from_float_or_int_is_a_number(bus):
    class Reading(float):
        pass

    events = heard(bus, "t", where=Where(op=Op.ABOVE, low=8))
    feed(bus, (1, Reading(9)), (2, Priority.URGENT), (3, Reading(7)))
    assert [event.timestamp for event in events] == [1]


def test_the_deadline_is_that_of_the_first_that_still_waits(bus):
    heard(bus, "+", where=Where(op=Op.ABOVE, low=8, edge=True, lasting=10))
    other = bus.subscribe("b", print, where=Where(op=Op.EQUALS, value="open", edge=True, lasting=5))
    feed(bus, (100, 9), topic="a")
    feed(bus, (102, "open"), topic="b")
    assert bus.deadline == 107
    other.close()
    assert bus.deadline == 110
    feed(bus, (108, 7), topic="a")
    assert bus.deadline is None
    assert bus.advance(200) == 0


def test_what_waits_together_is_told_by_due_time_then_priority_then_subscription(bus):
    order: list[str] = []
    for name, priority, lasting in [("a", 1, 10), ("b", 1, 9), ("c", 3, 10), ("d", 1, 10)]:
        where = Where(op=Op.ABOVE, low=8, edge=True, lasting=lasting)
        bus.subscribe("t", lambda event, name=name: order.append(name), where=where, priority=priority)
    feed(bus, (0, 9))
    assert bus.advance(10) == 4
    assert order == ["b", "c", "a", "d"]


def test_who_is_closed_by_a_callback_of_advance_is_not_told(bus):
    where = Where(op=Op.ABOVE, low=8, edge=True, lasting=10)
    bus.subscribe("t", lambda event: second.close(), where=where, priority=3)
    second = bus.subscribe("t", lambda event: pytest.fail("it was closed"), where=where)
    feed(bus, (0, 9))
    assert bus.advance(10) == 1


def test_a_callback_that_fails_in_advance_does_not_silence_the_others(bus):
    where = Where(op=Op.ABOVE, low=8, edge=True, lasting=10)
    failing = bus.subscribe("t", lambda event: 1 / 0, where=where, priority=3)
    events = heard(bus, "t", where=where)
    feed(bus, (0, 9))
    assert bus.advance(10) == 2
    assert len(events) == 1
    assert (failing.delivered, failing.failed, bus.statistics().failed) == (1, 1, 1)


def test_the_end_of_a_with_block_ends_the_subscription(bus):
    events: list[Event] = []
    with bus.subscribe("t", events.append) as subscription:
        feed(bus, (0, 1))
    feed(bus, (1, 2))
    subscription.close()
    assert [event.value for event in events] == [1]
    assert bus.statistics().subscriptions == 0


def test_a_topic_that_appears_after_the_subscription_matches(bus):
    events = heard(bus, "sensor/#")
    feed(bus, (0, 1), topic="sensor")
    feed(bus, (1, 1), topic="sensor/a/b")
    feed(bus, (2, 1), topic="other")
    assert [event.topic for event in events] == ["sensor", "sensor/a/b"]


@pytest.mark.parametrize("handle", [-1, 1, 2**31 - 1])
def test_a_handle_of_no_topic_is_refused(bus, handle):
    bus.topic("t")
    for value in (1.0, "x"):
        with pytest.raises(NotFoundError, match=f"handle {handle}"):
            bus.emit(handle, value, timestamp=0)
    assert bus.statistics().emitted == 0


def test_an_error_that_stops_the_process_is_not_held_back(bus):
    def stop(event: Event) -> None:
        raise KeyboardInterrupt

    bus.subscribe("t", stop)
    with pytest.raises(KeyboardInterrupt):
        bus.emit("t", 1, timestamp=0)


def test_a_lasting_condition_on_text_fires_too(bus):
    events = heard(bus, "t", where=Where(op=Op.EQUALS, value="open", edge=True, lasting=10))
    feed(bus, (0, "open"))
    assert bus.deadline == 10
    assert bus.advance(10) == 1
    assert [event.value for event in events] == ["open"]


def test_one_callback_that_fails_does_not_silence_the_others(bus, caplog):
    bus.subscribe("t", lambda event: 1 / 0, priority=3)
    events = heard(bus, "t")
    assert bus.emit("t", 1, timestamp=0) == (2, 2, 0, 1, 1)
    assert len(events) == 1
    assert bus.statistics().failed == 1
    assert "a subscriber of t failed" in caplog.text


def test_who_is_closed_in_a_callback_is_not_told_even_of_the_event_under_way(bus):
    second: list[Event] = []
    subscription = bus.subscribe("t", second.append)
    bus.subscribe("t", lambda event: subscription.close(), priority=3)
    assert bus.emit("t", 1, timestamp=0) == (2, 1, 0, 0, 1)
    assert second == []


def test_who_subscribes_in_a_callback_hears_from_the_next_event_on(bus):
    late: list[Event] = []
    closing = bus.subscribe("t", lambda event: None)

    def join(event: Event) -> None:
        if not late and closing.is_open:
            closing.close()  # its handle is free, and must not stand for the new one in the event under way
            bus.subscribe("t", late.append)

    bus.subscribe("t", join, priority=3)
    bus.emit("t", 1, timestamp=0)
    assert late == []
    bus.emit("t", 2, timestamp=1)
    assert [event.value for event in late] == [2]


def test_an_emit_in_a_callback_is_delivered_before_the_first_goes_on(bus):
    order: list[str] = []
    bus.subscribe("a", lambda event: bus.emit("b", 0, timestamp=0), priority=3)
    bus.subscribe("a", lambda event: order.append("a"))
    bus.subscribe("b", lambda event: order.append("b"))
    bus.emit("a", 0, timestamp=0)
    assert order == ["b", "a"]


def test_many_more_subscriptions_than_there_was_room_for(bus):
    every = [heard(bus, "t") for _ in range(100)]
    assert bus.emit("t", 1, timestamp=0).delivered == 100
    assert all(len(events) == 1 for events in every)


@pytest.mark.parametrize(
    "wrong",
    [
        {"op": Op.ABOVE},
        {"op": Op.ABOVE, "low": math.nan},
        {"op": Op.BETWEEN, "low": 2, "high": 1},
        {"op": Op.ABOVE, "low": 1, "hysteresis": -1},
        {"op": Op.ABOVE, "low": 1, "lasting": 5},
        {"op": Op.CHANGES, "edge": True},
        {"op": Op.ABOVE, "low": 1, "cooldown": -1},
        {"op": Op.ABOVE, "low": 1, "cooldown": 1.5},
        {"op": Op.ABOVE, "low": 1, "edge": True, "lasting": 2**63},
        {"op": Op.ABOVE, "low": 10**400},
        {"op": Op.EQUALS, "value": 10**400},
        {"op": Op.OUTSIDE, "low": 1, "high": 2, "hysteresis": 0.6},
        {"op": Op.MOVES},
        {"op": Op.MOVES, "low": -1},
        {"op": Op.MOVES, "low": 1, "edge": True},
        {"edge": True},
        {"op": Op.ABOVE, "low": 1, "edge": True, "debounce": 1},
        {"debounce": 1, "sample": 1},
        {"op": Op.CHANGES, "window": Window(statistic=Statistic.MEAN, count=2)},
        {"op": Op.EQUALS, "value": "x", "window": Window(statistic=Statistic.MEAN, count=2)},
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"needs|must|edge|contradict|a window is about numbers"):
        Where(**wrong)


@pytest.mark.parametrize("wrong", ["", "a/#/b", "a+"])
def test_what_is_no_filter_or_name_is_refused_by_name(bus, wrong):
    with pytest.raises(ValueError, match="is not a topic filter"):
        bus.subscribe(wrong, print)
    with pytest.raises(ValueError, match="is not a topic name"):
        bus.emit(wrong or "#", 1, timestamp=0)


values = st.sampled_from(
    [0.0, 7.4, 7.5, 7.8, 8.0, 8.1, 9.0, math.nan, True, 10**400, "open", "shut", None, [1], {"a": 1}]
)
windows = st.none() | st.builds(
    lambda statistic, count, span: Window(statistic=statistic, count=count, span=span),
    st.sampled_from(list(Statistic)),
    st.sampled_from([1, 2, 5]),
    st.sampled_from([0, 6]),
)


def condition(op, value, edge, hysteresis, waits, cooldown, window) -> Where:
    """One that makes sense, from parts that may not."""
    edge = edge and op not in (Op.ALWAYS, Op.CHANGES, Op.MOVES)
    symbolic = op in (Op.EQUALS, Op.NOT_EQUALS) and not isinstance(value, bool | float)
    lasting, debounce, sample = waits
    return Where(
        op=op,
        low=0.25 if op is Op.MOVES else 8.0,
        high=8.5,
        value=value,
        edge=edge,
        hysteresis=hysteresis,
        lasting=lasting if edge else 0,
        debounce=0 if edge else debounce,
        sample=0 if edge else sample,
        cooldown=cooldown,
        window=None if symbolic or op is Op.CHANGES else window,
    )


wheres = st.none() | st.builds(
    condition,
    st.sampled_from(list(Op)),
    st.sampled_from([8.0, True, "open", None, [1]]),
    st.booleans(),
    st.sampled_from([0.0, 0.25]),
    st.sampled_from([(0, 0, 0), (3, 4, 0), (10, 0, 5)]),
    st.sampled_from([0, 4]),
    windows,
)
topics = st.sampled_from(["a", "b", "b/c", "b/", "/c", "$x", "$x/c"])
filters = st.sampled_from(["a", "+", "#", "b/c", "+/c", "b/#", "+/+", "$x/#", "/+"])
# What a callback does when it is told; a number picks the subscription that it closes.
acts = st.none() | st.integers(0, 20) | topics | st.just("subscribe")
steps = st.one_of(
    st.tuples(st.just("subscribe"), filters, st.integers(0, 3), wheres, acts, st.sampled_from(["", "", "signal.*"])),
    st.tuples(st.just("typed"), topics),
    st.tuples(st.just("close"), st.integers(0, 20)),
    st.tuples(st.just("emit"), topics, values, st.integers(0, 5)),
    st.tuples(st.just("advance"), st.integers(0, 12)),
)


class Run:
    """A programme on one backend, and all that came out of it."""

    def __init__(self, backend: str) -> None:
        self.bus = Bus(backend=backend)
        self.now = 0
        self.depth = 0
        self.log: list[object] = []
        self.subscriptions = []

    def typed(self, topic) -> None:
        self.bus.topic(topic, type="signal.anomaly")

    def subscribe(self, filter, priority, where, act, type="") -> None:
        number = len(self.subscriptions)

        def told(event: Event) -> None:
            self.log.append((number, event.topic, repr(event.value), event.timestamp))
            self.act(act)

        self.subscriptions.append(self.bus.subscribe(filter, told, where=where, priority=priority, type=type))

    def act(self, act) -> None:
        if self.depth == 3:
            return
        self.depth += 1
        match act:
            case int():
                self.close(act)
            case "subscribe" if len(self.subscriptions) < 30:
                self.subscribe("#", 2, None, None)
            case str() if act != "subscribe":
                self.emit(act, 9.0, 0)
        self.depth -= 1

    def close(self, number) -> None:
        if self.subscriptions:
            self.subscriptions[number % len(self.subscriptions)].close()

    def emit(self, topic, value, elapsed) -> None:
        self.now += elapsed
        self.log.append(self.bus.emit(topic, value, timestamp=self.now))

    def advance(self, elapsed) -> None:
        self.now += elapsed
        self.log.append(self.bus.advance(self.now))

    def play(self, programme) -> list[object]:
        for name, *arguments in programme:
            getattr(self, name)(*arguments)
            self.log.append(self.bus.deadline)
        return [*self.log, self.bus.statistics()]


@settings(max_examples=300)
@given(st.lists(steps, max_size=40))
def test_the_native_core_and_its_twin_deliver_the_same_in_the_same_order(programme):
    assert Run("native").play(programme) == Run("python").play(programme)


def test_events_are_counted_by_topic_whoever_is_told(bus):
    bus.subscribe("plain", lambda event: None)
    bus.subscribe("asked", lambda event: None, where=Where(op=Op.ABOVE, low=1))
    hidden = bus.subscribe("asked", print, where=Where(op=Op.CHANGES), matching=Filter({"topic": "nobody"}))
    for i in range(5):
        bus.emit("plain", i, timestamp=i)
        bus.emit("asked", i, timestamp=i)
    bus.emit("none", 1, timestamp=9)
    assert [subscription.filter for subscription in bus.subscriptions()] == ["plain", "asked", "asked"]
    hidden.close()
    bus.emit("plain", 1, timestamp=10)
    assert [(topic.name, topic.emitted) for topic in bus.topics()] == [("plain", 6), ("asked", 5), ("none", 1)]
    assert [subscription.delivered for subscription in bus.subscriptions()] == [6, 3]


def test_a_callback_so_slow_that_what_waits_is_due_takes_nothing_away(bus):
    """It is kept for all who keep it before anybody is told."""
    told: list[Event] = []
    bus.subscribe("a", lambda event: bus.emit("b", 1, timestamp=event.timestamp + 100), priority=Priority.HIGH)
    bus.subscribe("a", told.append, where=Where(debounce=10))
    bus.emit("a", 1.0, timestamp=1)
    assert [(event.value, event.timestamp) for event in told] == [(1.0, 11)]
    assert bus.deadline is None


def test_what_changes_does_so_from_the_last_value_that_passed(bus):
    for matching in ({"value": {"$lt": 10}}, {"value": {"$lt": 10}, "topic": {"$regex": "."}}):
        told: list[Event] = []
        subscription = bus.subscribe("t", told.append, where=Where(op=Op.CHANGES), matching=Filter(matching))
        for value in (5, 20, 5, 6):
            bus.emit("t", value, timestamp=1)
        subscription.close()
        assert [event.value for event in told] == [6]


def test_what_is_emitted_once_more_behind_a_filter_is_counted_once(bus):
    """The core cannot decide a pattern, so the condition behind it has a topic of its own that nobody sees."""
    for _ in range(3):
        told: list[Event] = []
        where, matching = Where(op=Op.ABOVE, low=30), Filter({"topic": {"$regex": "."}})
        with bus.subscribe("t", told.append, where=where, matching=matching):
            assert bus.emit("t", 5, timestamp=1).delivered == 0
            assert bus.emit("t", 31, timestamp=1).delivered == 1
            assert bus.statistics().subscriptions == len(bus.subscriptions()) == 1
        assert len(told) == 1
    assert (bus.statistics().topics, bus.statistics().emitted, bus.statistics().delivered) == (1, 6, 3)
    assert bus.statistics().subscriptions == 0


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"timestamp": 2**63}, ValueError, "64 bits"),
        ({"timestamp": 1.5}, TypeError, "float"),
        ({"timestamp": 1, "priority": "high"}, TypeError, "str"),
    ],
)
def test_a_time_or_priority_that_is_none_is_refused_before_anything_is_counted(bus, arguments, error, says):
    topic = bus.topic("t")
    bus.queue("#")
    with pytest.raises(error, match=says):
        bus.emit(topic, 1.0, **arguments)
    assert bus.statistics().emitted == 0


def test_a_cooldown_lasts_when_the_clock_falls_from_the_end_of_time_to_its_beginning(bus):
    told: list[Event] = []
    bus.subscribe("t", told.append, where=Where(op=Op.ABOVE, low=0, cooldown=5))
    for time in (2**63 - 1, -(2**63)):
        bus.emit("t", 1, timestamp=time)
    assert len(told) == 1


def test_a_filter_that_is_too_large_for_the_core_is_refused_and_leaves_nothing():
    with pytest.raises(InvalidError, match="128 comparisons"):
        Filter({"$or": [{"value": {"$in": []}}] * 129})
    with pytest.raises(InvalidError, match="128 comparisons"):
        Filter({"$or": [{}] * 129})
    for backend in BACKENDS:
        Bus(backend=backend).subscribe("#", print, matching=Filter({"$or": [{"value": {"$in": []}}] * 128}))
