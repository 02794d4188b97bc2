# SPDX-License-Identifier: GPL-3.0-or-later
"""MQTT 3.1.1 for a board, without I/O: one connection, QoS 0 and 1, a will, a keep-alive. Sections are the standard's.

Bytes go in by `feed` and out of `out`; time comes by `advance`. A session is clean, so nothing outlives a connection:
who has something that must arrive says it again on the next one. A message too large for a board, or on a longer topic
than any of its own, is acknowledged and passed over: one that is retained would else keep it off the broker.
"""

#: Seconds of silence after which the broker may give us up; we say something after half of it (3.1.2.10).
KEEP_ALIVE = 30
#: Milliseconds after which a broker that has said nothing is given up: three questions of ours were not answered.
SILENCE_MS = 45000
#: Bytes of the largest packet that is taken, and of the longest topic.
MAX_SIZE = 4096
MAX_TOPIC = 160
#: Messages that a broker may owe us an acknowledgement for.
UNACKNOWLEDGED = 16

_REFUSALS = (
    "it speaks another version of MQTT",
    "it does not take our client identifier",
    "it is not available",
    "it does not know the user or the password",
    "the account may not connect",
)


class MqttError(Exception):
    """The connection is of no use any more; the message says why.

    Attributes:
        refused: Whether the broker has said no, so that asking again soon is of no use.
    """

    def __init__(self, message: str, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class Mqtt:
    """One connection to a broker.

    Args:
        client: The client identifier.
        will: Topic and payload that the broker is to say for us when we vanish.
        filters: What to subscribe to, at QoS 1.
        account: User and password; empty for none.

    Attributes:
        out: What is to be written; whoever writes takes it out.
        up: Whether we are let in and subscribed.
        unacknowledged: Identifiers of the messages that the broker has not acknowledged.
        passed_over: Messages that were too large, or on too long a topic.
    """

    def __init__(
        self, client: str, will: "tuple[str, bytes]", filters: "list[str]", account: "tuple[str, ...]" = ()
    ) -> None:
        self.up = False
        self.unacknowledged: "set[int]" = set()
        self.passed_over = 0
        self._in = bytearray()
        self._skip = 0  # bytes that are passed over
        self._rest = -1  # those behind the identifier that follows them; -1 for none
        self._filters = filters
        self._identifier = 0
        self._said = self._heard = 0  # milliseconds ago
        flags = 0x0E | (0xC0 if account else 0)  # a clean session, a will of QoS 1 (3.1.2.3)
        fields = [client.encode(), will[0].encode(), will[1]] + [text.encode() for text in account]
        body = b"\x00\x04MQTT\x04" + bytes((flags, 0, KEEP_ALIVE)) + b"".join([_string(field) for field in fields])
        self.out = bytearray(_packet(0x10, body))
        self._met = False

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> bool:
        """Sends a message; False where it cannot now, as there is no connection or too much is not acknowledged."""
        if not self.up or (qos and len(self.unacknowledged) >= UNACKNOWLEDGED):
            return False
        identifier = b""
        if qos:
            identifier = self._next()
            self.unacknowledged.add(int.from_bytes(identifier, "big"))
        self._say(_packet(0x30 | qos << 1 | retain, _string(topic.encode()) + identifier + payload))
        return True

    def advance(self, ms: int) -> None:
        """So much time has passed.

        Raises:
            MqttError: the broker is silent.
        """
        self._said += ms
        self._heard += ms
        if self._heard >= SILENCE_MS:
            raise MqttError("it has said nothing for {} s".format(SILENCE_MS // 1000))
        if self._met and self._said >= KEEP_ALIVE * 500:
            self._say(b"\xc0\x00")

    def feed(self, data: "bytes | bytearray") -> "list[tuple[str, bytes]]":
        """The messages that are whole now: topic and payload.

        Raises:
            MqttError: the broker refuses us, or says what is no MQTT.
        """
        self._heard = 0
        self._in.extend(data)
        found: "list[tuple[str, bytes]]" = []
        while self._passed():
            size, at = self._length()
            if not at:
                return found
            first = self._in[0]
            if first & 0xF0 == 0x30 and size > 1:
                if len(self._in) < at + 2:
                    return found
                topic = int.from_bytes(self._in[at : at + 2], "big")
                if size > MAX_SIZE or topic > MAX_TOPIC:
                    self._pass(first, at, size, topic + 2)
                    continue
            elif size > MAX_SIZE:
                raise MqttError("a packet of {} bytes".format(size))
            if len(self._in) < at + size:
                return found
            body = bytes(self._in[at : at + size])
            self._in = self._in[at + size :]
            if first & 0xF0 == 0x30:
                found.append(self._message(first, body))
            else:
                self._control(first, body)
        return found

    def _pass(self, first: int, at: int, size: int, end: int) -> None:
        """A PUBLISH is passed over, whose topic ends there."""
        if first & 6 > 2 or size < end + (first & 6):
            raise MqttError("a message that is none")
        self.passed_over += 1
        self._in = self._in[at:]
        self._skip, self._rest = (end, size - end - 2) if first & 6 else (size, -1)

    def _passed(self) -> bool:
        """Whether nothing is to be passed over any more; the identifier on the way is acknowledged."""
        while self._skip or self._rest >= 0:
            passed = min(self._skip, len(self._in))
            self._skip -= passed
            self._in = self._in[passed:]
            if self._skip or (self._rest >= 0 and len(self._in) < 2):
                return False
            if self._rest >= 0:
                self._say(b"\x40\x02" + bytes(self._in[:2]))
                self._in = self._in[2:]
                self._skip, self._rest = self._rest, -1
        return True

    def _length(self) -> "tuple[int, int]":
        """Remaining Length (2.2.3), and where what it counts begins; 0 while that is not there."""
        size = 0
        for i in range(1, 5):
            if i >= len(self._in):
                return 0, 0
            size |= (self._in[i] & 127) << 7 * (i - 1)
            if self._in[i] < 128:
                return size, i + 1
        raise MqttError("a length over four bytes")

    def _message(self, first: int, body: bytes) -> "tuple[str, bytes]":
        """A PUBLISH (3.3); it is acknowledged."""
        end = 2 + int.from_bytes(body[:2], "big")
        at = end + (2 if first & 6 else 0)
        if first & 6 > 2 or len(body) < at or end < 3:
            raise MqttError("a message that is none, or with a topic of {} bytes".format(end - 2))
        if first & 6:
            self._say(b"\x40\x02" + body[end:at])
        try:
            return body[2:end].decode(), body[at:]
        except UnicodeError:
            raise MqttError("a topic that is not UTF-8") from None

    def _control(self, first: int, body: bytes) -> None:
        if not self._met:
            if first != 0x20 or len(body) != 2:
                raise MqttError("it answers as no broker does")
            if body[1]:
                refusal = _REFUSALS[body[1] - 1] if body[1] <= len(_REFUSALS) else "code {}".format(body[1])
                raise MqttError(refusal, True)
            self._met = True
            asked = b"".join([_string(each.encode()) + b"\x01" for each in self._filters])
            self._say(_packet(0x82, self._next() + asked))
        elif first == 0x90 and len(body) == 2 + len(self._filters):
            for i, each in enumerate(self._filters):
                if body[2 + i] > 1:
                    raise MqttError("the account may not hear {}".format(each), True)
            self.up = True
        elif first == 0x40 and len(body) == 2:
            self.unacknowledged.discard(int.from_bytes(body, "big"))
        elif first != 0xD0 or body:
            raise MqttError("a packet that begins with {:#04x}".format(first))

    def _next(self) -> bytes:
        """An identifier that is free."""
        while True:
            self._identifier = self._identifier % 65535 + 1
            if self._identifier not in self.unacknowledged:
                return self._identifier.to_bytes(2, "big")

    def _say(self, data: bytes) -> None:
        self._said = 0
        self.out.extend(data)


def _packet(first: int, body: bytes) -> bytes:
    """A control packet (2.2)."""
    length, size = b"", len(body)
    while size > 127:
        length += bytes((size & 127 | 128,))
        size >>= 7
    return bytes((first,)) + length + bytes((size,)) + body


def _string(data: bytes) -> bytes:
    """What stands behind its length (1.5.3)."""
    return len(data).to_bytes(2, "big") + data
