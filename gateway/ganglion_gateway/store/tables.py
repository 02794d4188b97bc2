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
    UniqueConstraint,
    false,
)

metadata = MetaData()

#: SQLite counts up only in a column of the type INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")

#: Every node that was ever born here. `revoked` is when it was, `former` the ids it had before its key was rotated.
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
    Column("revoked", BigInteger),
    Column("former", JSON, nullable=False, server_default="[]"),
    Index("ix_nodes_name", "name"),
)

#: Nodes that ask to be taken in without a key. `approved` is null while nobody has decided; then `name` and `tags` are
#: the operator's, and the row goes a day later.
asking = Table(
    "asking",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("public", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("approved", BigInteger),
    Column("tags", JSON, nullable=False),
)

#: Keys that nodes were given a credential for, by the id under the key before.
successors = Table(
    "successors",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("former", String(26), nullable=False),
    Column("issued", BigInteger, nullable=False),
)

#: One row a sensor and instant. A number or bool is in `number`, anything else in `value`. `confidential` is the group
#: that it was sealed for, "" where it was for everyone; null in rows of before it was written down.
readings = Table(
    "readings",
    metadata,
    Column("node", String(26), primary_key=True),
    Column("sensor", String(128), primary_key=True),
    Column("timestamp", BigInteger, primary_key=True),
    Column("number", Float),
    Column("value", JSON(none_as_null=True)),
    Column("confidential", String(32)),
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

#: Where events go out to. The secret is kept as it is, since every delivery is signed with it; the one before, too,
#: until a time.
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
    Column("paused", Boolean, nullable=False, server_default=false()),
    Column("created", BigInteger, nullable=False),
    Column("former_secret", Text),
    Column("former_until", BigInteger),
)

#: One row an event and endpoint, written in the transaction of the event. `message` is the `webhook-id` of every
#: attempt. `state` is pending, delivered or dead, `replayed` when somebody last had it tried again that was dead.
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
    Column("replayed", BigInteger),
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
    sqlite_autoincrement=True,
)

#: Events that a node has published to another, each once. `node` is the name or the id that the sender gave. `state` is
#: pending, delivered or dead, `error` why the last attempt failed. `confidential` is the group that it was sealed for.
relays = Table(
    "relays",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("event", String(64), ForeignKey("events.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("sender", String(26), nullable=False),
    Column("node", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("confidential", String(32), nullable=False, server_default=""),
    Index("ix_relays_state_node_number", "state", "node", "number"),
    Index("ix_relays_state_sender", "state", "sender"),
    sqlite_autoincrement=True,
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

#: Groups of confidential topics: who is to be in them, by node id or by tag.
groups = Table(
    "groups",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("nodes", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("created", BigInteger, nullable=False),
)

#: Their keys. `sealed` is the key under one of the state folder, so that a copy of the database gives none away;
#: `members` are the node ids that it was made for.
group_keys = Table(
    "group_keys",
    metadata,
    Column("name", String(32), ForeignKey("groups.name", ondelete="CASCADE"), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("members", JSON, nullable=False),
    Column("made", BigInteger, nullable=False),
)

#: Commands that wait for a person's consent, until their time is over. `nonce` is the node's, `id` what people call it;
#: `state` is waiting, granted or refused, `by` who has decided. `value` is JSON as text: in a column of JSON SQLite
#: makes 21 of 21.0, which is another command.
consents = Table(
    "consents",
    metadata,
    Column("id", String(8), primary_key=True),
    Column("node", String(26), nullable=False),
    Column("nonce", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("actuator", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("by", Text, nullable=False),
    UniqueConstraint("node", "nonce"),
)

#: Programs that may use the API. Only SHA-256 of a token is kept; tokens are 32 random bytes, so no slower hash is
#: needed. `scopes` is null where the key has those of its role; `creator` made it.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("revoked", Boolean, nullable=False),
    Column("scopes", JSON(none_as_null=True)),
    Column("expires", BigInteger),
    Column("creator", Text, nullable=False, server_default=""),
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
