# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether arrays from outside are a plan that a node can run: the layout of `ganglion_micro.plan`, checked."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mova.check_code import code, program
from ganglion.mova.intents import made
from ganglion.mova.plan import mqtt_topic
from ganglion.mova.schedule import parse
from ganglion.mova.schema import KEYWORDS, fits
from ganglion.mova.shapes import (
    anything,
    broken,
    flag,
    index,
    items,
    json,
    mapping,
    maybe,
    number,
    one_of,
    path,
    row,
    text,
    whole,
)
from ganglion.mova.trigger import compared, other_side
from ganglion.mova.vocabulary import LEVELS, METHODS
from ganglion_micro import condition as c
from ganglion_micro import plan as p
from ganglion_micro import template as t
from ganglion_micro.schema import NOTES
from ganglion_micro.topic import is_filter, is_name

Shape = Callable[[Any, str], None]


def check(body: list[Any]) -> None:
    """Lets the body of a plan pass that this node can run.

    Raises:
        InvalidError: something in it is of another type or length, or leads to what is not there; the sentence names
            the place.
    """
    try:
        _body(body)
    except RecursionError:
        raise InvalidError("is deeper than a plan may be", where="plan") from None


def _body(body: list[Any]) -> None:
    row(text, mapping, mapping, anything, anything, anything, whole(1), anything, anything)(body, "plan")
    protocols, tools = body[p.PROTOCOLS], body[p.TOOLS]
    items(_tool)(tools, "plan.tools")
    items(partial(_protocol, protocols=protocols, tools=tools))(protocols, "plan.protocols")
    items(partial(_trigger, protocols=protocols))(body[p.TRIGGERS], "plan.triggers")
    items(row(text, items(text), whole(-(1 << 63)), maybe(_template)))(body[p.INTENTS], "plan.intents")
    items(row(text, text, text))(body[p.NAMES], "plan.names")
    try:
        made(body[p.INTENTS], body[p.NAMES])
    except ValueError as error:
        raise broken("plan.intents", f"cannot be understood: {error}") from None


def _protocol(value: Any, where: str, *, protocols: Sequence[Any], tools: Sequence[Any]) -> None:
    row(
        text,
        anything,
        anything,
        whole(0, 1000),
        whole(),
        flag,
        whole(),
        whole(1),
        maybe(_template),
        index(p.CONCURRENCIES),
        whole(1),
    )(value, where)
    steps = value[p.STEPS]
    items(partial(_step, steps=steps, protocols=protocols, tools=tools))(steps, f"{where}.steps")
    whole(-1, len(steps) - 1)(value[p.FALLBACK], f"{where}.fallback")


def _step(value: Any, where: str, *, steps: Sequence[Any], protocols: Sequence[Any], tools: Sequence[Any]) -> None:
    condition = partial(_condition, most=len(steps))
    row(text, index(p.ACTIONS), whole(0, len(steps)), maybe(condition), anything, maybe(path))(value, where)
    preset = row(maybe(text), maybe(number), maybe(whole()), maybe(_template))
    offered = row(index(tools), text, _schema)
    shapes: dict[int, Shape] = {
        p.END: anything,
        p.PROMPT: row(
            _template,
            maybe(_schema),
            whole(),
            whole(),
            maybe(row(_template)),
            maybe(preset),
            items(offered),
            flag,
        ),
        p.TOOL: row(index(tools), whole()),
        p.CONDITION: condition,
        p.ACTUATE: row(text, _template, maybe(whole()), whole(0, 3), maybe(whole())),
        p.READ: row(text),
        p.SET: _values,
        p.PUBLISH: row(_spoken, _template, flag, maybe(_template)),
        p.EMIT: row(_spoken, _template),
        p.WAIT: row(whole()),
        p.LOG: row(one_of(LEVELS), _template),
        p.CALL: row(index(protocols)),
        p.FORK: items(index(protocols)),
        p.LISTEN: row(maybe(_template), maybe(condition), whole()),
    }
    args = value[p.ARGS]
    shapes[value[p.OP]](args, f"{where}.args")
    if value[p.OP] == p.LISTEN and args[0] is None and args[1] is None:
        raise broken(where, "waits for nothing")


def _values(value: Any, where: str) -> None:
    items(anything)(value, where)
    for i, each in enumerate(value):
        (code if i % 2 else path)(each, f"{where}[{i}]")
    if len(value) % 2:
        raise broken(where, "has a place without a value")


def _condition(value: Any, where: str, *, most: int) -> None:
    row(whole(c.AND, c.FIRST), anything, whole(-1, most))(value, where)
    items(partial(_rule, most=most))(value[1], f"{where}.rules")


def _rule(value: Any, where: str, *, most: int) -> None:
    row(code, index(c.OPERATORS), anything, whole(-1, most), maybe(partial(_condition, most=most)))(value, where)
    (program if value[1] == c.MATCHES else _template)(value[2], f"{where}[2]")


def _tool(value: Any, where: str) -> None:
    row(
        text,
        one_of(METHODS),
        _sealed,
        _sealed_map,
        _sealed_map,
        maybe(_sealed),
        items(row(path, path)),
        items(_declared),
        maybe(_sealed_map),
        items(row(text, maybe(_schema), maybe(_schema))),
    )(value, where)


def _declared(value: Any, where: str) -> None:
    has_default = isinstance(value, list) and len(value) == 2
    (row(text, json) if has_default else row(text))(value, where)


def _trigger(value: Any, where: str, *, protocols: Sequence[Any]) -> None:
    compares = row(
        index(p.COMPARISONS),
        maybe(number),
        maybe(number),
        json,
        flag,
        number,
        whole(),
        whole(),
        whole(),
        whole(),
    )
    row(
        text,
        index(p.SOURCES),
        anything,
        anything,
        maybe(compares),
        whole(),
        whole(),
        index(protocols),
        items(row(path, path)),
        maybe(path),
        flag,
        flag,
        maybe(row(anything, anything, anything, anything, flag)),
        maybe(path),
    )(value, where)
    for each in (value[p.TOPIC], value[p.FIELD], *(value[p.SCHEDULE] or ())[:4]):
        if not isinstance(each, str):
            raise broken(where, "has something in place of a text")
    source = value[p.SOURCE]
    if (source == p.SCHEDULED) != (value[p.SCHEDULE] is not None):
        raise broken(where, "has a schedule that it does not go by, or none")
    if source == p.EVERY:
        whole(1)(value[p.PERIOD], f"{where}.period")
    elif source == p.SCHEDULED:
        _schedule(value[p.SCHEDULE], f"{where}.schedule")
    elif source != p.STARTED:
        _listens(value, where)


def _schedule(value: list[Any], where: str) -> None:
    cron, at, every, timezone, _ = value
    if sum(map(bool, (cron, at, every))) != 1:
        raise broken(where, "has one of cron, at and every")
    try:
        parse(cron=cron, at=at, every=every, timezone=timezone)
    except ValueError as error:
        raise broken(where, f"cannot be read: {error}") from None


def _listens(value: list[Any], where: str) -> None:
    topic = value[p.TOPIC]
    begin = mqtt_topic("", value[p.FIELD]) if value[p.SOURCE] == p.MQTT else ""
    if not topic.startswith(begin) or not is_filter(topic) or not is_filter(topic.removeprefix(begin)):
        raise broken(f"{where}.topic", "is no topic filter")
    if value[p.WHERE] is not None:
        try:
            compared(value[p.WHERE])
            if p.COMPARISONS[value[p.WHERE][0]] in ("rises", "falls"):
                other_side(value[p.WHERE])
        except (ValueError, TypeError, OverflowError) as error:
            raise broken(f"{where}.where", f"cannot be compared: {error}") from None


def _template(value: Any, where: str, sealed: bool = False) -> None:
    items(anything)(value, where)
    inner = partial(_template, sealed=sealed)
    kind = value[0] if value else None
    if kind == t.CONST:
        row(anything, json)(value, where)
    elif kind == t.VALUE:
        row(anything, path, text)(value, where)
    elif kind == t.TEXT or (kind == t.SEALED and sealed):
        row(anything, items(partial(_part, sealed=kind == t.SEALED)))(value, where)
    elif kind == t.LIST:
        row(anything, items(inner))(value, where)
    elif kind == t.MAP:
        row(anything, items(anything))(value, where)
        for i, each in enumerate(value[1]):
            (inner if i % 2 else text)(each, f"{where}[1][{i}]")
        if len(value[1]) % 2:
            raise broken(where, "has a key without a value")
    else:
        raise broken(where, "is no template")


def _spoken(value: Any, where: str) -> None:
    """The template of a topic to speak on. One that values fill in is looked at when they have."""
    _template(value, where)
    if value[0] == t.CONST and not (isinstance(value[1], str) and is_name(value[1].removeprefix("mqtt:"))):
        raise broken(where, "is no topic")


_sealed = partial(_template, sealed=True)


def _sealed_map(value: Any, where: str) -> None:
    _sealed(value, where)
    if value[0] != t.MAP and not (value[0] == t.CONST and isinstance(value[1], dict)):
        raise broken(where, "is no template of a map")


def _part(value: Any, where: str, *, sealed: bool) -> None:
    if isinstance(value, str):
        return
    name = sealed and isinstance(value, list) and len(value) == 1
    (row(text) if name else row(path, text))(value, where)


def _schema(value: Any, where: str) -> None:
    mapping(value, where)
    for key, each in value.items():
        at = f"{where}.{key}"
        if key == "properties":
            mapping(each, at)
            for name, schema in each.items():
                _schema(schema, f"{at}.{name}")
        elif key in ("items", "not") or (key == "additionalProperties" and isinstance(each, dict)):
            _schema(each, at)
        elif key in ("allOf", "anyOf", "oneOf"):
            items(_schema)(each, at)
        elif key == "pattern":
            program(each, at)
        elif key not in NOTES and not (key in KEYWORDS and fits(key, each)):
            raise broken(at, "is nothing that a device checks")
        else:
            json(each, at)
