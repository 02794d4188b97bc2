# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads selectors. No I/O.

    selector = and {"or" and}
    and      = not {"and" not}
    not      = "not" not | "(" selector ")" | "all" | term
    term     = key ("=" | "!=") value | key ["not"] "in" "(" value {"," value} ")" | "sw" order version | value
    order    = "<" | "<=" | ">" | ">="
    key      = "tag" | "board" | "name" | "id" | "sw" | "sensor" | "actuator" | "online" | "sleeps"
             | "who"

A value alone is a node's name or id, as it is with `who`. In a value that is not in quotes each `*` stands for any
letters. In quotes a backslash stands before `"` and itself.
"""

import re
from typing import NamedTuple, NoReturn

from ganglion.errors import InvalidError
from ganglion.sentences import say
from ganglion.settings import meant
from ganglion_gateway.selecting.selector import (
    EITHER,
    KEYS,
    ORDERS,
    PLAIN,
    WHO,
    WORDS,
    All,
    And,
    Compared,
    Has,
    Not,
    Or,
    Selector,
    Value,
)
from ganglion_gateway.selecting.version import version

#: Letters of a selector, and brackets and `not` within each other.
MAX_TEXT = 2000
MAX_DEPTH = 32

_TOKEN = re.compile(rf'\s*(?:(?P<mark>!=|<=|>=|[()=<>,])|(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<plain>{PLAIN.pattern}))')
_YES_OR_NO = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}


class _Token(NamedTuple):
    kind: str
    text: str
    column: int

    @property
    def word(self) -> str:
        """The word of the language that it is, or ""."""
        low = self.text.lower()
        return low if self.kind == "plain" and low in WORDS else ""


def parse(text: str) -> Selector:
    """The selector that is written.

    Raises:
        InvalidError: it is none; the message says at which letter and what would be right.
    """
    if len(text) > MAX_TEXT:
        raise InvalidError(
            say(
                "has {count} letters, and at most {most} are read: give the nodes a tag",
                count=len(text),
                most=MAX_TEXT,
            ),
            where="selector",
        )
    parser = _Parser(text)
    found = parser.any()
    parser.done()
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split(text)
        self._at = 0
        self._depth = 0

    def _split(self, text: str) -> list[_Token]:
        tokens, at = [], 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                at += len(text[at:]) - len(text[at:].lstrip())
                if text[at] == '"':
                    self._fail(say("'\"' opens quotes that nothing closes"), at)
                self._fail(say("{text!r} has no meaning here", text=text[at]), at)
            kind = str(found.lastgroup)
            tokens.append(_Token(kind, found[kind], found.start(kind)))
            at = found.end()
        return [*tokens, _Token("end", "", len(text))]

    def any(self) -> Selector:
        """What stands between brackets, or is all."""
        some = [self._every()]
        while self._take("or"):
            some.append(self._every())
        return some[0] if len(some) == 1 else Or(tuple(some))

    def done(self) -> None:
        """Nothing may follow."""
        if self._next.kind != "end":
            self._fail(
                say(
                    "{text!r} follows a whole selector: put `and` or `or` between, or quotes around it",
                    text=self._next.text,
                )
            )

    def _every(self) -> Selector:
        some = [self._one()]
        while self._take("and"):
            some.append(self._one())
        return some[0] if len(some) == 1 else And(tuple(some))

    def _one(self) -> Selector:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail(say("more than {most} brackets and `not` are within each other", most=MAX_DEPTH))
        try:
            if self._take("not"):
                return Not(self._one())
            if self._mark("("):
                found = self.any()
                if not self._mark(")"):
                    self._fail(say("a bracket is open: `)` is missing"))
                return found
            if self._take("all"):
                return All()
            return self._term()
        finally:
            self._depth -= 1

    def _term(self) -> Selector:
        token = self._next
        if token.kind not in ("plain", "quoted") or token.word:
            if token.kind == "end":
                self._fail(say("it ends where a condition is to be: tag=fridge, or a node's name"))
            self._fail(say("{text!r} stands where a condition is to be: tag=fridge, or a node's name", text=token.text))
        self._at += 1
        following = self._next
        is_term = following.text in ("=", "!=", *ORDERS) if following.kind == "mark" else self._is_in()
        if not is_term:
            return Has(WHO, (_value(token),))
        key = self._key(token)
        if following.kind == "mark" and following.text in ORDERS:
            return self._order(key, following)
        if following.kind == "mark":
            self._at += 1
            has = Has(key, (self._operand(key),))
            return Not(has) if following.text == "!=" else has
        negative = self._take("not")
        self._take("in")
        has = Has(key, self._list(key))
        return Not(has) if negative else has

    def _is_in(self) -> bool:
        ahead = self._tokens[self._at : self._at + 2]
        return ahead[0].word == "in" or [each.word for each in ahead] == ["not", "in"]

    def _key(self, token: _Token) -> str:
        key = token.text.lower()
        if token.kind != "plain" or key not in (*KEYS, WHO):
            known = ", ".join(KEYS)
            self._fail(
                say("{text!r} is no key{near}; keys are {known}", text=token.text, near=meant(key, KEYS), known=known),
                token.column,
            )
        return key

    def _order(self, key: str, order: _Token) -> Selector:
        if key != "sw":
            self._fail(say("`{text}` is for sw alone: {key} has = and !=", text=order.text, key=key), order.column)
        self._at += 1
        token = self._next
        value = self._operand(key)
        if version(value.text) is None or value.is_pattern:
            self._fail(say("{text!r} is no version: write it as 1.4 or 1.4.0", text=token.text), token.column)
        return Compared(order.text, Value(value.text))

    def _operand(self, key: str) -> Value:
        token = self._next
        if token.kind not in ("plain", "quoted"):
            self._fail(say("a value is missing after {key}", key=key))
        if token.word not in ("", "all", "in"):  # tag=all is clear, and tag= and board=x has lost its value
            self._fail(say('{text!r} is a word of the language: write "{text}" if a value is meant', text=token.text))
        self._at += 1
        value = _value(token)
        if key not in EITHER:
            return value
        if value.text.lower() not in _YES_OR_NO:
            self._fail(say("{key} is yes or no, not {text!r}", key=key, text=value.text), token.column)
        return Value(_YES_OR_NO[value.text.lower()])

    def _list(self, key: str) -> tuple[Value, ...]:
        if not self._mark("("):
            self._fail(say("`in` has a list in brackets after it: {key} in (a, b)", key=key))
        values = [self._operand(key)]
        while self._mark(","):
            values.append(self._operand(key))
        if not self._mark(")"):
            self._fail(say("a list goes on with `,` and ends with `)`"))
        return tuple(dict.fromkeys(values))

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, word: str) -> bool:
        taken = self._next.word == word
        self._at += taken
        return taken

    def _mark(self, mark: str) -> bool:
        taken = self._next.kind == "mark" and self._next.text == mark
        self._at += taken
        return taken

    def _fail(self, why: str, column: int | None = None) -> NoReturn:
        at = self._next.column if column is None else column
        raise InvalidError(why, where=f"selector:{at + 1}")


def _value(token: _Token) -> Value:
    if token.kind == "plain":
        return Value(token.text)
    text = re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
    return Value(text, literal="*" in text)
