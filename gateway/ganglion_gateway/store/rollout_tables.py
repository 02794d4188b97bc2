# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of rollouts. Their columns are the fields of `ganglion_gateway.rollout.target`."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from ganglion_gateway.store.tables import metadata

_Number = BigInteger().with_variant(Integer, "sqlite")

#: Every rollout. `version` counts what was saved, `open` is false when nothing is left to do or to hear.
rollouts = Table(
    "rollouts",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("id", String(16), nullable=False, unique=True),
    Column("release", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("selector", Text, nullable=False),
    Column("terms", JSON, nullable=False),
    Column("by", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("why", Text, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("ended", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("open", Boolean, nullable=False),
    Index("ix_rollouts_open", "open"),
    sqlite_autoincrement=True,
)

#: Its stages, the first with the number 0.
rollout_stages = Table(
    "rollout_stages",
    metadata,
    Column("rollout", String(16), ForeignKey("rollouts.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("percent", Float, nullable=False),
    Column("soak", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("passed", BigInteger, nullable=False),
)

#: Its nodes. `claimed` is the node's id while the rollout may have it run something, so that no two rollouts can.
rollout_targets = Table(
    "rollout_targets",
    metadata,
    Column("rollout", String(16), ForeignKey("rollouts.id", ondelete="CASCADE"), primary_key=True),
    Column("node", String(26), primary_key=True),
    Column("stage", Integer, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("why", Text, nullable=False),
    Column("want", String(16), nullable=False),
    Column("told", Boolean, nullable=False),
    Column("before", String(64)),
    Column("assigned", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("heard", BigInteger, nullable=False),
    Column("has", Boolean, nullable=False),
    Column("sleeps", Boolean, nullable=False),
    Column("crashes", Integer, nullable=False),
    Column("alerts", Integer, nullable=False),
    Column("claimed", String(26), unique=True),
    Index("ix_rollout_targets_rollout_rank", "rollout", "rank"),
)

#: What happened in it, for its report.
rollout_notes = Table(
    "rollout_notes",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("rollout", String(16), ForeignKey("rollouts.id", ondelete="CASCADE"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("what", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_rollout_notes_rollout_number", "rollout", "number"),
    sqlite_autoincrement=True,
)
