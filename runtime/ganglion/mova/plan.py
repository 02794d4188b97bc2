# SPDX-License-Identifier: GPL-3.0-or-later
"""A compiled document: what the engine runs, with what a node must know to feed it."""

import hashlib
from dataclasses import dataclass
from typing import Any

from ganglion.errors import InvalidError
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
            InvalidError: they are damaged, of another format, or no plan that this node can run.
        """
        from ganglion.mova.plan_check import check  # which only those pay for who take plans from others

        try:
            body = p.unpack(data)
        except ValueError as error:
            raise InvalidError(str(error), where="plan") from None
        check(body)
        return cls(name=body[p.NAME], body=body)

    def encode(self) -> bytes:
        """The bytes of the plan: the same document gives the same bytes."""
        return p.pack(self.body)

    @property
    def hash(self) -> str:
        """SHA-256 of the body in hexadecimal; two plans with the same hash run the same."""
        return hashlib.sha256(p.encode(self.body)).hexdigest()

    @property
    def protocols(self) -> list[str]:
        """The names of its protocols."""
        return [protocol[p.TITLE] for protocol in self.body[p.PROTOCOLS]]

    @property
    def mqtt_topics(self) -> list[tuple[str, str]]:
        """Plain MQTT topics that its triggers listen to: filter, and the path of the field or an empty text."""
        found = []
        for trigger in self.body[p.TRIGGERS]:
            if trigger[p.SOURCE] == p.MQTT:
                filter = trigger[p.TOPIC].removeprefix(mqtt_topic("", trigger[p.FIELD]))
                found += [(filter, "")] if trigger[p.WHOLE] else []
                found.append((filter, trigger[p.FIELD]))
        return list(dict.fromkeys(found))

    @property
    def sensors(self) -> list[str]:
        """Ids of the sensors that its triggers and steps read, each once; those of triggers may have wildcards."""
        found = [
            trigger[p.TOPIC].removeprefix("sensor/").replace("/", ".")
            for trigger in self.body[p.TRIGGERS]
            if trigger[p.SOURCE] == p.SENSOR
        ]
        return list(dict.fromkeys(found + self._first_words(p.READ)))

    @property
    def actuators(self) -> list[str]:
        """Names of the actuators that its steps set, each once."""
        return list(dict.fromkeys(self._first_words(p.ACTUATE)))

    def _first_words(self, op: int) -> list[str]:
        steps = [step for protocol in self.body[p.PROTOCOLS] for step in protocol[p.STEPS]]
        return [step[p.ARGS][0] for step in steps if step[p.OP] == op]
