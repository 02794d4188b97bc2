# SPDX-License-Identifier: GPL-3.0-or-later
"""One service that speaks the chat-completions API: asked again where it is busy, followed as it streams."""

import asyncio
from typing import Any

import httpx
import structlog

from ganglion.errors import RefusedError
from ganglion.mova.completion import Completion, EventStream, StreamError
from ganglion_gateway.model.configuration import ModelSettings

_log = structlog.get_logger(__name__)

#: Tries of one question, where the service was busy and there is time left.
_TRIES = 3
_PAUSE = 0.5
#: Bytes of an answer that does not stream, and of one that is an error.
_MAX_ANSWER = 1024 * 1024
_MAX_ERROR = 4096
#: Letters of a key that are told to nobody.
_PART = 8


class ServiceError(Exception):
    """The service gave no whole answer; another one might. `code` is for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _BusyError(ServiceError):
    """The service asks to come again."""

    def __init__(self, code: str, message: str, after: float) -> None:
        super().__init__(code, message)
        self.after = after


class Service:
    """The connections to one model's service."""

    def __init__(self, settings: ModelSettings) -> None:
        self.settings = settings
        self._http: httpx.AsyncClient | None = None

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def ask(self, body: dict[str, Any], completion: Completion, *, seconds: float) -> None:
        """Has a request answered; `completion` grows as the answer does.

        Args:
            seconds: How long it may be asked again where it is busy.

        Raises:
            ServiceError: it is busy, broken or away.
            StreamError: what it says is none of this API.
            RefusedError: it does not want us.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        for attempt in range(1, _TRIES + 1):
            try:
                await self._exchange(body, completion)
            except _BusyError as busy:
                pause = max(busy.after, _PAUSE * 2 ** (attempt - 1))
                if attempt == _TRIES or loop.time() + pause >= deadline:
                    raise
                await asyncio.sleep(pause)
            else:
                return

    async def _exchange(self, body: dict[str, Any], completion: Completion) -> None:
        if self._http is None:
            # A model may be on this machine or network, the operator has named it: no address is refused here
            self._http = httpx.AsyncClient(timeout=httpx.Timeout(None, connect=5.0), follow_redirects=False)
        headers = {"accept": "text/event-stream, application/json"}
        if self.settings.key:
            headers["authorization"] = f"Bearer {self.settings.key}"
        base = self.settings.url.rstrip("/")
        url = base if base.endswith("/chat/completions") else f"{base}/chat/completions"
        try:
            async with self._http.stream("POST", url, json=body, headers=headers) as answer:
                if answer.status_code != 200:
                    await self._refuse(answer)
                if "event-stream" in answer.headers.get("content-type", ""):
                    await _follow(answer, completion)
                else:
                    completion.take_document(await _read(answer))
        except StreamError as error:
            if _repeats(str(error), self.settings.key):
                raise StreamError("the model service's answer is none, and repeats our key: it is not shown") from None
            raise
        except httpx.TimeoutException as error:
            raise ServiceError("unreachable", f"the model service does not answer: {type(error).__name__}") from error
        except httpx.RemoteProtocolError as error:
            raise ServiceError("incomplete", f"the model service broke off: {error}") from error
        except httpx.TransportError as error:
            raise ServiceError("unreachable", f"the model service cannot be reached: {error}") from error
        except (httpx.RequestError, httpx.InvalidURL) as error:  # as of a body that is not encoded as it says
            raise ServiceError("bad_answer", f"the model service is not understood: {error}") from error

    async def _refuse(self, answer: httpx.Response) -> None:
        """Raises what a status other than 200 means."""
        status = answer.status_code
        size = 0
        async for part in answer.aiter_bytes():
            size += len(part)
            if size > _MAX_ERROR:
                break
        # What a service says may repeat the key it was given, so only its status is told on.
        _log.warning("model service refused", model=self.settings.called, status=status, bytes=size)
        sentence = f"the model service answered with HTTP status {status}"
        if status == 429:
            raise _BusyError("rate_limited", sentence, _seconds(answer.headers.get("retry-after", "")))
        if status in (408, 425) or status >= 500:
            raise _BusyError("model_error", sentence, _seconds(answer.headers.get("retry-after", "")))
        if status in (401, 403):
            raise RefusedError(f"model_refused: {sentence}: check GANGLION_LLM_KEY, or the model's key_file")
        if status == 404:
            raise RefusedError(f"model_refused: {sentence}: check the model's url and name")
        raise RefusedError(f"model_refused: {sentence}")


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
        if len(data) > _MAX_ANSWER:
            raise StreamError("the model service's answer is over 1 MiB")
    return data.decode("utf-8", "replace")


def _repeats(text: str, key: str) -> bool:
    """Whether a part of the key is in a text, which may have been cut within it."""
    return bool(key) and any(key[i : i + _PART] in text for i in range(max(1, len(key) - _PART + 1)))


def _seconds(text: str) -> float:
    return float(text[:6]) if text.isascii() and text.isdecimal() else 0.0
