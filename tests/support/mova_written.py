# SPDX-License-Identifier: GPL-3.0-or-later
"""Valid documents, whichever they may be, and the ways in which people write them: quotes, brackets, comments."""

import json
import random
import re
from typing import Any

from hypothesis import strategies as st

_words = st.sampled_from(
    ["a", "b", "c", "so_what", "Привіт", "😀 hi", "it's", 'say "x"', "a: b", "# no", "yes", "1", ""]
)
_texts = _words | st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFD), max_size=12)
_filled = st.sampled_from(
    ["x", "two words", "{session.data.city}", "40 °C", "line\none\n", "\n  deep\nflat\n\n", "- x"]
)
_names = st.sampled_from(["one", "two", "three", "Four_4"])
_scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e9, 1e9) | _texts
values: st.SearchStrategy[Any] = st.recursive(
    _scalars,
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(_texts.filter(lambda key: key != "<<"), inside, max_size=3)
    ),
    max_leaves=6,
)
_free = st.dictionaries(_filled, values, max_size=2)


def _some(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


def _unique(items: st.SearchStrategy[Any], key: str) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, max_size=3, unique_by=lambda each: each[key])


@st.composite
def _protocols(draw: st.DrawFn) -> dict[str, Any]:
    ids = draw(st.lists(_names, min_size=1, max_size=4, unique=True))
    to = {key: st.sampled_from(ids) for key in ("next_step", "next_step_id")}
    condition = {"variable": st.just("session.data.x"), "operator": st.just("equals"), "value": values}
    rules = st.lists(_some(condition, {"next_step_id": to["next_step"]}), min_size=1, max_size=2)
    joined = _some({"rules": rules}, {"logic": st.sampled_from(["AND", "OR"]), "default_next_step_id": to["next_step"]})
    steps = []
    for each in ids:
        way = draw(_some({}, {**to, "description": _texts, "conditions": rules | joined}))
        action = draw(
            st.sampled_from([{"action": "end"}, {"action": "prompt", "prompt": draw(_texts)}])
            | st.just({"action": "condition", "conditions": draw(rules)})
        )
        steps.append(draw(st.permutations(list({"id": each, **way, **action}.items()))))
    errors = _some({}, {"retry_count": st.integers(0, 9), "fallback_step_id": to["next_step"]})
    more = draw(_some({}, {"description": _texts, "error_handling": errors}))
    return {"name": draw(_names), **more, "steps": [dict(each) for each in steps]}


_none: st.SearchStrategy[dict[str, Any]] = st.sampled_from([{}, {"type": "none"}])
_schemas = st.sampled_from([{}, {"type": "object"}, {"request": {"const": "x"}, "response": {"not": {"minimum": 1.5}}}])

_OBJECTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "intents": (
        "name",
        {"name": _names, "patterns": st.lists(_filled, min_size=1, max_size=2)},
        {"priority": st.integers(-9, 9), "intent_type": st.just("custom"), "response_template": _texts},
    ),
    "tools": (
        "id",
        {"id": _names | st.just("a.b"), "name": _texts | _names, "endpoint": _filled.map("http://x/{}".format)},
        {"method": st.just("PATCH"), "headers": _free, "parameters": _free, "authentication": _none, "body": values},
    ),
    "instructions": (
        "id",
        {"id": _names | st.just("instruction_1"), "title": _texts, "content": _texts},
        {"category": _texts, "tags": st.lists(_texts, max_size=2), "parameters": _free},
    ),
    "profiles": (
        "user_id",
        {"user_id": _names},
        {"name": _texts, "language": _texts, "preferences": st.dictionaries(_names, values, max_size=2)},
    ),
    "sessions": (
        "session_id",
        {"session_id": _names, "user_id": _filled | st.just("anonymous"), "start_time": _filled},
        {"data": _free, "context": _free, "active": st.booleans(), "ttl": st.integers(1, 9999)},
    ),
    "contracts": (
        "contract_id",
        {"contract_id": _names, "parties": st.lists(values, max_size=2), "terms": values, "valid_from": _filled},
        {"conditions": values, "endpoint": _filled, "schema": _schemas, "auth": _none},
    ),
}


@st.composite
def flat_documents(draw: st.DrawFn) -> dict[str, Any]:
    """A valid document of the flat form, with keys in any order."""
    made: dict[str, Any] = {"version": draw(st.sampled_from(["2.0", "2.1", "2.2"]))}
    if draw(st.booleans()):
        made["dialect"] = "edge/1"
    for flat, (key, required, optional) in _OBJECTS.items():
        if draw(st.booleans()):
            made[flat] = draw(_unique(_some(required, optional), key))
    if draw(st.booleans()):
        made["protocols"] = draw(_unique(_protocols(), "name"))
    return dict(draw(st.permutations(list(made.items()))))


#: Words that YAML takes for something else where they have no quotes.
_NO_TEXT = {"yes", "no", "on", "off", "true", "false", "null"}
#: A text that can stand in a block as it is.
_BLOCK = re.compile(r"\n*[!-~][ -~]*(\n[ -~]*)+")


class Writer:
    """Writes plain data as YAML in one of the many ways that there are; each comment has a number."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self.comments: list[str] = []

    def document(self, value: dict[str, Any]) -> str:
        """The text."""
        head = self._dice.choice(["", "---\n", "\n\n", "%YAML 1.2\n--- # begins\n"])
        if "# begins" in head:
            self.comments.append("# begins")
        lines = self._above("") + self._map(value, "")
        return head + "\n".join([*lines, *self._above("")]) + "\n"

    def _often(self, times: int) -> bool:
        return self._dice.randint(0, times) == 0

    def _comment(self) -> str:
        self.comments.append(f"# c{len(self.comments)}_")
        return self.comments[-1]

    def _above(self, margin: str) -> list[str]:
        lines = []
        while self._often(5):
            lines.append(margin + self._comment() if self._often(1) else "")
        return lines

    def _beside(self) -> str:
        return f" {self._comment()}" if self._often(6) else ""

    def _map(self, value: dict[str, Any], margin: str) -> list[str]:
        return [line for key, each in value.items() for line in self._pair(key, each, margin)]

    def _pair(self, key: str, value: Any, margin: str) -> list[str]:
        return [*self._above(margin), *self._value(margin + self._scalar(key) + ":", value, margin)]

    def _value(self, head: str, value: Any, margin: str) -> list[str]:
        deeper = margin + " " * self._dice.randint(1, 4)
        if isinstance(value, dict | list) and value and not self._often(3):
            inner = self._map(value, deeper) if isinstance(value, dict) else self._list(value, deeper)
            return [head + self._beside(), *self._above(deeper), *inner, *self._above(deeper)]
        if isinstance(value, str) and _BLOCK.fullmatch(value):
            ends = len(value) - len(value.rstrip("\n"))
            lines = value.split("\n")[: -1 if ends else None]
            mark = "|" + ("-" if not ends else "" if ends == 1 else "+")
            return [f"{head} {mark}{self._beside()}", *(deeper + line if line else "" for line in lines)]
        return [f"{head} {self._flow(value)}{self._beside()}"]

    def _list(self, value: list[Any], margin: str) -> list[str]:
        lines = []
        for each in value:
            lines += self._above(margin)
            if isinstance(each, dict) and each and self._often(1):
                inner = self._map(each, margin + "  ")
                first = next(
                    (i for i, line in enumerate(inner) if line.strip() and not line.strip().startswith("#")), 0
                )
                lines += inner[:first]
                lines += [margin + "- " + inner[first][len(margin) + 2 :], *inner[first + 1 :]]
            else:
                lines += self._value(margin + "-", each, margin)
        return lines

    def _flow(self, value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self._scalar(key)}: {self._flow(each)}" for key, each in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self._flow, value)) + "]"
        return self._scalar(value)

    def _scalar(self, value: Any) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        if value.isidentifier() and value.isascii() and value.lower() not in _NO_TEXT and self._often(1):
            return value
        if value.isprintable() and self._often(1):
            return "'" + value.replace("'", "''") + "'"
        return json.dumps(value, ensure_ascii=not value.isprintable())


@st.composite
def written(draw: st.DrawFn, documents: st.SearchStrategy[dict[str, Any]]) -> tuple[str, list[str]]:
    """A document as YAML, and its comments."""
    writer = Writer(draw(st.integers(0, 2**32)))
    return writer.document(draw(documents)), writer.comments
