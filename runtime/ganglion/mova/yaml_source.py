# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads YAML with positions, from PyYAML's events, so that nothing is built that a document may not have.

Scalars are those of YAML 1.2's core schema, and `yes no on off` beside, which YAML 1.1 takes for booleans. A key is
always text. An alias shares what it names; what it would unfold to is counted against the size of a document.
"""

import re
from typing import Any

import yaml

from ganglion.mova.diagnostic import Place
from ganglion.mova.source import MAX_DEPTH, MAX_VALUES, Map, Report, Seq
from ganglion.mova.values import WrongNumberError, bounded, finite
from ganglion.words import _

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INT = re.compile(r"[-+]?(?:0|[1-9]\d{0,30})")
_BASED = re.compile(r"0(?:x[0-9A-Fa-f]{1,16}|o[0-7]{1,22})")
_FLOAT = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?")
_WORDS: dict[str, Any] = {"": None, "~": None}
_WORDS |= dict.fromkeys(("null", "Null", "NULL"))
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True)
_WORDS |= dict.fromkeys(("false", "False", "FALSE"), False)
_OLD = {word: value for low, value in (("yes", True), ("no", False), ("on", True), ("off", False))
        for word in (low, low.capitalize(), low.upper())}  # fmt: skip
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_TAG = "tag:yaml.org,2002:"
_TAGS = {"str", "int", "float", "bool", "null", "map", "seq"}


class _StopError(Exception):
    """A diagnostic has been made that ends the reading."""


def read(text: str, report: Report) -> Any:
    """The value of the one document in the text; None, with a diagnostic in the report, where it has none."""
    try:
        return _Builder(report).document(yaml.parse(text, Loader=_Loader))
    except _StopError:
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = [_(part) for part in (error.context if error.context_mark else "", error.problem) if part]
        problem = ", ".join(said).replace("\n", " ")
        report.add("MV001", Place("", _offset(mark, text)), _("not YAML: {problem}").format(problem=problem))
        return None
    except yaml.reader.ReaderError as error:
        report.add("MV001", Place("", min(error.position, len(text))), _("a character that YAML forbids"))
        return None


def _offset(mark: Any, text: str) -> int:
    return min(mark.index, len(text)) if mark is not None else 0


def _at(event: Any) -> int:
    return int(event.start_mark.index)


class _Frame:
    """A map or list that is being filled."""

    __slots__ = ("anchor", "before", "key", "key_at", "made", "merge")

    def __init__(self, made: Map | Seq, anchor: str | None, before: int) -> None:
        self.made = made
        self.anchor = anchor
        self.before = before
        self.key: str | None = None
        self.key_at = 0
        self.merge: list[Any] = []


class _Builder:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0
        self._root: Any = None
        self._old: int | None = None

    def document(self, events: Any) -> Any:
        documents = 0
        for event in events:
            match event:
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        self._refuse(
                            "MV004", event, _("a second document in the file"), _("write each document to its file")
                        )
                case yaml.ScalarEvent():
                    self._scalar(event)
                case yaml.MappingStartEvent():
                    self._open(Map(_at(event)), event)
                case yaml.SequenceStartEvent():
                    self._open(Seq(_at(event)), event)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._close()
                case yaml.AliasEvent():
                    self._alias(event)
        if self._old is not None:
            self._report.add(
                "MV007",
                Place("", self._old),
                _("yes, no, on and off are read as true and false here, and as text by YAML 1.2"),
                _("write true or false, or put text in quotes"),
            )
        return self._root

    def _refuse(self, code: str, event: Any, message: str, hint: str = "") -> None:
        self._report.add(code, Place("", _at(event)), message, hint)
        raise _StopError

    def _grow(self, event: Any, by: int = 1) -> None:
        self._count += by
        if self._count > MAX_VALUES:
            sentence = _("more than {most} values, aliases unfolded; a document may not have more")
            self._refuse("MV003", event, sentence.format(most=MAX_VALUES))

    def _key_wanted(self) -> bool:
        return bool(self._frames) and isinstance(self._frames[-1].made, Map) and self._frames[-1].key is None

    def _open(self, made: Map | Seq, event: Any) -> None:
        if self._key_wanted():
            self._refuse("MV004", event, _("a map or list as a key"), _("a key is one word or text in quotes"))
        if len(self._frames) >= MAX_DEPTH:
            sentence = _("deeper than {most} levels, and a document may not be deeper")
            self._refuse("MV003", event, sentence.format(most=MAX_DEPTH))
        self._check_tag(event, {"map" if isinstance(made, Map) else "seq"})
        self._grow(event)
        self._frames.append(_Frame(made, event.anchor, self._count - 1))

    def _close(self) -> None:
        frame = self._frames.pop()
        made = frame.made
        if isinstance(made, Map):
            for merged in frame.merge:
                for key in merged:
                    if key not in made:
                        made.put(key, merged.keys_at[key], merged[key], merged.values_at[key])
        if frame.anchor:
            self._anchors[frame.anchor] = (made, self._count - frame.before)
        self._put(made, made.offset)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            sentence = _("the alias *{name} has no anchor that is complete before it")
            self._refuse("MV004", event, sentence.format(name=event.anchor))
        value, size = self._anchors[event.anchor]
        self._grow(event, size)
        if self._key_wanted():
            if not isinstance(value, str):
                self._refuse("MV004", event, _("a map or list as a key"), _("a key is one word or text in quotes"))
            self._key(value, event)
        else:
            self._put(value, _at(event))

    def _scalar(self, event: Any) -> None:
        self._grow(event)
        if self._key_wanted():
            self._key(event.value, event)
            return
        value = self._value(event)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._put(value, _at(event))

    def _key(self, key: str, event: Any) -> None:
        frame = self._frames[-1]
        if key in frame.made:
            assert isinstance(frame.made, Map)
            line = self._report.position(frame.made.keys_at[key])[0]
            sentence = _("the key {key!r} stands here again, after line {line}")
            self._report.add("MV002", Place(key, _at(event)), sentence.format(key=key, line=line))
        frame.key = key
        frame.key_at = _at(event)

    def _put(self, value: Any, offset: int) -> None:
        if not self._frames:
            self._root = value
            return
        frame = self._frames[-1]
        made = frame.made
        if isinstance(made, Seq):
            made.put(value, offset)
            return
        key, frame.key = frame.key, None
        assert key is not None
        if key == "<<":
            maps = value if isinstance(value, list) else [value]
            if not all(isinstance(each, Map) for each in maps):
                self._report.add("MV004", Place(key, frame.key_at), _("<< merges maps only"))
                raise _StopError
            frame.merge.extend(maps)
        elif key not in made:
            made.put(key, frame.key_at, value, offset)

    def _check_tag(self, event: Any, fits: set[str]) -> str:
        if event.tag is None or event.tag == "!":
            return ""
        tag = str(event.tag).removeprefix(_TAG)
        if tag not in _TAGS or tag not in fits:
            message = _("the tag {tag} is not allowed").format(tag=event.tag)
            self._refuse("MV004", event, message, _("a document is plain data: leave it out"))
        return tag

    def _value(self, event: Any) -> Any:
        text: str = event.value
        tag = self._check_tag(event, _TAGS - {"map", "seq"})
        if tag == "str" or (not tag and (event.style or event.tag == "!")):
            return text
        try:
            value = _plain(text)
        except WrongNumberError as error:
            self._report.add("MV008", Place("", _at(event)), str(error))
            return None
        if isinstance(value, str) and text in _OLD:
            if self._old is None:
                self._old = _at(event)
            value = _OLD[text]
        if tag == "float" and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        kinds = {"int": int, "float": float, "bool": bool, "null": type(None)}
        if tag and type(value) is not kinds[tag]:
            sentence = _("{text!r} is not what its tag {tag} says")
            self._refuse("MV004", event, sentence.format(text=text, tag=event.tag))
        return value


def plain_value(text: str) -> Any:
    """What a scalar stands for that has neither quotes nor tag.

    Raises:
        WrongNumberError: it is a number that not every home of a script can hold.
    """
    return _OLD[text] if text in _OLD else _plain(text)


def _plain(text: str) -> Any:
    """A scalar without quotes, by YAML 1.2's core schema (10.3.2)."""
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if not (first.isdigit() or first in "+-."):
        return text
    if _INT.fullmatch(text):
        return bounded(int(text))
    if _BASED.fullmatch(text):
        return bounded(int(text, 0))
    if _FLOAT.fullmatch(text):
        return finite(float(text))
    if _INFINITE.fullmatch(text):
        raise WrongNumberError(_("a number that is not finite"))
    return text
