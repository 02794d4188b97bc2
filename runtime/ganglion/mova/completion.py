# SPDX-License-Identifier: GPL-3.0-or-later
"""A streamed chat completion without I/O: bytes in, the answer out.

Server-sent events as the HTML standard defines them (section 9.2.6), each `data` a `chat.completion.chunk`.
"""

import codecs
import json
from dataclasses import dataclass, field
from typing import Any

from ganglion.errors import RemoteProtocolError

#: Letters of an answer, and of one event. More is no answer to a script.
MAX_ANSWER = 256 * 1024
#: Calls of tools in one answer.
MAX_CALLS = 32
#: Tokens that a service may say it has counted, to be believed.
_MAX_COUNT = 1 << 31


class StreamError(RemoteProtocolError):
    """The bytes are no stream of this API, or too many."""


@dataclass(slots=True)
class Call:
    """A call of a tool that a model asks for, as it grows. `arguments` are the text of JSON."""

    id: str = ""
    name: str = ""
    arguments: str = ""


class EventStream:
    """Splits bytes, cut anywhere, into the data of server-sent events."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._line = ""
        self._data: list[str] = []
        self._size = 0
        self._was_return = False

    def feed(self, data: bytes) -> list[str]:
        """The data of the events that are whole now.

        Raises:
            StreamError: an event that does not end.
        """
        found: list[str] = []
        text = self._line + self._decode(data)
        if self._was_return and text.startswith("\n"):
            text = text[1:]
        self._was_return = text.endswith("\r")
        *lines, self._line = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in lines:
            if not line:
                if self._data:
                    found.append("\n".join(self._data))
                    self._data = []
                    self._size = 0
                continue
            name, _, value = line.partition(":")
            if name == "data":
                self._data.append(value.removeprefix(" "))
                self._size += len(value)
        if self._size + len(self._line) > MAX_ANSWER:
            raise StreamError(f"an event of the model service is over {MAX_ANSWER} letters")
        return found


@dataclass(slots=True)
class Completion:
    """An answer as it grows.

    Attributes:
        limit: Tokens that the answer may take; None for no bound. Each part of a stream has one at least, so a service
            that does not keep to the bound is cut at that many parts.
        text: What the model has said so far.
        calls: The tools that it asks for, in its order.
        model: What answered, in its own words.
        finish: Why it stopped: `stop`, `length`, `content_filter`; "" while it has not said.
        prompt_tokens, completion_tokens: As the service counted; None where it does not say.
        done: Whether the end has come as it should.
    """

    limit: int | None = None
    text: str = ""
    calls: list[Call] = field(default_factory=list)
    model: str = ""
    finish: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    done: bool = False
    _parts: list[str] = field(default_factory=list, repr=False)
    _count: int = 0
    _size: int = 0

    def take_event(self, data: str) -> None:
        """The data of one event.

        Raises:
            StreamError: it is no chunk of a completion, or the service says what went wrong in it.
        """
        if data.strip() == "[DONE]":
            self.done = True
            return
        document = _document(data)
        self._take(document)
        for choice in _choices(document):
            delta = choice.get("delta")
            if isinstance(delta, dict):
                self._say(delta.get("content"))
                self._call(delta.get("tool_calls"))
                self._count += bool(delta.get("content") or delta.get("tool_calls"))
            self._finish(choice)
            if self.limit is not None and self._count > self.limit:
                self.finish = "length"
                self.done = True

    def take_document(self, data: str) -> None:
        """The whole answer of a service that does not stream.

        Raises:
            StreamError: it is no completion.
        """
        document = _document(data)
        self._take(document)
        choices = _choices(document)
        if not choices or not isinstance(choices[0].get("message"), dict):
            raise StreamError("the model service's answer is no chat completion")
        self._say(choices[0]["message"].get("content"))
        self._call(choices[0]["message"].get("tool_calls"))
        self._finish(choices[0])
        self.done = True
        self.close()

    def close(self) -> None:
        """Nothing more comes."""
        self.text = _whole("".join(self._parts))
        for call in self.calls:
            call.id, call.name, call.arguments = _whole(call.id), _whole(call.name), _whole(call.arguments)

    def _take(self, document: dict[str, Any]) -> None:
        if (error := document.get("error")) is not None:
            message = error.get("message") if isinstance(error, dict) else error
            raise StreamError(f"the model service says: {str(message)[:200]}")
        if isinstance(model := document.get("model"), str) and model:
            self.model = "".join(each if each.isprintable() else "?" for each in model[:128])
        if isinstance(usage := document.get("usage"), dict):
            self.prompt_tokens = _count(usage.get("prompt_tokens"))
            self.completion_tokens = _count(usage.get("completion_tokens"))

    def _say(self, content: Any) -> None:
        self._parts.append(self._grown(content))

    def _call(self, given: Any) -> None:
        """Parts of calls: of a stream each has the `index` of the call that it goes on with."""
        for i, part in enumerate(given if isinstance(given, list) else ()):
            if not isinstance(part, dict):
                continue
            index = part.get("index", i)
            if type(index) is not int or not 0 <= index < MAX_CALLS:
                raise StreamError(f"the model calls more than {MAX_CALLS} tools at once")
            while len(self.calls) <= index:
                self.calls.append(Call())
            call = self.calls[index]
            if isinstance(part.get("id"), str) and part["id"]:
                call.id = part["id"][:128]
            function = part.get("function")
            if isinstance(function, dict):
                call.name += self._grown(function.get("name"))
                call.arguments += self._grown(function.get("arguments"))

    def _grown(self, text: Any) -> str:
        if not isinstance(text, str):
            return ""
        self._size += len(text)
        if self._size > MAX_ANSWER:
            raise StreamError(f"the model's answer is over {MAX_ANSWER} letters")
        return text

    def _finish(self, choice: dict[str, Any]) -> None:
        if isinstance(reason := choice.get("finish_reason"), str):
            self.finish = reason


def _document(data: str) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise StreamError(f"the model service's answer is not JSON: {data[:80]!r}") from None
    if not isinstance(document, dict):
        raise StreamError("the model service's answer is no chat completion")
    return document


def _choices(document: dict[str, Any]) -> list[dict[str, Any]]:
    choices = document.get("choices")
    return [choice for choice in choices if isinstance(choice, dict)][:1] if isinstance(choices, list) else []


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < _MAX_COUNT else None


def _whole(text: str) -> str:
    """The text with halves of a character (UTF-16 surrogates, as JSON may escape them) put together, or replaced."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
