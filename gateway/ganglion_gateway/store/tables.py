# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables as they are now; how they came to be is in `migrations`, and a test holds the two together.

Times are nanoseconds since the Unix epoch. Ids of nodes and events are those of the mesh.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

#: SQLite counts up only in a column of the type INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")

#: Every node that was ever born here.
nodes = Table(
    "nodes",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("name", Text, nullable=False),
    Column("board", Text, nullable=False),
    Column("sw", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("caps", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("credential_expires", BigInteger, nullable=False),
    Column("online", Boolean, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("died", BigInteger),
    Index("ix_nodes_name", "name"),
)

#: One row a sensor and instant. A number or bool is in `number`, anything else in `value`.
readings = Table(
    "readings",
    metadata,
    Column("node", String(26), primary_key=True),
    Column("sensor", String(128), primary_key=True),
    Column("timestamp", BigInteger, primary_key=True),
    Column("number", Float),
    Column("value", JSON(none_as_null=True)),
    sqlite_with_rowid=False,
)

#: What had to arrive. `id` is `<node>-<epoch>-<seq>`, which the mesh never gives twice, so a copy finds its row taken.
#: `number` counts in the order of arrival and is the cursor of pages. `sealed` is when the node signed it,
#: `received` when it came, `stored` when its transaction was about to commit.
events = Table(
    "events",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("node", String(26), nullable=False),
    Column("cls", String(32), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("value", JSON),
    Column("source", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("sealed", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("stored", BigInteger, nullable=False),
    Index("ix_events_class_number", "cls", "number"),
    sqlite_autoincrement=True,
)

#: How a run of a script went, told by its node when it ended.
episodes = Table(
    "episodes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("node", String(26), nullable=False),
    Column("run", Text, nullable=False),
    Column("script", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("body", JSON, nullable=False),
    Index("ix_episodes_node_run", "node", "run"),
    Index("ix_episodes_started", "started"),
)

#: Where events go out to. The secret is kept as it is, since every delivery is signed with it.
endpoints = Table(
    "endpoints",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("classes", JSON, nullable=False),
    Column("allow_http", Boolean, nullable=False),
    Column("allow_private", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
)

#: One row an event and endpoint, written in the transaction of the event. `message` is the `webhook-id` of every
#: attempt. `state` is pending, delivered or dead.
outbox = Table(
    "outbox",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("endpoint", String(32), ForeignKey("endpoints.id", ondelete="CASCADE"), nullable=False),
    Column("event", String(64), ForeignKey("events.id", ondelete="CASCADE"), nullable=False),
    Column("message", String(64), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Index("ix_outbox_endpoint_state_number", "endpoint", "state", "number"),
    Index("ix_outbox_event", "event"),
    sqlite_autoincrement=True,
)

#: One row an attempt. `took` is in nanoseconds, `status` the HTTP status where there was one.
deliveries = Table(
    "deliveries",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("outbox", _Number, ForeignKey("outbox.number", ondelete="CASCADE"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("took", BigInteger, nullable=False),
    Column("status", Integer),
    Column("error", Text, nullable=False),
    Index("ix_deliveries_outbox", "outbox"),
)

#: What lets nodes join. `id` says nothing of the secret, `mac_key` is what HKDF made of it.
enrol_keys = Table(
    "enrol_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("mac_key", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("uses", Integer, nullable=False),
    Column("uses_left", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("revoked", Boolean, nullable=False),
)

#: Which node took a use of which key.
enrol_uses = Table(
    "enrol_uses",
    metadata,
    Column("enrol_key", String(16), ForeignKey("enrol_keys.id", ondelete="CASCADE"), primary_key=True),
    Column("node", String(26), primary_key=True),
    Column("at", BigInteger, nullable=False),
)

#: Who may use the API. Only SHA-256 of a token is kept; tokens are 32 random bytes, so no slower hash is needed.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("revoked", Boolean, nullable=False),
)

#: Who did what.
audit = Table(
    "audit",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    Index("ix_audit_action_number", "action", "number"),
    sqlite_autoincrement=True,
)
