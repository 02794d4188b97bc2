# SPDX-License-Identifier: GPL-3.0-or-later
"""bus: queues, single events, batches, time and drains: the same comes out of the native core and of its twin."""

import gc
import weakref
from array import array

from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.bus import Bus, Filter, Op, Overflow, Queue, Statistic, Where, Window
from ganglion.errors import RefusedError
from ganglion.event import Event

TOPICS = ["a", "b", "c/d"]

topics = st.sampled_from(TOPICS)
wheres = st.sampled_from(
    [
        None,
        Where(op=Op.ABOVE, low=2),
        Where(op=Op.CHANGES),
        Where(sample=5),
        Where(op=Op.ABOVE, low=2, edge=True, lasting=3),
        Where(window=Window(statistic=Statistic.MEAN, count=2)),
    ]
)
matchings = st.sampled_from([None, None, {"value": {"$lt": 4}}, {"topic": {"$regex": "^[ab]"}}, {"source": "s"}])
values = st.sampled_from([0.0, 1.0, 2.5, 5.0, 5, True, "text", None])
#: What a callback does itself.
acts = st.one_of(
    st.none(),
    st.none(),
    st.tuples(st.just("close"), st.integers(0, 9)),
    st.tuples(st.just("emit"), topics, values, st.just(""), st.integers(0, 3)),
    st.tuples(st.just("emit_many"), st.lists(st.tuples(topics, st.just(3.0)), max_size=2), st.just(""), st.just(1)),
    st.tuples(st.just("subscribe"), st.sampled_from(["#", "b"]), wheres, st.none()),
    st.tuples(st.just("advance"), st.integers(0, 6)),
    st.tuples(st.just("fail")),
)
queues = st.tuples(
    st.just("queue"),
    st.sampled_from(["#", "+", "a", "c/#"]),
    st.integers(1, 3),
    st.sampled_from(list(Overflow)),
    wheres,
    matchings,
)
steps = st.one_of(
    queues,
    st.tuples(st.just("subscribe"), st.sampled_from(["#", "b"]), wheres, acts),
    st.tuples(st.just("close"), st.integers(0, 9)),
    st.tuples(st.just("emit"), topics, values, st.sampled_from(["", "s"]), st.integers(0, 3)),
    st.tuples(
        st.just("emit_many"),
        st.lists(st.tuples(topics, st.sampled_from([0.0, 1.0, 3.0, 5.0])), max_size=6),
        st.sampled_from(["", "s"]),
        st.integers(0, 3),
    ),
    st.tuples(st.just("advance"), st.integers(0, 6)),
    st.tuples(st.just("drain"), st.integers(0, 9)),
    st.tuples(st.just("take"), st.integers(0, 9)),
)


class Run:
    """A programme on one backend, and all that came out of it."""

    def __init__(self, backend: str) -> None:
        self.bus = Bus(backend=backend)
        self.now = 0
        self.depth = 0
        self.log: list[object] = []
        self.subscriptions = []
        self.queues: list[Queue] = []

    def queue(self, filter, capacity, overflow, where, matching) -> None:
        subscription, queue = self.bus.queue(
            filter,
            capacity=capacity,
            overflow=overflow,
            where=where,
            matching=None if matching is None else Filter(matching),
        )
        self.subscriptions.append(subscription)
        self.queues.append(queue)
        number = len(self.queues)
        queue.on_news = lambda: self.log.append(f"news of {number}") if len(queue) == 1 else None

    def subscribe(self, filter, where, act) -> None:
        def told(event: Event) -> None:
            self.log.append((event.topic, repr(event.value), event.timestamp))
            if act is not None and self.depth < 2:
                self.depth += 1
                try:
                    getattr(self, act[0])(*act[1:])
                finally:
                    self.depth -= 1

        self.subscriptions.append(self.bus.subscribe(filter, told, where=where))

    def fail(self) -> None:
        raise RuntimeError("broken")

    def close(self, number) -> None:
        if self.subscriptions:
            self.subscriptions[number % len(self.subscriptions)].close()

    def emit(self, topic, value, source, priority) -> None:
        self.now += 1
        self.log.append(self.bus.emit(topic, value, timestamp=self.now, source=source, priority=priority))

    def emit_many(self, events, source, priority) -> None:
        handles = array("i", [self.bus.topic(topic) for topic, _ in events])
        numbers = array("d", [number for _, number in events])
        times = array("q", range(self.now + 1, self.now + 1 + len(events)))
        self.now += len(events)
        self.log.append(self.bus.emit_many(handles, numbers, times, source=source, priority=priority))

    def advance(self, elapsed) -> None:
        self.now += elapsed
        self.log.append(self.bus.advance(self.now))

    def drain(self, number) -> None:
        if self.queues:
            self.log.append([self.said(each) for each in self.queues[number % len(self.queues)].drain()])

    def take(self, number) -> None:
        if self.queues:
            self.log.append(self.said(self.queues[number % len(self.queues)].take()))

    def said(self, event: Event | None) -> object:
        return event and (event.topic, repr(event.value), event.timestamp, event.source, int(event.priority))

    def play(self, programme) -> list[object]:
        for name, *arguments in programme:
            try:
                getattr(self, name)(*arguments)
            except RefusedError as error:
                self.log.append(str(error))
            self.log.append([(len(queue), queue.is_full, queue.is_closed) for queue in self.queues])
        for number in range(len(self.queues)):
            self.log.append(self.queues[number].statistics())
            self.drain(number)
        self.log += [(each.delivered, each.failed) for each in self.subscriptions]
        return [*self.log, self.bus.statistics()]


@settings(max_examples=500)
@given(st.lists(queues, max_size=3), st.lists(steps, max_size=30))
def test_queues_batches_and_drains_are_the_same_on_both_cores(first, steps):
    programme = [*first, *steps]
    native, twin = Run("native"), Run("python")
    news = "news of"
    ours, theirs = native.play(programme), twin.play(programme)
    # A batch says its news once, at the end; whether somebody is told at all must not differ.
    assert [each for each in ours if not str(each).startswith(news)] == [
        each for each in theirs if not str(each).startswith(news)
    ]


class Value:
    """One that can be seen to go."""


def test_no_event_is_held_that_nobody_can_take_any_more():
    bus = Bus(backend="native")
    closed, left = bus.queue("#", capacity=3)
    _, queue = bus.queue("#", capacity=2, overflow=Overflow.LATEST)
    values = [Value() for _ in range(100)]
    seen = [weakref.ref(value) for value in values]
    for number, value in enumerate(values):
        bus.emit(f"t/{number % 3}", value, timestamp=number)
    closed.close()
    del values, value
    gc.collect()
    assert [ref() is not None for ref in seen] == [False] * 97 + [True] * 3
    assert [event.value for event in queue.drain()] == [ref() for ref in seen[-2:]]
    left.drain()
    gc.collect()
    assert not any(ref() for ref in seen)
