# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release asks of a node, and what a node lacks of it. Pure: the gateway plans by it, the node goes by it."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ganglion import sentences
from ganglion.errors import InvalidError
from ganglion.sentences import either, say

_VERSION = re.compile(r"\d{1,6}(\.\d{1,6}){0,3}")
_BEFORE = re.compile(r"\.dev(\d{1,20})")
_CLAUSE = re.compile(r"(>=|<=|==|>|<)\s*(\S+)")
_CAPABILITY = re.compile(r"(sensor|actuator):[A-Za-z0-9_.-]{1,128}")
_BOARD = re.compile(r"[A-Za-z0-9_./-]{1,64}")
#: Boards, and capabilities, of one release.
MAX_WORDS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Requires:
    """What a release needs.

    Attributes:
        board: Any of these boards, as `ganglion boards list` names them; none for every board.
        agent: Versions of Ganglion on the node, as in `>=0.1,<2`; "" for any.
        capabilities: Sensors and actuators that the node must have: `sensor:fridge.temperature`, `actuator:buzzer`.

    Raises:
        ValueError: one of them is none.
    """

    board: tuple[str, ...] = ()
    agent: str = ""
    capabilities: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, pattern, like in (
            ("board", _BOARD, "raspberry-pi-4"),
            ("capabilities", _CAPABILITY, "sensor:fridge.temperature or actuator:buzzer"),
        ):
            words = getattr(self, name)
            if len(words) > MAX_WORDS:
                raise ValueError(
                    say(
                        "{name} has {count} words, and {most} is the limit", name=name, count=len(words), most=MAX_WORDS
                    )
                )
            for word in words:
                if not isinstance(word, str) or not pattern.fullmatch(word):
                    raise ValueError(say("{name} has {word!r}: write it as {like}", name=name, word=word, like=like))
        _clauses(self.agent)

    @property
    def document(self) -> dict[str, Any]:
        """The same as plain values, those that ask for nothing left out; `read` takes it."""
        listed = {"board": list(self.board), "agent": self.agent, "capabilities": list(self.capabilities)}
        return {name: value for name, value in listed.items() if value}


def read(document: Any, *, where: str = "requires") -> Requires:
    """From plain values.

    Raises:
        InvalidError: they are none; the key is named.
    """
    names = {field.name for field in fields(Requires)}
    if not isinstance(document, dict) or document.keys() - names:
        raise InvalidError(say("is a map of {names}", names=", ".join(sorted(names))), where=where)
    agent = document.get("agent", "")
    if not isinstance(agent, str):
        raise InvalidError(say("is text, such as >=0.1"), where=f"{where}.agent")
    words: dict[str, tuple[str, ...]] = {}
    for name in ("board", "capabilities"):
        listed = document.get(name, [])
        if not isinstance(listed, list):
            raise InvalidError(say("is a list of words"), where=f"{where}.{name}")
        words[name] = tuple(listed)
    try:
        return Requires(agent=agent, **words)
    except ValueError as error:
        raise InvalidError(sentences.of(error), where=where) from None


def lacking(requires: Requires, *, board: str, agent: str, capabilities: Iterable[str]) -> list[str]:
    """What a node lacks: a sentence each, with the remedy; none where the release may run there.

    Args:
        board: The node's.
        agent: The version of Ganglion that it would run: what the release brings, or what is installed.
        capabilities: What it has; see `capabilities_of`.
    """
    found: list[str] = []
    if requires.board and board not in requires.board:
        found.append(
            say("it is for the board {boards}, and this node's is {board}", boards=either(requires.board), board=board)
        )
    if not satisfies(agent, requires.agent):
        found.append(
            say(
                "it needs Ganglion {needed}, and this node would run {agent}: have the release bring that (--agent, "
                "docs/releases.md), or install its package on the node (docs/packages.md) and start it again",
                needed=requires.agent,
                agent=agent,
            )
        )
    missing = set(requires.capabilities) - set(capabilities)
    found += [say("this node has no {what}", what=" ".join(each.split(":", 1))) for each in sorted(missing)]
    return found


def capabilities_of(caps: Mapping[str, Any]) -> set[str]:
    """The words for what a birth says of a node: its sensors' channels, the sensors, and its actuators."""
    found = set()
    sensors, actuators = caps.get("sensors"), caps.get("actuators")
    for name in sensors if isinstance(sensors, dict) else ():
        found |= {f"sensor:{name}", f"sensor:{str(name).partition('.')[0]}"}
    for name in actuators if isinstance(actuators, dict) else ():
        found.add(f"actuator:{name}")
    return found


def is_older(version: str, other: str) -> bool:
    """Whether a version is lower than another, by their numbers; `1.2.dev3` is before `1.2` (PEP 440)."""
    return _order(version) < _order(other)


def _order(version: str) -> tuple[tuple[int, ...], float]:
    before = _BEFORE.search(version)
    return _numbers(version), int(before[1]) if before else math.inf


def satisfies(version: str, wanted: str) -> bool:
    """Whether a version is one of those that are wanted. One that cannot be read is none."""
    numbers = _numbers(version)
    return all(_compare(numbers, sign, other) for sign, other in _clauses(wanted))


def _clauses(text: str) -> list[tuple[str, tuple[int, ...]]]:
    found = []
    for part in text.split(",") if text else ():
        match = _CLAUSE.fullmatch(part.strip())
        if match is None or not _VERSION.fullmatch(match[2]):
            raise ValueError(say("agent is {text!r}: write versions as >=0.1 or >=0.1,<2", text=text))
        found.append((match[1], _numbers(match[2])))
    return found


def _numbers(version: str) -> tuple[int, ...]:
    """Its numbers; what follows them, as in `1.2.dev3`, is left away, and zeros at the end mean nothing."""
    match = _VERSION.match(version)
    numbers = [int(each) for each in match[0].split(".")] if match else [-1]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _compare(have: tuple[int, ...], sign: str, other: tuple[int, ...]) -> bool:
    if have == (-1,):
        return False
    return {">=": have >= other, "<=": have <= other, "==": have == other, ">": have > other, "<": have < other}[sign]
