# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks language models for nodes, and writes every question down. Without a model it says so; nothing pretends.

A refusal begins with a word for programs (`no_model`, `budget`, `rate_limited`, `timeout`, …), then comes a sentence
for people. What may be otherwise in a moment is an `UnreachableError`; in every case the script takes its `otherwise`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakValueDictionary

from ganglion.errors import GanglionError, InvalidError, RefusedError, UnreachableError
from ganglion.mesh.member import Peer
from ganglion.mova.completion import Completion, StreamError
from ganglion.mova.ports import PromptReply
from ganglion.mova.question import AnswerError, body
from ganglion.units import SECOND
from ganglion_gateway.cache.store import Cache
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.model.answers import Answers, letters
from ganglion_gateway.model.budget import Budgets, Share, guessed
from ganglion_gateway.model.configuration import ModelSettings, ModelsSettings, seconds
from ganglion_gateway.model.ledger import Entry, Ledger, Spent
from ganglion_gateway.model.question import Question
from ganglion_gateway.model.service import Service, ServiceError

#: Questions at the models at the same time, and those of one node, so that it leaves room for others; the rest waits
#: within its own time.
_AT_ONCE = 8
_OF_ONE = 4
#: Refusals after which another model is asked.
_OTHERS = (ServiceError, StreamError, TimeoutError, RefusedError)


@dataclass(slots=True)
class _Asking:
    """How far a question is.

    Attributes:
        completion: The answer of the model that was asked last.
        model: Its name for people.
        shares: Of the budgets, one for each model that was asked.
        spent: What each of them used.
        cached: Whether the answer was there already.
        tried: Models that did not answer, and why.
    """

    completion: Completion = field(default_factory=Completion)
    model: str = ""
    shares: list[Share] = field(default_factory=list)
    spent: list[Spent] = field(default_factory=list)
    cached: bool = False
    tried: list[dict[str, str]] = field(default_factory=list)


class Bridge:
    """The way to the models.

    Args:
        settings: Which there are.
        budgets: What may be used of them.
        ledger: Writes down each question, and what it took.
        cache: Keeps answers; None for no cache.
        metrics: Counts questions and tokens.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(
        self,
        settings: ModelsSettings,
        *,
        budgets: Budgets,
        ledger: Ledger,
        cache: Cache | None,
        metrics: Metrics,
        clock: Callable[[], int],
    ) -> None:
        self._services = [Service(model) for model in settings.models]
        self._budgets = budgets
        self._ledger = ledger
        self._answers = Answers(cache, settings.cache.ttl)
        self._metrics = metrics
        self._clock = clock
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()  # of who asks now

    async def aclose(self) -> None:
        """Closes the connections."""
        for service in self._services:
            await service.aclose()
        await self._answers.aclose()

    async def prompt(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """The method `prompt` of the mesh.

        Returns:
            `{value, text, model, tokens: {prompt, completion}, calls}`; of the tokens, those that the service counts,
            and the calls as in `PromptReply`.

        Raises:
            InvalidError: a parameter is wrong, or the model's answer is not what was asked for.
            RefusedError: there is no model, none of a budget is left, or the service does not want us.
            UnreachableError: the service is busy, slow, broken or away.
        """
        question = Question.read(params)
        began = self._clock()
        outcome, failure = "failed", "the gateway failed here; its log says why"
        asking = _Asking()
        try:
            answer = await self._ask(question, peer, asking)
            outcome, failure = "answered", ""
        except GanglionError as error:
            outcome, _, failure = str(error).partition(": ")
            raise
        except asyncio.CancelledError:
            outcome, failure = "cancelled", "the node waits no more"
            raise
        finally:
            took = self._clock() - began
            self._count(outcome, asking, took)
            entry = Entry(
                node=peer.node_id,
                name=peer.name,
                script=question.script,
                run=question.request.run,
                outcome=outcome,
                error=failure,
                model=asking.model,
                answered_by=asking.completion.model,
                counted=_tokens(asking.completion),
                spent=asking.spent,
                cached=asking.cached,
                tried=asking.tried,
                took=took,
            )
            await asyncio.shield(self._written(entry, asking))
        return {
            "value": answer.value,
            "text": asking.completion.text,
            "model": asking.completion.model,
            "tokens": _tokens(asking.completion),
            "calls": list(answer.calls),
        }

    async def _written(self, entry: Entry, asking: _Asking) -> None:
        try:
            await self._ledger.write(entry)
        finally:
            self._budgets.give_back(asking.shares)

    async def _ask(self, question: Question, peer: Peer, asking: _Asking) -> PromptReply:
        """The answer of the first model that gives one."""
        services = self._chosen(question)
        if not services:
            raise RefusedError("no_model: this gateway has no language model; GANGLION_LLM_URL gives it one")
        deadline = asyncio.get_running_loop().time() + question.seconds
        first: GanglionError | None = None
        for i, (service, asked) in enumerate(services):
            left = deadline - asyncio.get_running_loop().time()
            within = seconds(service.settings, left, len(services) - i)
            try:
                return await self._try(service, asked, peer, asking, within)
            except AnswerError as error:
                kind = UnreachableError if error.code == "incomplete" else InvalidError
                failure: GanglionError = kind(f"{error.code}: {error}")
                if kind is InvalidError:
                    raise failure from None  # it was answered, and another model is no better asked
            except _OTHERS as error:
                failure = _told(error, within)
            asking.tried.append({"model": service.settings.called, "outcome": str(failure).partition(": ")[0]})
            first = first or failure
        assert first is not None  # there is one for each service
        raise first

    def _chosen(self, question: Question) -> list[tuple[Service, Question]]:
        """Whom to ask what, one after the other: the model that the script names, then the others as configured."""
        plain = replace(question, request=replace(question.request, model=None))
        wanted = question.request.model
        named = [service for service in self._services if service.settings.called == wanted]
        others = [service for service in self._services if service not in named]
        chosen = [(service, plain) for service in [*named, *others]]
        if wanted and not named and chosen:  # a name of the first service's own
            chosen[0] = (chosen[0][0], question)
        return chosen

    async def _try(
        self, service: Service, question: Question, peer: Peer, asking: _Asking, within: float
    ) -> PromptReply:
        """One model's answer, within so many seconds."""
        model = service.settings
        asking.model, asking.completion = model.called, Completion(question.tokens)
        request = body(question.request, model.model)
        if (kept := await self._answers.find(model, request)) is not None:
            asking.completion, asking.cached = kept, True
            return question.reply(kept)
        scopes = self._budgets.scopes(peer.node_id, peer.name, question.script)
        size = letters(request)
        turn = self._turns.setdefault(peer.node_id, asyncio.Semaphore(_OF_ONE))
        async with asyncio.timeout(within), turn, self._turn:
            share = await self._budgets.share(scopes, model, prompt=size, most=question.tokens)
            asking.shares.append(share)
            asking.completion = completion = Completion(share.answer)
            try:
                await service.ask({**request, "max_tokens": share.answer}, completion, seconds=within)
            finally:
                asking.spent += (spent := _spent(completion, model, size))
                share.tokens = sum(each.prompt + each.completion for each in spent)
                share.cost = sum(each.cost for each in spent)
        reply = replace(question, request=replace(question.request, tokens=share.answer)).reply(completion)
        await self._answers.keep(model, request, completion)
        return reply

    def _count(self, outcome: str, asking: _Asking, took: int) -> None:
        self._metrics.prompts.labels("cached" if asking.cached and outcome == "answered" else outcome).inc()
        if asking.completion.model or outcome == "answered":
            self._metrics.prompt.observe(took / SECOND)
        self._metrics.tokens.labels("prompt").inc(sum(each.prompt for each in asking.spent))
        self._metrics.tokens.labels("completion").inc(sum(each.completion for each in asking.spent))


def _spent(answer: Completion, model: ModelSettings, size: int) -> list[Spent]:
    """What an answer took, also half of one; what the service did not count is guessed."""
    if not (answer.text or answer.calls or answer.model):
        return []  # it has not begun to answer
    said = len(answer.text) + sum(len(call.name) + len(call.arguments) for call in answer.calls)
    prompt, completion = answer.prompt_tokens, answer.completion_tokens
    is_guessed = prompt is None or completion is None
    prompt = guessed(size) if prompt is None else prompt
    completion = guessed(said) if completion is None else completion
    return [Spent(model.called, prompt, completion, model.cost(prompt, completion), is_guessed)]


def _told(error: Exception, within: float) -> GanglionError:
    """Why a model did not answer, as the node hears it."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, ServiceError):
        return UnreachableError(f"{error.code}: {error}")
    if isinstance(error, StreamError):
        return UnreachableError(f"bad_answer: {error}")
    return UnreachableError(f"timeout: the model gave no whole answer within {within:.3g} s")


def _tokens(completion: Completion) -> dict[str, int]:
    """What the service has counted, which may be nothing."""
    counted = {"prompt": completion.prompt_tokens, "completion": completion.completion_tokens}
    return {kind: count for kind, count in counted.items() if count is not None}
