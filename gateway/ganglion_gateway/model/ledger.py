# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down what was asked of language models and what it took: the audit's entry and the day's sums in one write."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.units import MILLISECOND
from ganglion_gateway.store import audit, model_usage
from ganglion_gateway.store.database import Database
from ganglion_gateway.store.model_usage import day_of

#: Letters of an error that are kept.
_ERROR = 300


class Spent(NamedTuple):
    """What one model used for a question.

    Attributes:
        model: The name that it is configured under.
        prompt, completion: Tokens.
        cost: In millionths of what prices are in.
        guessed: Whether its service has not counted all of the tokens.
    """

    model: str
    prompt: int
    completion: int
    cost: int
    guessed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One question.

    Attributes:
        node, name: Who asked, by id and name.
        script, run: What asked there.
        outcome: `answered`, or the word of the refusal; `error` is its sentence.
        model: What was asked last, by the name that it is configured under; "" where nothing was.
        answered_by: What it calls itself.
        counted: Tokens that the service of the last one has counted.
        spent: What each model used that has begun to answer.
        cached: Whether the answer was kept from before, so that nothing was used.
        tried: Models before that did not answer, and why.
        took: Nanoseconds.
    """

    node: str
    name: str
    script: str
    run: str
    outcome: str
    error: str
    model: str
    answered_by: str
    counted: dict[str, int]
    spent: list[Spent]
    cached: bool
    tried: list[dict[str, str]]
    took: int

    def detail(self) -> dict[str, Any]:
        """For the audit. What was asked and answered is not in it."""
        told: dict[str, Any] = {
            "script": self.script,
            "run": self.run,
            "outcome": self.outcome,
            "error": self.error[:_ERROR],
            "model": self.answered_by or self.model,
            "tokens": self.counted,
            "used": {"prompt": sum(each.prompt for each in self.spent)},
            "cost": sum(each.cost for each in self.spent) / 1_000_000,
            "took_ms": round(self.took / MILLISECOND),
        }
        told["used"]["completion"] = sum(each.completion for each in self.spent)
        told |= {"guessed": True} if any(each.guessed for each in self.spent) else {}
        told |= {"cached": True} if self.cached else {}
        return told | ({"tried": self.tried} if self.tried else {})


class Ledger:
    """The one of a gateway.

    Args:
        database: Where it is.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(self, database: Database, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    async def write(self, entry: Entry) -> None:
        """One question; it is stored when this returns."""
        now = self._clock()
        key = {"day": day_of(now), "node": entry.node, "script": entry.script}
        asked = {"questions": 1, "cached": int(entry.cached), "prompt_tokens": 0, "completion_tokens": 0, "cost": 0}

        async def work(connection: AsyncConnection) -> None:
            await audit.record(
                connection,
                at=now,
                actor=entry.name,
                action="model.prompt",
                target=entry.node,
                detail=entry.detail(),
            )
            if entry.model:
                await model_usage.add(connection, {**key, "model": entry.model}, asked)
            for each in entry.spent:
                counts = {"prompt_tokens": each.prompt, "completion_tokens": each.completion, "cost": each.cost}
                await model_usage.add(connection, {**key, "model": each.model}, {**counts, "questions": 0, "cached": 0})

        await self._database.write(work, patient=True)
