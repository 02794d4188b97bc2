# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the language model for nodes, and writes every question down. Without a model it says so; nothing pretends.

A refusal begins with a word for programs (`no_model`, `rate_limited`, `timeout`, …), then comes a sentence for people.
What may be otherwise in a moment is an `UnreachableError`; in every case the script takes its `otherwise`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import structlog

from ganglion.errors import GanglionError, InvalidError, RefusedError, UnreachableError
from ganglion.mesh.member import Peer
from ganglion.mova.completion import Completion, EventStream, StreamError
from ganglion.mova.ports import PromptReply
from ganglion.mova.question import AnswerError, body
from ganglion.units import SECOND
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.model.question import Question
from ganglion_gateway.settings import ModelSettings

_log = structlog.get_logger(__name__)

#: Questions at the model at the same time; the others wait within their own time.
_AT_ONCE = 8
#: Tries of one question, where the service was busy and there is time left.
_TRIES = 3
_PAUSE = 0.5
#: Bytes of an answer that is an error.
_MAX_ERROR = 4096

Record = Callable[[str, str, dict[str, Any]], Awaitable[None]]


class _BusyError(Exception):
    """The service asks to come again."""

    def __init__(self, code: str, message: str, after: float) -> None:
        super().__init__(message)
        self.code = code
        self.after = after


class _GoneError(Exception):
    """The service gave no whole answer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Bridge:
    """The way to one model.

    Args:
        settings: Where it is; None where there is none.
        metrics: Counts questions and tokens.
        record: Writes a question into the audit: node, action's target, details.
        clock: Nanoseconds since the Unix epoch.
    """

    def __init__(
        self,
        settings: ModelSettings | None,
        *,
        metrics: Metrics,
        record: Record,
        clock: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._record = record
        self._clock = clock
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._http: httpx.AsyncClient | None = None

    @property
    def name(self) -> str:
        """What is asked, for people; "" where there is no model."""
        if self._settings is None:
            return ""
        return self._settings.model or httpx.URL(self._settings.url).host

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def prompt(self, params: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """The method `prompt` of the mesh.

        Returns:
            `{value, text, model, tokens: {prompt, completion}, calls}`; of the tokens, those that the service counts,
            and the calls as in `PromptReply`.

        Raises:
            InvalidError: a parameter is wrong, or the model's answer is not what was asked for.
            RefusedError: there is no model, or the service does not want us.
            UnreachableError: the service is busy, slow, broken or away.
        """
        question = Question.read(params)
        began = self._clock()
        outcome, failure = "answered", ""
        completion = Completion(question.tokens)
        try:
            answer = await self._ask(question, completion)
        except GanglionError as error:
            outcome, _, failure = str(error).partition(": ")
            raise
        except asyncio.CancelledError:
            outcome, failure = "cancelled", "the node waits no more"
            raise
        finally:
            took = self._clock() - began
            self._count(outcome, completion, took)
            detail = {
                "script": question.script,
                "run": question.request.run,
                "outcome": outcome,
                "error": failure[:300],
                "model": completion.model,
                "tokens": _tokens(completion),
                "took_ms": round(took / 1_000_000),
            }
            await asyncio.shield(self._record(peer.node_id, peer.name, detail))
        return {
            "value": answer.value,
            "text": completion.text,
            "model": completion.model,
            "tokens": _tokens(completion),
            "calls": list(answer.calls),
        }

    async def _ask(self, question: Question, completion: Completion) -> PromptReply:
        settings = self._settings
        if settings is None:
            raise RefusedError("no_model: this gateway has no language model; GANGLION_LLM_URL gives it one")
        try:
            async with asyncio.timeout(question.seconds), self._turn:
                await self._patiently(settings, question, completion)
            return question.reply(completion)
        except TimeoutError:
            raise UnreachableError(f"timeout: the model gave no whole answer within {question.seconds:g} s") from None
        except _BusyError as busy:
            raise UnreachableError(f"{busy.code}: {busy}") from None
        except _GoneError as gone:
            raise UnreachableError(f"{gone.code}: {gone}") from None
        except StreamError as error:
            raise UnreachableError(f"bad_answer: {error}") from None
        except AnswerError as error:
            kind = UnreachableError if error.code == "incomplete" else InvalidError
            raise kind(f"{error.code}: {error}") from None

    async def _patiently(self, settings: ModelSettings, question: Question, completion: Completion) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + question.seconds
        for attempt in range(1, _TRIES + 1):
            try:
                await self._exchange(settings, question, completion)
            except _BusyError as busy:
                pause = max(busy.after, _PAUSE * 2 ** (attempt - 1))
                if attempt == _TRIES or loop.time() + pause >= deadline:
                    raise
                await asyncio.sleep(pause)
            else:
                return

    async def _exchange(self, settings: ModelSettings, question: Question, completion: Completion) -> None:
        if self._http is None:
            # A model may be on this machine or network, the operator has named it: no address is refused here
            self._http = httpx.AsyncClient(timeout=httpx.Timeout(None, connect=5.0), follow_redirects=False)
        headers = {"accept": "text/event-stream, application/json"}
        if settings.key:
            headers["authorization"] = f"Bearer {settings.key}"
        base = settings.url.rstrip("/")
        url = base if base.endswith("/chat/completions") else f"{base}/chat/completions"
        try:
            async with self._http.stream(
                "POST", url, json=body(question.request, settings.model), headers=headers
            ) as answer:
                if answer.status_code != 200:
                    await _refuse(answer)
                if "event-stream" in answer.headers.get("content-type", ""):
                    await _follow(answer, completion)
                else:
                    completion.take_document(await _read(answer))
        except httpx.TimeoutException as error:
            raise _GoneError("unreachable", f"the model service does not answer: {type(error).__name__}") from error
        except httpx.RemoteProtocolError as error:
            raise _GoneError("incomplete", f"the model service broke off: {error}") from error
        except httpx.TransportError as error:
            raise _GoneError("unreachable", f"the model service cannot be reached: {error}") from error

    def _count(self, outcome: str, completion: Completion, took: int) -> None:
        self._metrics.prompts.labels(outcome).inc()
        if completion.model or outcome == "answered":
            self._metrics.prompt.observe(took / SECOND)
        self._metrics.tokens.labels("prompt").inc(completion.prompt_tokens or 0)
        self._metrics.tokens.labels("completion").inc(completion.completion_tokens or 0)


async def _follow(answer: httpx.Response, completion: Completion) -> None:
    stream = EventStream()
    try:
        async for part in answer.aiter_bytes():
            for data in stream.feed(part):
                completion.take_event(data)
            if completion.done:
                return
    finally:
        completion.close()


async def _read(answer: httpx.Response) -> str:
    data = bytearray()
    async for part in answer.aiter_bytes():
        data += part
        if len(data) > 1024 * 1024:
            raise StreamError("the model service's answer is over 1 MiB")
    return data.decode("utf-8", "replace")


async def _refuse(answer: httpx.Response) -> None:
    """Raises what a status other than 200 means."""
    status = answer.status_code
    data = bytearray()
    async for part in answer.aiter_bytes():
        data += part
        if len(data) > _MAX_ERROR:
            break
    # What a service says may repeat the key it was given, so only its status is told on.
    _log.warning("model service refused", status=status, bytes=len(data))
    sentence = f"the model service answered with HTTP status {status}"
    if status == 429:
        raise _BusyError("rate_limited", sentence, _seconds(answer.headers.get("retry-after", "")))
    if status in (408, 425) or status >= 500:
        raise _BusyError("model_error", sentence, _seconds(answer.headers.get("retry-after", "")))
    if status in (401, 403):
        raise RefusedError(f"model_refused: {sentence}: check GANGLION_LLM_KEY")
    if status == 404:
        raise RefusedError(f"model_refused: {sentence}: check GANGLION_LLM_URL and GANGLION_LLM_MODEL")
    raise RefusedError(f"model_refused: {sentence}")


def _seconds(text: str) -> float:
    return float(text[:6]) if text.isascii() and text.isdecimal() else 0.0


def _tokens(completion: Completion) -> dict[str, int]:
    """What the service has counted, which may be nothing."""
    counted = {"prompt": completion.prompt_tokens, "completion": completion.completion_tokens}
    return {kind: count for kind, count in counted.items() if count is not None}
