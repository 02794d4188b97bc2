# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses the expressions of MOVA into the code that `ganglion_micro.expression` evaluates.

The grammar is a part of Python's, with its precedence, and `true false null` beside `True False None`:

    choice:     or ['if' or 'else' choice]
    or, and, not, comparison (chained, `in`, `not in`), + -, * / // %, unary -, [index], .name
    atom:       number, 'text', path, function(choice, …), [choice, …], (choice)
"""

import re
from typing import Any

from ganglion.mova.values import WrongNumberError, whole_or_float
from ganglion.words import _, ngettext
from ganglion_micro import expression as x

#: Characters of an expression, and brackets inside one another.
MAX_TEXT = 2000
MAX_DEPTH = 32

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)
    | (?P<name>[^\W\d]\w*)
    | (?P<text>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    | (?P<sign><=|>=|==|!=|//|[-+*/%<>()\[\],.])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_CONSTANTS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_WORDS = {"and", "or", "not", "in", "if", "else", *_CONSTANTS}
_COMPARE = {"==": x.EQ, "!=": x.NE, "<": x.LT, "<=": x.LE, ">": x.GT, ">=": x.GE}
_SUM = {"+": x.ADD, "-": x.SUB}
_PRODUCT = {"*": x.MUL, "/": x.DIV, "//": x.FLOOR, "%": x.MOD}


class ExpressionSyntaxError(ValueError):
    """The text is no expression. `column` counts from 0."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


def parse(text: str) -> list[Any]:
    """The code of an expression.

    Raises:
        ExpressionSyntaxError: the text is none, or too large a one.
    """
    if len(text) > MAX_TEXT:
        raise ExpressionSyntaxError(_("an expression of more than {most} characters").format(most=MAX_TEXT), MAX_TEXT)
    parser = _Parser(text)
    code = parser.choice()
    if parser.kind:
        raise parser.wrong(_("{found} is not expected here"))
    if len(code) > x.MAX_CODE:
        raise ExpressionSyntaxError(_("the expression is too long; split it over two `set` values"), 0)
    return code


def paths(code: list[Any]) -> list[list[Any]]:
    """The paths that an expression reads."""
    found = []
    at = 0
    while at < len(code):
        op = code[at]
        if op == x.LOAD:
            found.append(code[at + 1])
        at += 3 if op == x.CALL else 2 if op <= x.JUMP else 1
    return found


class _Parser:
    """Precedence climbing; each method returns the code of what it has read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self._depth = 0
        self.advance()

    def advance(self) -> None:
        """Reads the next word into `kind`, `token`, `at`; the kind is empty at the end."""
        match = _TOKEN.match(self._text, self._end)
        if match is None:
            rest = self._text[self._end :]
            self.at = len(self._text) - len(rest.lstrip())
            if rest.strip():
                sign = rest.strip()[0]
                raise ExpressionSyntaxError(_("{sign!r} has no meaning in an expression").format(sign=sign), self.at)
            self.kind, self.word = "", ""
            return
        self.kind = str(match.lastgroup)
        self.word = match[self.kind]
        self.at = match.start(self.kind)
        self._end = match.end()

    def wrong(self, sentence: str, **values: str) -> ExpressionSyntaxError:
        """The error that the token at hand makes, which is `found` in the sentence."""
        found = repr(self.word) if self.kind else _("the end of the expression")
        return ExpressionSyntaxError(sentence.format(found=found, **values), self.at)

    def _takes(self, word: str) -> bool:
        if self.kind in ("sign", "name") and self.word == word:
            self.advance()
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._takes(word):
            raise self.wrong(_("{found} where {word!r} is needed"), word=word)

    def choice(self) -> list[Any]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionSyntaxError(_("deeper than {most} brackets").format(most=MAX_DEPTH), self.at)
        chosen = self._or()
        if self._takes("if"):
            test = self._or()
            self._expect("else")
            other = self.choice()
            # Targets count from the start of the piece; `_join` moves them to where the piece comes to stand.
            chosen = _join(test, [x.SKIP_FALSE, len(chosen) + 4], chosen, [x.JUMP, len(other) + 2], other)
        self._depth -= 1
        return chosen

    def _or(self) -> list[Any]:
        code = self._and()
        while self._takes("or"):
            right = self._and()
            code = _join(code, [x.OR, len(right) + 2], right)
        return code

    def _and(self) -> list[Any]:
        code = self._not()
        while self._takes("and"):
            right = self._not()
            code = _join(code, [x.AND, len(right) + 2], right)
        return code

    def _not(self) -> list[Any]:
        count = 0
        while self._takes("not"):
            count += 1
        return self._comparison() + [x.NOT] * count

    def _comparison(self) -> list[Any]:
        left = self._sum()
        whole: list[Any] | None = None
        while (op := self._operator()) is not None:
            right = self._sum()
            code = _join(left, right, [x.IN, x.NOT] if op == -1 else [op])
            whole = code if whole is None else _join(whole, [x.AND, len(code) + 2], code)
            left = right
        return left if whole is None else whole

    def _operator(self) -> int | None:
        if self.kind == "sign" and self.word in _COMPARE:
            op = _COMPARE[self.word]
            self.advance()
            return op
        if self._takes("in"):
            return x.IN
        if self.kind == "name" and self.word == "not":
            self.advance()
            self._expect("in")
            return -1
        return None

    def _sum(self) -> list[Any]:
        return self._binary(_SUM, self._product)

    def _product(self) -> list[Any]:
        return self._binary(_PRODUCT, self._unary)

    def _binary(self, signs: dict[str, int], operand: Any) -> list[Any]:
        code: list[Any] = operand()
        while self.kind == "sign" and self.word in signs:
            op = signs[self.word]
            self.advance()
            code = _join(code, operand(), [op])
        return code

    def _unary(self) -> list[Any]:
        count = 0
        while self.kind == "sign" and self.word in "+-":
            count += self.word == "-"
            self.advance()
        code = self._postfix()
        if count and len(code) == 2 and code[0] == x.CONST and x.number(code[1]):
            return [x.CONST, -code[1] if count % 2 else code[1]]
        return code + [x.NEGATIVE] * count

    def _postfix(self) -> list[Any]:
        code = self._atom()
        while True:
            if self._takes("["):
                key = self.choice()
                self._expect("]")
                if (
                    len(code) == len(key) == 2
                    and code[0] == x.LOAD
                    and key[0] == x.CONST
                    and type(key[1]) in (int, str)
                ):
                    code = [x.LOAD, [*code[1], key[1]]]
                else:
                    code = _join(code, key, [x.INDEX])
            elif self._takes("."):
                if self.kind not in ("name", "number"):
                    raise self.wrong(_("{found} where a name is needed"))
                for part in self.word.strip(".").split("."):
                    code = (
                        [x.LOAD, [*code[1], part]]
                        if code[0] == x.LOAD and len(code) == 2
                        else _join(code, [x.CONST, part, x.INDEX])
                    )
                self.advance()
            elif self.kind == "number" and self.word.startswith(".") and self.word[1:].isdigit():
                # `items.0`: the dot was read as the start of a number.
                code = _join(code, [x.CONST, self.word[1:], x.INDEX]) if code[0] != x.LOAD else _deeper(code, self.word)
                self.advance()
            else:
                return code

    def _atom(self) -> list[Any]:
        kind, word, at = self.kind, self.word, self.at
        if kind == "number":
            self.advance()
            try:
                return [x.CONST, whole_or_float(word)]
            except WrongNumberError as error:
                raise ExpressionSyntaxError(str(error), at) from None
        if kind == "text":
            self.advance()
            return [x.CONST, re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), word[1:-1])]
        if kind == "name":
            if word in _CONSTANTS:
                self.advance()
                return [x.CONST, _CONSTANTS[word]]
            if word in _WORDS:
                raise self.wrong(_("{found} where a value is needed"))
            self.advance()
            if self._takes("("):
                return self._call(word, at)
            return [x.LOAD, [word]]
        if self._takes("("):
            code = self.choice()
            self._expect(")")
            # A path in brackets is a value like any other; without this `(a).b` would not be told from `a.b`.
            return code
        if self._takes("["):
            items, count = self._list("]")
            return [*items, x.BUILD, count]
        raise self.wrong(_("{found} where a value is needed"))

    def _call(self, name: str, at: int) -> list[Any]:
        if name not in x.FUNCTIONS:
            known = ", ".join(sorted(x.FUNCTIONS))
            sentence = _("there is no function {name}; there are {known}")
            raise ExpressionSyntaxError(sentence.format(name=name, known=known), at)
        items, count = self._list(")")
        least, most = x.FUNCTIONS[name]
        if not least <= count <= most:
            if least == most:
                sentence = ngettext(
                    "{name} takes {most} value, not {count}", "{name} takes {most} values, not {count}", most
                )
            else:
                sentence = _("{name} takes {least} to {most} values, not {count}")
            raise ExpressionSyntaxError(sentence.format(name=name, least=least, most=most, count=count), at)
        return [*items, x.CALL, name, count]

    def _list(self, closing: str) -> tuple[list[Any], int]:
        code: list[Any] = []
        count = 0
        while not self._takes(closing):
            if count and not self._takes(","):
                raise self.wrong(_("{found} where a comma or {closing!r} is needed"), closing=closing)
            if count and self._takes(closing):
                break
            code = _join(code, self.choice())
            count += 1
        return code, count


def _deeper(code: list[Any], word: str) -> list[Any]:
    return [x.LOAD, [*code[1], word[1:]]] if len(code) == 2 else _join(code, [x.CONST, word[1:], x.INDEX])


def _join(*pieces: list[Any]) -> list[Any]:
    """One piece of code after another, with the targets of jumps moved along."""
    made: list[Any] = []
    for piece in pieces:
        base = len(made)
        at = 0
        while at < len(piece):
            op = piece[at]
            if op in (x.AND, x.OR, x.SKIP_FALSE, x.JUMP):
                made += [op, piece[at + 1] + base]
                at += 2
            else:
                size = 3 if op == x.CALL else 2 if op <= x.JUMP else 1
                made += piece[at : at + size]
                at += size
    return made
