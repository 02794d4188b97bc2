# SPDX-License-Identifier: GPL-3.0-or-later
"""What was said lately, once for all who follow it: each of them has a place in it and no buffer of its own.

So a thousand clients take as much memory as one, a client that is too slow is one whose place has gone, and one that
comes back after a break goes on at its place. Pure: time is an argument.
"""

import json
import secrets
from collections import deque
from typing import Any

import cbor2

#: Seconds, messages and bytes of JSON that are kept.
SECONDS, MESSAGES, BYTES = 60.0, 20_000, 32 * 1024 * 1024


class Message:
    """One thing that was said.

    Attributes:
        number: Counts up from 1.
        channel: Where.
        text: Its frame as JSON.
    """

    __slots__ = ("_binary", "_document", "at", "channel", "number", "text")

    def __init__(self, number: int, channel: str, token: str, data: Any, at: float) -> None:
        self.number = number
        self.channel = channel
        self.at = at
        self._document: dict[str, Any] | None = {
            "type": "message",
            "channel": channel,
            "token": token,
            "data": data,
        }
        self.text = json.dumps(self._document, ensure_ascii=False, separators=(",", ":"))
        self._binary: bytes | None = None

    @property
    def binary(self) -> bytes:
        """Its frame as CBOR, made when the first client wants it."""
        if self._binary is None:
            self._binary = cbor2.dumps(self._document)
            self._document = None
        return self._binary


class Ring:
    """The last minute.

    Args:
        stream: Names this one: a token of another, as of before a restart, is no place here.

    Attributes:
        last: The number of the newest message; 0 while there was none.
    """

    def __init__(
        self, *, stream: str = "", seconds: float = SECONDS, messages: int = MESSAGES, size: int = BYTES
    ) -> None:
        self._stream = stream or secrets.token_hex(6)
        self._seconds = seconds
        self._most = messages
        self._size = size
        self._kept: deque[Message] = deque()
        self._bytes = 0
        self._followers = 0
        self._until = 0.0
        self.last = 0

    def follow(self, now: float) -> None:
        """Somebody follows from now on. `now` is in monotonic seconds."""
        if not self.is_heard(now):
            self._kept.clear()  # nobody followed meanwhile, and nothing was kept: places from before are gone
            self._bytes = 0
            self.last += 1
        self._followers += 1

    def leave(self, now: float) -> None:
        """Somebody follows no more, and may be back."""
        self._followers -= 1
        self._until = now + self._seconds

    def is_heard(self, now: float) -> bool:
        """Whether it matters what is said: somebody follows, or did a moment ago."""
        return self._followers > 0 or now < self._until

    def say(self, channel: str, data: Any, now: float) -> None:
        """Keeps it for those who follow; nothing where nobody does."""
        if not self.is_heard(now):
            return
        self.last += 1
        message = Message(self.last, channel, self.token(self.last), data, now)
        self._kept.append(message)
        self._bytes += len(message.text)
        while self._kept and (
            len(self._kept) > self._most or self._bytes > self._size or now - self._kept[0].at > self._seconds
        ):
            self._bytes -= len(self._kept.popleft().text)

    def token(self, number: int) -> str:
        """What a client shows to go on behind a message."""
        return f"{self._stream}.{number}"

    def place(self, token: str) -> int | None:
        """The number that a token is of; None where it is of another stream, or none."""
        stream, _, number = token.partition(".")
        if stream != self._stream or not (number.isascii() and number.isdecimal() and len(number) < 20):
            return None
        return int(number) if int(number) <= self.last else None

    def holds(self, place: int) -> bool:
        """Whether all that was said behind a place is still there."""
        return place == self.last or bool(self._kept and self._kept[0].number <= place + 1)

    @property
    def oldest(self) -> int:
        """The place before all that is kept."""
        return self._kept[0].number - 1 if self._kept else self.last

    def after(self, place: int, most: int) -> list[Message]:
        """What was said behind a place, the first first."""
        if not self._kept:
            return []
        start = max(0, place + 1 - self._kept[0].number)
        return [self._kept[i] for i in range(start, min(start + most, len(self._kept)))]
