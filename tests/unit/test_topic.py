# SPDX-License-Identifier: GPL-3.0-or-later
"""topic: names and filters as MQTT 3.1.1 section 4.7 has them, in C and in Python."""

import pytest
from ganglion._native import lib
from hypothesis import given
from hypothesis import strategies as st

from ganglion.bus import Bus
from ganglion_micro import topic as twin


def native(filter: str, topic: str) -> bool:
    wanted, name = filter.encode(), topic.encode()
    return bool(lib.gg_topic_matches(wanted, len(wanted), name, len(name)))


# The examples of section 4.7, and its awkward cases.
EXAMPLES = [
    ("sport/tennis/player1/#", "sport/tennis/player1", True),
    ("sport/tennis/player1/#", "sport/tennis/player1/ranking", True),
    ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
    ("sport/#", "sport", True),
    ("#", "sport", True),
    ("sport/tennis/+", "sport/tennis/player1", True),
    ("sport/tennis/+", "sport/tennis/player1/ranking", False),
    ("sport/+", "sport", False),
    ("sport/+", "sport/", True),
    ("+/+", "/finance", True),
    ("/+", "/finance", True),
    ("+", "/finance", False),
    ("#", "$SYS/monitor/Clients", False),
    ("+/monitor/Clients", "$SYS/monitor/Clients", False),
    ("$SYS/#", "$SYS/monitor/Clients", True),
    ("$SYS/monitor/+", "$SYS/monitor/Clients", True),
    ("a//b", "a//b", True),
    ("a/+/b", "a//b", True),
    ("a/b", "a/bc", False),
    ("a/bc", "a/b", False),
    ("ACCOUNTS", "Accounts", False),
    ("+/#", "a", True),
    ("/", "/", True),
]


@pytest.mark.parametrize("matches", [native, twin.matches], ids=["native", "python"])
@pytest.mark.parametrize(("filter", "topic", "wanted"), EXAMPLES)
def test_a_filter_matches_as_the_standard_says(matches, filter, topic, wanted):
    assert matches(filter, topic) is wanted


@pytest.mark.parametrize(
    "filter", ["sport/tennis#", "sport/#/ranking", "sport+", "", "a/#b", "a\0", "x" * 65536, "\udfff"]
)
def test_these_are_no_filters(filter):
    assert not twin.is_filter(filter)


@pytest.mark.parametrize("name", ["", "a/+", "#", "a\0b", "x" * 65536, "half a pair: \ud800"])
def test_these_are_no_names(name):
    assert not twin.is_name(name)


levels = st.sampled_from(["", "a", "b", "ab", "$SYS", "ä"])
names = st.lists(levels, min_size=1, max_size=5).map("/".join).filter(bool)
filters = (
    st.tuples(st.lists(levels | st.just("+"), min_size=1, max_size=5), st.sampled_from([[], ["#"]]))
    .map(lambda parts: "/".join(parts[0] + parts[1]))
    .filter(bool)
)


@given(filters, names)
def test_both_cores_agree(filter, name):
    assert twin.is_filter(filter)
    assert twin.is_name(name)
    assert native(filter, name) is twin.matches(filter, name)


@pytest.mark.parametrize("backend", ["native", "python"])
@given(st.lists(filters, max_size=30), st.lists(names, min_size=1, max_size=5), st.data())
def test_the_tree_of_many_filters_matches_as_one_filter_at_a_time(backend, every, topics, data):
    bus = Bus(backend=backend)
    standing = [bus.subscribe(filter, lambda event: None) for filter in every]
    while True:
        for topic in topics:
            matched = bus.emit(topic, 1.0, timestamp=0).matched
            assert matched == sum(twin.matches(each.filter, topic) for each in standing)
        if not standing:
            break
        standing.pop(data.draw(st.integers(0, len(standing) - 1))).close()


def test_a_topic_of_as_many_levels_as_there_can_be_is_matched():
    deep = "/".join("a" * 32768)
    for backend in ("native", "python"):
        bus = Bus(backend=backend)
        for filter in (deep, deep.replace("a", "+"), "#", deep[:-1] + "#", deep[:-1] + "b"):
            bus.subscribe(filter, lambda event: None)
        assert bus.emit(deep, 1.0, timestamp=0).matched == 4
