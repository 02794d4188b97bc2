# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a language model behind any OpenAI-compatible URL (POST /v1/chat/completions), on the standard library."""

import json

from ganglion.errors import InvalidError, RefusedError, UnreachableError
from ganglion.mova.completion import Completion, EventStream, StreamError
from ganglion.mova.http import Answer, busy, exchange
from ganglion.mova.ports import PromptReply, PromptRequest
from ganglion.mova.question import AnswerError, body, reply
from ganglion.mova.secrets import Filling, Secrets

#: Seconds for an answer where the step names no bound.
TIMEOUT = 60.0


class Chat:
    """One model service.

    Args:
        url: Its base, as in `http://127.0.0.1:11434/v1`, or the whole of `…/chat/completions`.
        key: The bearer token; empty for none.
        model: Asked where the step's preset names none.
    """

    def __init__(self, url: str, key: str = "", model: str = "") -> None:
        base = url.rstrip("/")
        self._url = base if base.endswith("/chat/completions") else f"{base}/chat/completions"
        self._key = key
        self._model = model

    async def prompt(self, request: PromptRequest) -> PromptReply:
        """The model's answer, read from JSON where the request has a schema, or the tools that it calls.

        It is read as it is said, so that it ends where its seconds or its tokens do.

        Raises:
            UnreachableError: no whole answer, or a status that says to come again.
            RefusedError: another status of refusal.
            InvalidError: the answer is not one of this API, is cut at its tokens, or is not what was asked for.
        """
        completion = Completion(request.tokens)
        stream = EventStream()

        def take(data: bytes) -> bool:
            for event in stream.feed(data):
                completion.take_event(event)
            return completion.done

        headers = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        question = json.dumps(body(request, self._model), ensure_ascii=False).encode("utf-8", "replace")
        try:
            answer = await exchange("POST", self._url, headers, question, request.seconds or TIMEOUT, take=take)
            if answer.status != 200:
                raise self._refusal(answer)
            if answer.body:
                completion.take_document(answer.text)
            completion.close()
            return reply(request, completion)
        except StreamError as error:
            raise InvalidError(str(error)) from None
        except AnswerError as error:
            raise (UnreachableError if error.code == "incomplete" else InvalidError)(str(error)) from None

    def _refusal(self, answer: Answer) -> Exception:
        filling = Filling(Secrets())
        filling.keep(self._key)  # a service may repeat the key that it does not take
        message = f"the model service answered with HTTP status {answer.status}: {answer.text[:200].strip()}"
        return busy(answer, filling.hide(message)) or RefusedError(filling.hide(message))
