# SPDX-License-Identifier: GPL-3.0-or-later
"""bus.filter: the filter language for events, against a reading of it that is as plain as can be."""

import json
import math
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.bus.filter import MAX_DEPTH, MAX_TESTS, Filter
from ganglion.errors import InvalidError
from ganglion.event import Event
from support.filters import events, filters, scalars

FRIDGE = Event("sensor/fridge/state", {"door": "open", "temps": [4.5, 8.25], "fan": True}, 1_700_000_000, "fridge", 2)


def event(value: object, **fields) -> Event:
    return Event("t", value, 7)._replace(**fields)


@pytest.mark.parametrize(
    ("source", "passing", "others"),
    [
        ({}, [event(1), event(None)], []),
        ({"value": 8}, [event(8), event(8.0)], [event(9), event("8"), event(None)]),
        ({"value": True}, [event(True), event(1)], [event(False), event("true")]),
        ({"value": None}, [event(None)], [event(0), event("")]),
        ({"value": {"$ne": 8}}, [event(9), event("8"), event(math.nan)], [event(8)]),
        (
            {"value": {"$gt": 8, "$lte": 40}},
            [event(8.1), event(40)],
            [event(8), event(41), event("9"), event(math.nan)],
        ),
        ({"value": {"$lt": "m"}}, [event("a"), event("")], [event("m"), event(1), event(["a"])]),
        ({"value": {"$gte": 2**53 + 1}}, [event(2**53 + 1)], [event(2**53)]),
        ({"value": {"$in": [1, "a", None]}}, [event(1.0), event("a"), event(None)], [event(2), event("1")]),
        ({"value": {"$nin": [1, "a"]}}, [event(2), event(math.nan)], [event(1), event("a")]),
        ({"value": {"$contains": "pen"}}, [event("open"), event(["pen"])], [event("shut"), event(["open"]), event(1)]),
        ({"value": {"$contains": 1}}, [event([2, 1])], [event("1"), event([2]), event(1)]),
        ({"value": {"$regex": "^fr.dge$"}}, [event("fridge")], [event("the fridge"), event(1), event("x" * 5000)]),
        ({"value": {"$not": {"$gt": 3}}}, [event(3), event("x")], [event(4)]),
        (
            {"value": {"$bitsAllSet": 5}},
            [event(5), event(7.0), event(2**53 - 1)],
            [event(4), event(5.5), event(-1), event(2**53 + 5), event("5"), event(math.nan), event(math.inf)],
        ),
        ({"value.flags": {"$bitsAnySet": 6}}, [event({"flags": 2})], [event({"flags": 1}), event(6), event({})]),
        ({"$not": {"value": 3}}, [event(4)], [event(3)]),
        ({"$or": [{"value": 1}, {"source": "s"}]}, [event(1), event(2, source="s")], [event(2)]),
        ({"$and": [{"value": 1}, {"source": "s"}]}, [event(1, source="s")], [event(1), event(2, source="s")]),
        ({"topic": {"$regex": "^t"}, "priority": {"$gte": 2}}, [event(0, priority=3)], [event(0), event(0, topic="x")]),
        ({"timestamp": {"$gte": 7}}, [event(0)], [event(0, timestamp=6)]),
        ({"value.door": "open", "value.temps.1": {"$gt": 8}}, [FRIDGE], [event({"door": "open"}), event(3)]),
        ({"value.fan": 1}, [FRIDGE], [event({})]),
        ({"value.lid": {"$exists": False}}, [FRIDGE, event(3)], [event({"lid": None})]),
        ({"value.lid": {"$exists": True}}, [event({"lid": None})], [FRIDGE]),
        ({"value.lid": {"$ne": 1}}, [FRIDGE, event({"lid": 2})], [event({"lid": 1})]),
        ({"value.temps.9": {"$nin": [1]}, "value.temps.x": {"$exists": False}}, [FRIDGE], []),
        ({"value.temps.-1": {"$exists": True}}, [], [FRIDGE]),
        ({"value.temps.²": {"$exists": True}}, [], [FRIDGE]),
        ({f"value.temps.{'0' * 5000}": {"$exists": True}}, [], [FRIDGE]),
        ({"value": {"$regex": "a{²}"}}, [event("a{²}")], [event("aa")]),
    ],
)
def test_what_passes_and_what_does_not(source, passing, others):
    filter = Filter(source)
    assert [each for each in passing if not filter.passes(each)] == []
    assert [each for each in others if filter.passes(each)] == []


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ([], "where: a filter is a map of fields, not []"),
        ({"vale": 3}, "where.vale: an event has no field 'vale'; did you mean \"value\"?"),
        ({"value": {"$gtt": 3}}, "where.value.$gtt: there is no operator '$gtt'; did you mean \"$gt\"?"),
        ({"value": {"gt": 3}}, "where.value.gt: there is no operator 'gt'; did you mean \"$gt\"?"),
        ({"$xor": []}, "where.$xor: '$xor' joins no filters; did you mean \"$or\"?"),
        ({"$gt": 3}, "where.$gt: '$gt' joins no filters; it belongs inside of a field"),
        ({"$or": []}, "where.$or: takes a list of at least one filter, not []"),
        ({"$or": [{}, 3]}, "where.$or[1]: a filter is a map of fields, not 3"),
        ({"value": {}}, 'where.value: has no operator: write {"$exists": true} for any value'),
        ({"value": {"$gt": True}}, "where.value.$gt: takes a number or a text, not True"),
        ({"value": {"$lt": None}}, "where.value.$lt: takes a number or a text, not None"),
        ({"value": {"$in": "abc"}}, "where.value.$in: takes a list, not 'abc'"),
        ({"value": {"$exists": 1}}, "where.value.$exists: takes true or false, not 1"),
        ({"value": {"$regex": "(a"}}, "where.value.$regex: cannot be read: the bracket at 1 is not closed"),
        ({"value": {"$regex": 3}}, "where.value.$regex: takes a pattern, which is a text, not 3"),
        ({"priority": "high"}, "where.priority: takes a number for this field, not 'high'"),
        ({"timestamp": {"$in": [1, "x"]}}, "where.timestamp.$in: takes a number for this field, not 'x'"),
        ({"topic": {"$gt": 5}}, "where.topic.$gt: takes a text for this field, not 5"),
        ({"source": None}, "where.source: takes a text for this field, not None"),
        ({"topic": {"$bitsAllSet": 5}}, "where.topic.$bitsAllSet: is no question to a text"),
        ({"priority": {"$regex": "5"}}, "where.priority.$regex: is no question to a number"),
        ({"value": date(2026, 1, 1)}, "where.value: takes a value of JSON, not datetime.date(2026, 1, 1)"),
        ({"value": {"$regex": "\\x-1"}}, "where.value.$regex: cannot be read: \\x at 1 needs 2 hexadecimal digits"),
        ({"value": {"$regex": "\\u+123"}}, "where.value.$regex: cannot be read: \\u at 1 needs 4 hexadecimal digits"),
        ({"value": {"$bitsAnySet": -1}}, "where.value.$bitsAnySet: takes a whole number from 0 to 2^53"),
        ({"value": {"$bitsAllSet": 2.5}}, "where.value.$bitsAllSet: takes a whole number from 0 to 2^53"),
        ({"value": {"$eq": math.inf}}, "where.value.$eq: takes a finite number"),
        ({"value": {"$not": 3}}, "where.value.$not: takes a map of operators, not 3"),
        ({"priority.x": 3}, "where.priority.x: there is nothing inside of 'priority': only a value has parts"),
        ({"value..x": 3}, "where.value..x: there is a name missing beside a dot"),
        ({3: 3}, "where.3: a field is a text, not 3"),
        (
            {"value": {"$in": list(range(MAX_TESTS + 1))}},
            f"where.value.$in: a filter has at most {MAX_TESTS} comparisons",
        ),
    ],
)
def test_what_is_no_filter_is_named_with_its_place_and_the_nearest_right_word(source, says):
    with pytest.raises(InvalidError, match=f"^{re.escape(says)}"):
        Filter(source)


def test_a_filter_is_not_deeper_than_a_board_can_go():
    for wrap in (lambda inner: {"$not": inner}, lambda inner: {"$or": [inner]}):
        source: dict = {"value": 1}
        for _ in range(MAX_DEPTH):
            source = wrap(source)
        Filter(source)
        with pytest.raises(InvalidError, match="at most 16 levels"):
            Filter(wrap(source))
    inner: dict = {"$gt": 1}
    for _ in range(1000):
        inner = {"$not": inner}
    with pytest.raises(InvalidError, match="levels"):
        Filter({"value": inner})


# A second reading of the language, for the comparison

ABSENT = object()


def plain(source: dict, given: Event) -> bool:
    checks = []
    for name, operand in source.items():
        if name == "$and":
            checks.append(all(plain(part, given) for part in operand))
        elif name == "$or":
            checks.append(any(plain(part, given) for part in operand))
        elif name == "$not":
            checks.append(not plain(operand, given))
        else:
            checks.append(asked(found(given, name), operand))
    return all(checks)


def found(given: Event, name: str) -> object:
    root, _, rest = name.partition(".")
    value = getattr(given, root)
    for step in rest.split(".") if rest else []:
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, TypeError, ValueError):
            return ABSENT
    return value


def asked(value: object, operand: object) -> bool:
    if not isinstance(operand, dict):
        return value == operand
    return all(compared(value, name, each) for name, each in operand.items())


def compared(value, name, operand) -> bool:
    kinds = [int | float, str]
    same = any(isinstance(value, kind) and isinstance(operand, kind) for kind in kinds)
    has_whole = isinstance(value, int | float) and 0 <= value < 2**53 and float(value).is_integer()
    return {
        "$eq": lambda: value == operand,
        "$ne": lambda: value != operand,
        "$lt": lambda: same and value < operand,
        "$lte": lambda: same and value <= operand,
        "$gt": lambda: same and value > operand,
        "$gte": lambda: same and value >= operand,
        "$in": lambda: any(value == each for each in operand),
        "$nin": lambda: not any(value == each for each in operand),
        "$exists": lambda: (value is not ABSENT) == operand,
        "$bitsAllSet": lambda: has_whole and f"{int(value) & operand:b}" == f"{operand:b}",
        "$bitsAnySet": lambda: has_whole and "1" in f"{int(value) & operand:b}",
        "$not": lambda: not asked(value, operand),
    }[name]()


@given(filters, events)
def test_it_is_read_as_it_is_written(source, given_event):
    filter = Filter(json.loads(json.dumps(source)))
    assert filter.passes(given_event) == plain(source, given_event)


@given(st.recursive(scalars | st.just(math.inf), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_nothing_else_than_an_error_comes_of_nonsense(source):
    try:
        Filter(source)
    except InvalidError as error:
        assert str(error).startswith("where")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"value": {"$gt": 8}, "value": 3}', "where: is no JSON: 'value' is there twice"),
        ('{"value": {"$gt": 8, "$gt": 9}}', "where: is no JSON: '$gt' is there twice"),
        ("{", "where: is no JSON: "),
        ("[" * 100_000, "where: is no JSON: "),
        ("3", "where: a filter is a map of fields, not 3"),
        ('{"vale": 3}', "where.vale: "),
    ],
)
def test_a_text_that_is_no_filter_is_named(text, says):
    with pytest.raises(InvalidError, match=f"^{re.escape(says)}"):
        Filter.parse(text)


def test_a_filter_is_read_from_its_text():
    assert Filter.parse('{"value": {"$gt": 8}}').source == {"value": {"$gt": 8}}
