# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions: the parser and the evaluator together, beside Python on the subset that both have."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mova.expression import ExpressionSyntaxError, parse, paths
from ganglion_micro import expression as x
from ganglion_micro.expression import MISSING, ExpressionError, evaluate
from ganglion_micro.text import text as shown

DATA = {
    "a": 3,
    "b": 2.5,
    "name": "Olha",
    "items": [1, 2, {"k": "v"}],
    "deep": {"er": {"x": 7}},
    "yes": True,
    "no": None,
}


def value(text: str) -> object:
    return evaluate(parse(text), {"event": {"value": 9.5}}, DATA)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("session.data.price * 0.9", MISSING),
        ("a * 2 + 1", 7),
        ("name + ' VIP'", "Olha VIP"),
        ("1 < a <= 3", True),
        ("3 > a > 1", False),
        ("a == 3 and name != 'x' or false", True),
        ("not a == 3", False),
        ("items[2].k", "v"),
        ("items.2.k", "v"),
        ("items[-1]['k']", "v"),
        ("deep.er.x // 2", 3),
        ("-a + 10", 7),
        ("2 - -a", 5),
        ("'ok' if event.value > 9 else 'cold'", "ok"),
        ("1 if false else 2 if false else 3", 3),
        ("a in [1, 2, 3,]", True),
        ("'lh' in name and 'z' not in name", True),
        ("round(b * 1.5, 1)", 3.8),
        ("max(a, 2, 9) + min(items[0], 4) + abs(-2)", 12),
        ("len(name) + len(items)", 7),
        ("[]", []),
        ("[1]", [1]),
        ("str(a) + str(yes) + str(no)", "3truenull"),
        ("int('42') + float('0.5')", 42.5),
        ("floor(-1.5) + ceil(1.2)", 0),
        ("upper(lower(name))", "OLHA"),
        ("upper('київ ґанок, їжак')", "КИЇВ ҐАНОК, ЇЖАК"),
        ("lower('ÀÉ Ω × ß ЯЄ')", "àé ω × ß яє"),
        ("false and nowhere > 1", False),
        ("true or nowhere > 1", True),
        ('"a\\n\\"b"', 'a\n"b'),
    ],
)
def test_an_expression_has_its_value(text: str, wanted: object) -> None:
    if wanted is MISSING:
        with pytest.raises(ExpressionError, match="session\\.data\\.price is not set"):
            value(text)
    else:
        assert value(text) == wanted
        assert type(value(text)) is type(wanted)


def test_a_path_that_leads_nowhere_is_missing_and_no_error() -> None:
    assert value("nowhere.at.all") is MISSING
    assert value("items[9]") is MISSING
    assert value("name.length") is MISSING
    assert evaluate([x.LOAD, ["items", "²"]], {}, DATA) is MISSING


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a +", 3),
        ("(a", 2),
        ("a b", 2),
        ("a ? b", 2),
        ("print(1)", 0),
        ("__import__('os')", 0),
        ("len()", 0),
        ("a if b", 6),
        ("[1, 2", 5),
        ("1 not 2", 6),
        ("", 0),
        ("a = 3", 2),
        ("lambda: 1", 6),
        ("99999999999999999999999", 0),
    ],
)
def test_what_is_no_expression_is_refused_with_its_column(text: str, column: int) -> None:
    with pytest.raises(ExpressionSyntaxError) as caught:
        parse(text)
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a / 0", "division by zero"),
        ("a % 0", "division by zero"),
        ("name * 3", r"\* needs a number"),
        ("name + 1", r"\+ needs a number"),
        ("yes + 1", r"\+ needs a number"),
        ("name < 3", "< needs a number"),
        ("9223372036854775807 + 1", "64 bits"),
        ("1e308 * 10", "not finite"),
        ("int('x')", "int of x"),
        ("3 in 4", "nothing is in 4"),
        ("items[0 + 7]", "nothing at"),
        ("max([])", "max of nothing"),
        ("round(1.5, 99)", "digits"),
        ("len(a)", "len needs"),
    ],
)
def test_an_expression_without_a_value_says_why(text: str, wrong: str) -> None:
    with pytest.raises(ExpressionError, match=wrong):
        value(text)


@pytest.mark.parametrize("text", ["a.__class__", "name.upper", "items.append", "deep.keys", "event.__dict__"])
def test_no_attribute_is_ever_reached(text: str) -> None:
    assert value(text) is MISSING


def test_text_that_grows_is_cut_off_by_an_error() -> None:
    long = {"s": "x" * x.MAX_TEXT}
    with pytest.raises(ExpressionError, match="more than 4096"):
        evaluate(parse("s + 'y'"), {}, long)
    with pytest.raises(ExpressionError, match="more than 4096"):
        evaluate(parse("str(d)"), {}, {"d": long})


def test_depth_and_length_are_bounded() -> None:
    with pytest.raises(ExpressionSyntaxError, match="deeper than 32"):
        parse("(" * 40 + "1" + ")" * 40)
    with pytest.raises(ExpressionSyntaxError, match="too long"):
        parse("+".join(["a"] * 300))
    with pytest.raises(ExpressionSyntaxError, match="more than 2000"):
        parse("1" * 2001)
    with pytest.raises(ExpressionError, match="longer than 512"):
        evaluate([x.CONST, 1] * 300, {}, {})


def test_code_from_elsewhere_that_jumps_back_is_refused() -> None:
    with pytest.raises(ExpressionError, match="a jump back"):
        evaluate([x.CONST, 1, x.JUMP, 0, x.NOT], {}, {})


def test_the_paths_of_an_expression_are_known() -> None:
    assert paths(parse("max(a.b, 1) + c[0] if d else 2")) == [["d"], ["a", "b"], ["c", 0]]


_NAMES = {"p": 3, "q": -2.5, "r": 0, "s": "abc", "t": "b", "u": [1, 2, 3]}
_numbers = st.one_of(
    st.integers(0, 50).map(str),
    st.floats(0, 50, allow_nan=False, width=32).map(repr).filter(lambda text: "e" not in text),
    st.sampled_from(["p", "q", "r"]),
)


def _numeric(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("-{}".format),
        st.tuples(inner, inner).map(lambda pair: f"max({pair[0]}, {pair[1]})"),
        st.tuples(_truths, inner, inner).map(lambda three: f"({three[1]} if {three[0]} else {three[2]})"),
        inner.map("abs({})".format),
    )


_texts = st.sampled_from(["s", "t", "'b'", "'abc'", "s + t", "'' + s"])
_truths = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["True", "False", "p", "r", "s", "u"]),
        st.tuples(_expressions, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), _expressions).map(" ".join),
        st.tuples(_numbers, st.just("<"), _numbers, st.just("<="), _numbers).map(" ".join),
        st.tuples(_texts, st.sampled_from(["==", "<", "in", "not in"]), _texts).map(" ".join),
        st.tuples(_numbers, st.sampled_from(["in", "not in"]), st.just("u")).map(" ".join),
        st.tuples(_truths, st.sampled_from(["and", "or"]), _truths).map(" ".join),
        _truths.map("not {}".format),
        _truths.map("({})".format),
    )
)
_expressions: st.SearchStrategy[str] = st.recursive(_numbers, _numeric, max_leaves=6)


@given(st.one_of(_expressions, _truths))
def test_it_agrees_with_python_on_the_common_subset(text: str) -> None:
    try:
        code = parse(text)
    except ExpressionSyntaxError:
        return  # longer than a script's may be
    try:
        wanted = eval(text, {"__builtins__": {"max": max, "abs": abs}}, dict(_NAMES))  # the oracle, on our own text
    except (ZeroDivisionError, OverflowError):
        with pytest.raises(ExpressionError):
            evaluate(code, {}, _NAMES)
        return
    if isinstance(wanted, int | float) and not -(2**63) <= wanted < 2**63:
        return
    try:
        found = evaluate(code, {}, _NAMES)
    except ExpressionError as error:
        assert re.search("64 bits|not finite", str(error)), text  # a part of it went beyond
        return
    assert found == wanted, text
    assert type(found) is type(wanted), text


@given(st.text(alphabet="ab1.+-*/()[]<>=!'\" ,nottruein\\\n", max_size=40))
def test_any_text_is_an_expression_or_refused_with_a_reason(text: str) -> None:
    try:
        code = parse(text)
    except ExpressionSyntaxError as error:
        assert 0 <= error.column <= len(text)
        return
    try:
        evaluate(code, {}, {"a": 1, "b": "x"})
    except ExpressionError as error:
        assert str(error)


@given(
    st.one_of(
        st.floats(-1e15, 1e15),
        st.integers(-(2**40), 2**40).map(lambda n: n / 1024),
        st.decimals(-1000, 1000, places=4).map(float),
    ),
    st.integers(0, 15),
)
def test_rounding_is_that_of_python(value: float, digits: int) -> None:
    assert evaluate(parse(f"round(x, {digits})"), {}, {"x": value}) == round(value, digits)
    assert evaluate(parse("round(x)"), {}, {"x": value}) == round(value)


_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-9, 9), st.sampled_from(["", "a", "12", "0"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(st.sampled_from("ab"), st.integers(0, 2)), inner)
    ),
    max_leaves=4,
)
_operators = st.sampled_from(
    ["+", "-", "*", "/", "//", "%", "<", "<=", "==", "!=", ">", ">=", "in", "not in", "and", "or"]
)
_any = st.recursive(
    st.sampled_from(["p", "q", "r", "p.a", "q[0]", "1", "'a'", "null", "true", "[]"]),
    lambda inner: st.one_of(
        st.tuples(inner, _operators, inner).map(lambda three: f"({' '.join(three)})"),
        st.tuples(inner, inner).map(lambda pair: f"{pair[0]}[{pair[1]}]"),
        st.tuples(st.sampled_from(sorted(x.FUNCTIONS)), inner).map(lambda pair: f"{pair[0]}({pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"[{pair[0]}, {pair[1]}]"),
        inner.map("-{}".format),
        inner.map("not {}".format),
    ),
    max_leaves=5,
)


@given(_any, _values, _values, _values)
def test_whatever_the_values_are_there_is_a_value_or_a_reason(text: str, p: object, q: object, r: object) -> None:
    try:
        code = parse(text)
    except ExpressionSyntaxError:
        return
    try:
        shown(evaluate(code, {}, {"p": p, "q": q, "r": r}))
    except ExpressionError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("u if u != null else 0", 0),
        ("u == null", True),
        ("null != u", False),
        ("u == v", True),
        ("not u", True),
        ("u or 3", 3),
        ("u and 3", None),
        ("u or v", None),
        ("[u, 1]", [None, 1]),
        ("(u or 0) + 1", 1),
        ("1 if u else 2", 2),
    ],
)
def test_what_is_not_set_is_null_where_nothing_is_done_with_it(text: str, value: Any) -> None:
    found = evaluate(parse(text), {}, {})
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", ["u + 1", "1 < u", "-u", "len(u)", "u in [1]", "1 in u", "u[0] + 1", "max(1, u)"])
def test_what_is_not_set_is_named_where_something_is_done_with_it(text: str) -> None:
    with pytest.raises(ExpressionError, match=r"u(\.0)? is not set"):
        evaluate(parse(text), {}, {})
