# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the bridges: webhooks that come in, what language models have used, and what is kept for a while."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from ganglion_gateway.store.tables import metadata

#: Who may tell the gateway of events. The secret is kept as it is, since every message is verified with it. `node` is
#: whom the event is carried to, "" for nobody, `rate` messages a minute.
hooks = Table(
    "hooks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("scheme", String(16), nullable=False),
    Column("header", String(64), nullable=False),
    Column("secret", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("cls", String(32), nullable=False),
    Column("node", Text, nullable=False),
    Column("rate", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("former_secret", Text),
    Column("former_until", BigInteger),
)

#: Messages that were taken, so that none is taken twice. `message` is SHA-256 of what makes one the same, `body` that
#: of its body, `stamp` the seconds that its sender has signed, 0 where it signs none.
hook_messages = Table(
    "hook_messages",
    metadata,
    Column("hook", String(32), ForeignKey("hooks.id", ondelete="CASCADE"), primary_key=True),
    Column("message", String(64), primary_key=True),
    Column("body", String(64), nullable=False),
    Column("stamp", BigInteger, nullable=False),
    Column("event", String(64), nullable=False),
    Column("expires", BigInteger, nullable=False),
    Index("ix_hook_messages_expires", "expires"),
)

#: What was asked of models on a day of UTC. `cost` is in millionths of what prices are in.
model_usage = Table(
    "model_usage",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("node", String(26), primary_key=True),
    Column("script", String(128), primary_key=True),
    Column("model", String(128), primary_key=True),
    Column("questions", Integer, nullable=False),
    Column("cached", Integer, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
)

#: What is worth keeping until a time, and worth nothing after it.
cache = Table(
    "cache",
    metadata,
    Column("space", String(32), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Index("ix_cache_expires", "expires"),
)
