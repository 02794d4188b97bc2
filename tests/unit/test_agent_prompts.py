# SPDX-License-Identifier: GPL-3.0-or-later
"""What scripts of a device ask a model, as the leaf says it and as the parent carries it on."""

import asyncio
from typing import Any

import pytest

from ganglion.errors import InvalidError, UnreachableError
from ganglion.mesh.leaves import prompts as parent
from ganglion.mesh.leaves.effects import Happened
from ganglion_agent.leafed import Leafed
from ganglion_agent.prompts import MOST, Prompts
from ganglion_micro.effects import Failure, Prompt
from support.leaves import Pair

SECOND = 10**9


def question(prompt: str = "Why?", *, seconds: int = 10) -> Prompt:
    return Prompt("1", prompt, {"type": "object"}, 50, seconds * SECOND, [None, 0.5, 40, None], [], [])


class Asking:
    """A joined leaf, and what came of its questions."""

    def __init__(self) -> None:
        self.pair = Pair()
        self.prompts = Prompts(self.pair.leaf, Leafed.asks)
        self.came: list[Any] = []

    def ask(self, effect: Prompt, now: int = 0) -> None:
        self.prompts.ask(effect, now, self.came.append)

    @property
    def failures(self) -> list[str]:
        return [each.message for each in self.came if isinstance(each, Failure)]


def test_a_question_is_an_event_and_the_answer_a_call() -> None:
    asking = Asking()
    asking.pair.join()
    asking.ask(question())
    asking.pair.pass_ms(10)
    [asked] = asking.pair.events
    assert asked == {
        "id": "1",
        "prompt": "Why?",
        "schema": {"type": "object"},
        "seconds": 10,
        "tokens": 40,
        "temperature": 0.5,
    }
    asking.prompts.answer({"id": "1", "value": {"cause": "door"}, "model": "m", "tokens": 9})
    assert asking.came == [[{"cause": "door"}, "m", 9]]
    with pytest.raises(ValueError, match="nobody waits"):
        asking.prompts.answer({"id": "1"})


def test_without_a_parent_or_an_answer_it_fails_in_time() -> None:
    asking = Asking()
    asking.ask(question())
    asking.pair.join()
    asking.ask(question())
    asking.prompts.advance(14 * SECOND)
    assert len(asking.came) == 1
    asking.prompts.advance(15 * SECOND)
    asking.ask(question())
    asking.prompts.answer({"id": "2", "error": "no model"})
    asking.ask(question("x" * 1024))
    assert asking.failures == [
        "the mesh is away, and a model is reached by way of it",
        "the model gave no answer in time",
        "no model",
        "the prompt is too long: 1024 bytes are the most, with all that is around it",
    ]


def test_questions_at_a_time_are_bounded() -> None:
    asking = Asking()
    asking.pair.join()
    for _ in range(MOST + 1):
        asking.ask(question())
    assert asking.failures == [f"{MOST} questions wait for an answer already"]


# The parent


class Way:
    """What the gateway answers, and what the leaf is told."""

    def __init__(self) -> None:
        self.answer: Any = {"value": "cold", "model": "m", "tokens": {"in": 3, "out": 4}}
        self.asked: list[Any] = []
        self.told: list[Any] = []
        self.too_long = False
        self.go = asyncio.Event()
        self.go.set()

    async def request(self, method: str, params: dict[str, Any], seconds: float) -> dict[str, Any]:
        self.asked.append((method, params, seconds))
        await self.go.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        answer: dict[str, Any] = self.answer
        return answer

    async def call(self, leaf: str, method: str, params: dict[str, Any]) -> None:
        if self.too_long and "value" in params:
            raise InvalidError("1025 bytes")
        self.told.append((leaf, method, params))


async def carried(way: Way, *values: Any) -> list[Any]:
    prompts = parent.Prompts(way.request, way.call)
    for number, value in enumerate(values):
        prompts.take(Happened("garden", "prompt", "prompt", value, 0, b"", 1, number))
    for _ in range(20):
        await asyncio.sleep(0)
    way.go.set()
    for _ in range(20):
        await asyncio.sleep(0)
    prompts.close()
    return way.told


async def test_the_parent_asks_the_gateway_in_the_place_of_its_leaf() -> None:
    way = Way()
    asked = {"id": "1", "prompt": "Why?", "seconds": 5, "tokens": 50, "schema": {"type": "string"}, "stray": 1}
    told = await carried(way, asked)
    params = {"prompt": "Why?", "seconds": 5, "max_tokens": 50, "schema": {"type": "string"}, "run": "leaf/garden/1"}
    assert way.asked == [("prompt", params, 10)]
    assert told == [("garden", "answer", {"id": "1", "value": "cold", "model": "m", "tokens": 7})]


@pytest.mark.parametrize("wrong", [None, {}, {"id": 1, "prompt": "x", "seconds": 1}, {"id": "1", "prompt": "x"}])
async def test_what_is_no_question_is_answered_with_an_error(wrong: Any) -> None:
    way = Way()
    [(_, _, said)] = await carried(way, wrong)
    assert "error" in said
    assert way.asked == []


async def test_a_model_that_cannot_be_had_and_an_answer_that_is_too_long_are_said() -> None:
    way = Way()
    way.answer = UnreachableError("no model is configured")
    asked = {"id": "1", "prompt": "Why?", "seconds": 5}
    assert await carried(way, asked) == [("garden", "answer", {"id": "1", "error": "no model is configured"})]
    way = Way()
    way.too_long = True
    [(_, _, said)] = await carried(way, asked)
    assert said == {"id": "1", "error": "the model's answer is too long for a leaf"}


async def test_a_leaf_asks_four_things_at_a_time() -> None:
    way = Way()
    way.go.clear()
    asked = {"id": "1", "prompt": "Why?", "seconds": 5}
    told = await carried(way, *[asked] * 6)
    assert len(way.asked) == 4
    assert sum("error" in said for _, _, said in told) == 2
