# SPDX-License-Identifier: GPL-3.0-or-later
"""A compiled document: what the engine runs, with what a node must know to feed it."""

import hashlib
from dataclasses import dataclass
from typing import Any

from ganglion.errors import InvalidError
from ganglion_micro import cbor
from ganglion_micro import plan as p


def mqtt_topic(topic: str, field: str) -> str:
    """The bus's topic for a field of what comes on a plain MQTT topic, or for the whole of it where `field` is empty.

    A topic for each field, so that two scripts may read two fields of one message.
    """
    return f"mqtt.{field}/{topic}" if field else f"mqtt/{topic}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One script, compiled.

    Attributes:
        name: The script's name: the document's `name`, else that of its file.
        body: The arrays of `ganglion_micro.plan`. Nothing writes to them.
    """

    name: str
    body: list[Any]

    @classmethod
    def decode(cls, data: bytes) -> "Plan":
        """The plan in the bytes of `encode`.

        Raises:
            InvalidError: they are damaged, or of another format.
        """
        try:
            body = p.unpack(data)
        except ValueError as error:
            raise InvalidError(str(error), where="plan") from None
        return cls(name=body[p.NAME], body=body)

    def encode(self) -> bytes:
        """The bytes of the plan: the same document gives the same bytes."""
        return p.pack(self.body)

    @property
    def hash(self) -> str:
        """SHA-256 of the body in hexadecimal; two plans with the same hash run the same."""
        return hashlib.sha256(cbor.encode(self.body)).hexdigest()

    @property
    def protocols(self) -> list[str]:
        """The names of its protocols."""
        return [protocol[p.TITLE] for protocol in self.body[p.PROTOCOLS]]

    @property
    def mqtt_topics(self) -> list[tuple[str, str]]:
        """Plain MQTT topics that its triggers listen to: filter, and the path of the field or an empty text."""
        found = [
            (trigger[p.TOPIC].removeprefix(mqtt_topic("", trigger[p.FIELD])), trigger[p.FIELD])
            for trigger in self.body[p.TRIGGERS]
            if trigger[p.SOURCE] == p.MQTT
        ]
        return list(dict.fromkeys(found))
