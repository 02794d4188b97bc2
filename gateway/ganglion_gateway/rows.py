# SPDX-License-Identifier: GPL-3.0-or-later
"""What members of the mesh said, as rows. Pure: whatever a member signs becomes rows that the tables take, or None.

A node is believed about itself, not about the shape of what it sends. Nothing here raises for a body of any shape, as
one bad event would otherwise keep its whole batch out of the database, and be sent again for ever.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganglion.mesh.floor import TOLERANCE
from ganglion.mesh.member import Received
from ganglion.units import SECOND
from ganglion_gateway import told
from ganglion_gateway.jsonable import jsonable

#: What SQLite and PostgreSQL take as an integer.
MAX_INTEGER = 2**63 - 1
#: Letters of a topic, source, run or name; the rest is cut.
MAX_TEXT = 256
#: Letters of a sensor's id; a reading of a longer one is dropped.
MAX_SENSOR = 128
#: The heartbeat of a member. It says that the member is there, and is no sensor's: one may have the same name.
HEARTBEAT = "system/uptime"
#: A reading may be this far ahead of our clock. One further off comes from a clock that was never set.
AHEAD = 86400 * SECOND
#: And not older than this.
OLDEST = 1_577_836_800 * SECOND  # 2020-01-01
#: The longest that an event waits for the node it is for, and how long one does that says nothing of it.
MAX_WAIT = 7 * 86400 * SECOND
_WAIT = 30 * SECOND

#: The epoch of events that a gateway makes itself: more than 32 bits, which no member can say that it has.
OWN_EPOCH = 1 << 32
#: Begins the source of what has a time that is not to be relied on.
BAD = "clock=bad"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of one batch of events.

    Attributes:
        events: For `events`, all of them.
        episodes: For `episodes`, those of class `episode`.
        refused: Events whose numbers have no place in a database.
        relays: For `relays`, of those that are for another node: `event`, `sender`, `node`, `expires`,
            and as `confidential` the group that it was sealed for, or "".
        logs: For `node_logs`; the events that they were in are no events of anybody's else.
        crashes: For `crashes`, of events of that class.
    """

    events: list[Row]
    episodes: list[Row]
    refused: int
    relays: list[Row]
    logs: list[Row] = field(default_factory=list)
    crashes: list[Row] = field(default_factory=list)


def event_rows(received: Sequence[Received], now: int) -> Batch:
    """Rows of EVENTs that arrived at `now`."""
    events: list[Row] = []
    episodes: list[Row] = []
    relays: list[Row] = []
    logs: list[Row] = []
    crashes: list[Row] = []
    refused = 0
    for one in received:
        if one.seq > MAX_INTEGER:
            refused += 1
            continue
        row = _event(one, now)
        if row["cls"] == told.LOG and (lines := told.log_rows(one, row["id"], now)) is not None:
            logs += lines
            continue
        if row["cls"] == told.CRASH:
            crashes.append(told.crash_row(one, row["id"], now))
        if row["cls"] == "episode":
            episodes.append(_episode(one, row["id"], now))
            row["value"] = None  # the episode has a table of its own
        elif to := _text(one.body.get("to")):
            wait = _wait(one.body.get("wait"))
            relays.append(
                {
                    "event": row["id"],
                    "sender": one.node_id,
                    "node": to,
                    "expires": now + wait,
                    "confidential": one.group,
                }
            )
        events.append(row)
    return Batch(events=events, episodes=episodes, refused=refused, relays=relays, logs=logs, crashes=crashes)


def clock_is_wrong(one: Received, now: int) -> bool:
    """Whether the clock of who sealed this is known to be wrong: the sender says so, or it is of a time to come.

    What is old proves nothing: it may have waited in a spool.
    """
    says = one.body if type(one.body) is dict else {}
    at = says.get("timestamp")
    return says.get("clock") == "bad" or max(one.timestamp, at if type(at) is int else 0) > now + TOLERANCE


def marked(source: str, wrong: bool) -> str:
    """The source of something whose time is not to be relied on says so, as that of something unsigned does."""
    return f"{BAD} {source}".rstrip() if wrong else source


def _event(one: Received, now: int) -> Row:
    body: dict[str, Any] = one.body
    cls = str(body["class"])
    return {
        "id": f"{one.node_id}-{one.epoch}-{one.seq}",
        "node": one.node_id,
        "cls": cls,
        "epoch": one.epoch,
        "seq": one.seq,
        "topic": _text(body.get("topic")) or cls,
        "value": jsonable(body.get("value")),
        "source": marked(_text(body.get("source")), clock_is_wrong(one, now)),
        "run": _text(body.get("run")),
        "timestamp": _time(body.get("timestamp"), one.timestamp, now),
        "sealed": _time(one.timestamp, now, now),
        "received": now,
        "stored": now,
    }


def _episode(one: Received, identity: str, now: int) -> Row:
    body: dict[str, Any] = one.body
    return {
        "id": identity,
        "node": one.node_id,
        "run": _text(body.get("id")),
        "script": _text(body.get("script")),
        "status": _text(body.get("status")),
        "started": _time(body.get("started"), one.timestamp, now),
        "body": jsonable(body),
    }


def _wait(value: Any) -> int:
    return min(value, MAX_WAIT) if type(value) is int and value > 0 else _WAIT


def reading_rows(received: Sequence[Received], now: int, wrong: Container[str] = ()) -> tuple[list[Row], int]:
    """Rows of BATCHes, and how many readings were dropped because they are none.

    Args:
        wrong: Nodes whose clock is known to be wrong: their readings are of the time when they came.
    """
    rows: list[Row] = []
    dropped = 0
    for one in received:
        if type(one.body) is not list:
            dropped += 1
            continue
        for reading in one.body:
            if (type(reading) is list and reading[:1] == [HEARTBEAT]) or told.is_vitals(reading):
                continue
            row = _reading(one.node_id, reading, now, trusted=one.node_id not in wrong)
            if row is None:
                dropped += 1
            else:
                rows.append({**row, "confidential": one.group})
    return rows, dropped


def _reading(node: str, reading: Any, now: int, *, trusted: bool) -> Row | None:
    if type(reading) is not list or len(reading) != 3:
        return None
    stream, timestamp, value = reading
    if type(stream) is not str or not 0 < len(sensor := sensor_of(stream)) <= MAX_SENSOR:
        return None
    if not trusted or type(timestamp) is not int or not OLDEST <= timestamp <= now + AHEAD:
        timestamp = now  # a clock that is wrong, or was never set: when it came is the nearest that is known
    simple = isinstance(value, bool | float) or (type(value) is int and abs(value) <= 2**53)
    number = jsonable(float(value)) if simple else None
    other = None if simple else jsonable(value)
    if number is None and other is None:
        return None
    return {"node": node, "sensor": sensor, "timestamp": timestamp, "number": number, "value": other}


def sensor_of(stream: str) -> str:
    """The id of a sensor from the name of its stream or topic: `sensor/fridge/temperature` is `fridge.temperature`."""
    return stream.removeprefix("sensor/").strip("/").replace("/", ".")


def node_row(birth: Received, now: int) -> Row:
    """The row of a node from its BIRTH."""
    peer = birth.peer
    assert peer is not None
    credential, body = peer.credential, birth.body
    caps = jsonable(body.get("caps"))
    return {
        "id": birth.node_id,
        "name": _text(credential.name),
        "board": _text(body.get("board")),
        "sw": _text(body.get("sw")),
        "epoch": birth.epoch,
        "caps": caps if isinstance(caps, dict) else {},
        "tags": [_text(tag) for tag in credential.tags],
        "credential_expires": min(credential.expires, MAX_INTEGER),
        "online": False,
        "first_seen": now,
        "last_seen": min(birth.timestamp, now) if birth.retained else now,
        "died": None,
    }


def _text(value: Any) -> str:
    return value[:MAX_TEXT].replace("\x00", "") if isinstance(value, str) else ""


def _time(value: Any, otherwise: int, now: int) -> int:
    """A time that a node gave, where it is one that a clock can show."""
    if type(value) is int and 0 <= value <= MAX_INTEGER:
        return value
    return min(max(otherwise, 0), MAX_INTEGER) if type(otherwise) is int else now
