# SPDX-License-Identifier: GPL-3.0-or-later
"""Selectors: which nodes they mean, what is said of one that is none, and that each can be written again."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ganglion.errors import InvalidError
from ganglion_gateway.fleet import Latest, Node
from ganglion_gateway.selecting import chosen, parse, strange
from ganglion_gateway.selecting.selector import All, And, Compared, Has, Not, Or, Selector, Value
from ganglion_gateway.selecting.version import version


def node(id: str, **fields: Any) -> Node:
    return Node(id=id, name=fields.pop("name", id), **fields)


FLEET = [
    node("a", name="fridge-1", board="esp32", tags=["fridge", "kitchen"], sw="0.9.0", online=True),
    node("b", name="fridge-2", board="esp32", tags=["fridge", "hall"], sw="1.4.0rc1", former=["old"]),
    node("c", name="gate", board="raspberry-pi-4", tags=["hall"], sw="ganglion/1.4.0", online=True),
    node("d", name="Стіл і лампа", board="esp32-s3", sw="ganglion/1.10.1", sensors={"lamp.light": Latest(1, 2)}),
    node(
        "e",
        name="and",
        board="linux",
        sw="?",
        caps={"sensors": {"bell.sound": {}}, "actuators": {"bell": {}}, "sleeps": 60},
    ),
    node("gone", name="gone", tags=["fridge"], revoked=1),
]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("all", "abcde"),
        ("tag=fridge", "ab"),
        ("tag=fridge and board=esp32 and not tag=hall", "a"),
        ("tag!=fridge", "cde"),
        ("not (tag=fridge or tag=hall)", "de"),
        ("tag=fridge or tag=hall and board=raspberry-pi-4", "abc"),
        ("(tag=fridge or tag=hall) and board=raspberry-pi-4", "c"),
        ("board in (esp32, esp32-s3)", "abd"),
        ("board not in (esp32,esp32-s3)", "ce"),
        ("NOT tag=fridge AND Board=linux", "e"),
        ("fridge-1", "a"),
        ("fridge-* or c", "abc"),
        ("name=fridge-*", "ab"),
        ("*-*2", "b"),
        ("id=old", "b"),
        ("old", "b"),
        ('"Стіл і лампа"', "d"),
        ('"and"', "e"),
        ('"fridge-*"', ""),
        ("sw=1.4.0 or sw=ganglion/1.10.1", "cd"),
        ("sw<1.4", "ab"),
        ("sw>=1.4", "cd"),
        ("sw>1.4 or sw<=v0.9", "ad"),
        ("online=yes", "ac"),
        ("online=false and sensor=lamp.*", "d"),
        ("sleeps=yes", "e"),
        ("sleeps=no and tag=hall", "bc"),
        ("sensor=bell.*", "e"),
        ("actuator=bell or sensor in (lamp.light)", "de"),
        ("not not all", "abcde"),
        ("tag=all or tag in (in, hall)", "bc"),
    ],
)
def test_a_selector_means_these_nodes(text: str, ids: str) -> None:
    selector = parse(text)
    assert "".join(one.id for one in chosen(selector, FLEET)) == ids
    assert parse(str(selector)) == selector


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "selector:1: it ends where a condition is to be"),
        ("tga=fridge", "selector:1: 'tga' is no key; did you mean \"tag\"?"),
        ("tag=", "selector:5: a value is missing after tag"),
        ("tag=fridge board=esp32", "selector:12: 'board' follows a whole selector: put `and` or `or` between"),
        ("tag=fridge and", "selector:15: it ends where"),
        ("(tag=fridge", "`)` is missing"),
        ("tag=fridge)", "selector:11: ')' follows a whole selector"),
        ('name="fridge', "selector:6: '\"' opens quotes that nothing closes"),
        ("tag in fridge", "`in` has a list in brackets after it"),
        ("tag in (fridge", "ends with `)`"),
        ("board>esp32", "selector:6: `>` is for sw alone"),
        ("sw>new", "'new' is no version"),
        ("sw>1.*", "'1.*' is no version"),
        ("online=maybe", "online is yes or no"),
        ("sleeps=often", "sleeps is yes or no"),
        ("tag= and board=esp32", 'write "and" if a value is meant'),
        ("tag\\x", "has no meaning here"),
        ("(" * 40 + "all" + ")" * 40, "within each other"),
        ("not " * 400 + "all", "within each other"),
        ("a" * 2001, "at most 2000 are read"),
    ],
)
def test_what_is_no_selector_is_said_with_the_place_and_the_remedy(text: str, says: str) -> None:
    with pytest.raises(InvalidError, match="selector") as raised:
        parse(text)
    assert says in str(raised.value)


def test_what_is_named_and_not_there_is_told() -> None:
    assert strange(parse("tag=frigde and not board=linux"), FLEET) == ['no node has tag=frigde; did you mean "fridge"?']
    assert strange(parse("gate or gaet"), FLEET) == ['no node is called gaet; did you mean "gate"?']
    assert strange(parse("online=yes and sleeps=no and tag=f*"), FLEET) == []


def test_versions_are_in_the_order_in_which_they_came_out() -> None:
    order = ["0.9", "1.0rc2", "1.0", "1.0.1", "1.2", "1.10", "2"]
    found = [version(text) for text in order]
    assert found == sorted(found, key=lambda each: each or ((), False))
    assert len(set(found)) == len(order)
    assert version("1.0.0") == version("v1") == version("ganglion/1.0")
    assert version("main") is None


_texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
_values = st.builds(lambda text, quoted: Value(text, literal=quoted and "*" in text), _texts, st.booleans()).filter(
    # What cannot stand without quotes is literal where it has a star
    lambda value: value.literal or "*" not in value.text or str(value) == value.text
)
_leaf = (
    st.just(All())
    | st.builds(
        Has,
        st.sampled_from(["tag", "board", "name", "id", "sw", "sensor", "who"]),
        st.lists(_values, min_size=1, max_size=3, unique=True).map(tuple),
    )
    | st.builds(Compared, st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from(["1.2", "0.0.1"]).map(Value))
)


def _flat(kind: type[And] | type[Or], some: list[Selector]) -> Selector:
    return kind(tuple(some))


selectors: st.SearchStrategy[Selector] = st.recursive(
    _leaf,
    lambda inner: (
        st.builds(Not, inner)
        | st.lists(inner, min_size=2, max_size=3).map(lambda some: _flat(And, some))
        | st.lists(inner, min_size=2, max_size=3).map(lambda some: _flat(Or, some))
    ),
    max_leaves=8,
)


@given(selectors)
def test_a_selector_can_be_written_and_read_again(selector: Selector) -> None:
    assert parse(str(selector)) == selector


@given(selectors, selectors, st.sampled_from(FLEET))
def test_and_or_not_mean_what_they_mean(one: Selector, other: Selector, node: Node) -> None:
    a, b = one.matches(node), other.matches(node)
    assert parse(f"({one}) and ({other})").matches(node) is (a and b)
    assert parse(f"({one}) or ({other})").matches(node) is (a or b)
    assert parse(f"not ({one})").matches(node) is (not a)


@given(st.text(alphabet='abn dort=!<>(),"\\*1.', max_size=40) | st.text(max_size=40))
@example('"\\')
@example("not")
def test_any_text_is_a_selector_or_an_error_of_ours(text: str) -> None:
    try:
        selector = parse(text)
    except InvalidError:
        return
    assert parse(str(selector)) == selector


@given(st.text(alphabet="ab*", max_size=8), st.text(alphabet="ab", max_size=12))
def test_a_star_stands_for_any_letters(pattern: str, text: str) -> None:
    def fits(p: str, t: str) -> bool:
        if not p:
            return not t
        if p[0] == "*":
            return fits(p[1:], t) or bool(t and fits(p, t[1:]))
        return bool(t) and p[0] == t[0] and fits(p[1:], t[1:])

    assert Value(pattern).fits(text) is fits(pattern, text)
