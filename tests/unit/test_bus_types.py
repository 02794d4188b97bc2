# SPDX-License-Identifier: GPL-3.0-or-later
"""bus: types of events, and filters of types that are live."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.bus import Bus, Filter, Op, Where
from ganglion.bus.taxonomy import BRANCHES, filter_levels, levels
from ganglion_micro.topic import matches

TEMPERATURE = "signal.input.external.environment.temperature"
LEVEL = "signal.input.external.audio.level"


@pytest.fixture(params=["native", "python"])
def bus(request) -> Bus:
    return Bus(backend=request.param, clock=lambda: 0)


@pytest.mark.parametrize(
    ("filter", "heard"),
    [
        (TEMPERATURE, [1]),
        ("signal.input.external.*", [1, 2]),
        ("signal.input.*.environment.*", [1]),
        ("signal.input.external.*.temperature", [1]),
        ("signal.input.external.environment", []),
        ("signal.anomaly.*", []),
        ("*", [1, 2]),
        ("", [1, 2, 3]),
    ],
)
def test_who_asks_for_a_type_hears_of_topics_that_have_it(bus, filter, heard):
    values: list[int] = []
    bus.subscribe("#", lambda event: values.append(event.value), type=filter)
    for i, type in enumerate([TEMPERATURE, LEVEL, ""], 1):
        bus.emit(bus.topic(f"topic/{i}", type=type), i)
    assert values == heard


def test_a_topic_that_gets_its_type_later_matches_then(bus):
    values: list[float] = []
    topic = bus.topic("sensor/a/t")
    subscription = bus.subscribe("sensor/#", lambda event: values.append(event.value), type="signal.input.*")
    bus.emit(topic, 1.0)
    assert bus.topic("sensor/a/t", type=TEMPERATURE) == topic
    assert bus.emit(topic, 2.0).matched == 1
    subscription.close()
    bus.subscribe("sensor/#", lambda event: values.append(-event.value))  # in the same place, of any type
    bus.emit("sensor/b/t", 3.0)
    assert values == [2.0, -3.0]
    assert (bus.type(topic), bus.type(bus.topic("sensor/b/t"))) == (TEMPERATURE, "")


def test_a_dot_is_a_boundary(bus):
    bus.subscribe("#", lambda event: pytest.fail("not that type"), type="signal.input.external.audio.*")
    bus.emit(bus.topic("a", type="signal.input.external.audio"), 1.0)  # below, not itself
    with pytest.raises(ValueError, match=r"did you mean 'signal.input.external.audio'\?"):
        bus.topic("b", type="signal.input.external.audiox")


def test_a_type_goes_with_a_condition_behind_a_filter(bus):
    values: list[object] = []
    where, matching = Where(op=Op.ABOVE, low=1, edge=True), Filter({"topic": {"$regex": "x$"}})
    bus.subscribe(
        "#", lambda event: values.append(event.value), where=where, matching=matching, type="signal.anomaly.*"
    )
    for topic, type in [("ax", ""), ("bx", "signal.anomaly.spike"), ("c", "signal.anomaly.spike")]:
        bus.emit(bus.topic(topic, type=type), 2.0)
    assert values == [2.0]


def test_a_topic_has_one_type(bus):
    bus.topic("t", type=LEVEL)
    assert bus.topic("t", type=LEVEL) == bus.topic("t") == 0
    with pytest.raises(ValueError, match="the events of t are of the type"):
        bus.topic("t", type=TEMPERATURE)


@pytest.mark.parametrize(
    "wrong", ["signal", "Signal.anomaly", "signal.anomaly.", "signal..anomaly", "signal.anomaly.*"]
)
def test_what_is_no_type_is_refused(bus, wrong):
    with pytest.raises(ValueError, match=r"is not a type of events|is on no branch"):
        bus.topic("t", type=wrong)


@pytest.mark.parametrize(
    "wrong", ["signals.*", "signal.output.*", "signal.input", "signal.*x", "*.anomaly.#", ".", "x"]
)
def test_what_no_type_can_match_is_refused_as_a_filter(bus, wrong):
    with pytest.raises(ValueError, match=r"is not a filter of types|is on no branch"):
        bus.subscribe("#", print, type=wrong)
    assert bus.subscriptions() == []


words = st.sampled_from(["a", "b", "temperature", "x_1"])
types = st.builds(
    lambda branch, rest: ".".join([branch, *rest]), st.sampled_from(BRANCHES), st.lists(words, max_size=3)
)


@given(types, st.data())
def test_a_type_matches_the_filters_that_are_made_of_it(type, data):
    parts = type.split(".")
    cut = data.draw(st.integers(0, len(parts)))
    stars = data.draw(st.lists(st.booleans(), min_size=cut, max_size=cut))
    words = ["*" if star else part for star, part in zip(stars, parts[:cut], strict=True)]
    if cut == len(parts):
        assert matches(filter_levels(".".join(words)), levels(type))
    else:
        assert matches(filter_levels(".".join([*words, "*"])), levels(type))
        assert not matches(filter_levels(".".join([*parts, "*"])), levels(type))
