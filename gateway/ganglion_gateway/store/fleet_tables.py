# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of what is known of nodes beside their births: facts, jobs, logs and crashes; in the metadata of `tables`.

Times are nanoseconds since the Unix epoch.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from ganglion_gateway.store.tables import metadata

#: SQLite counts up only in a column of the type INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")

#: What operators and the node itself say of it, under the id that it had then. Tags are those beside its credential's,
#: and those of its credential that do not count; `leaves` has the vitals of each leaf.
facts = Table(
    "node_facts",
    metadata,
    Column("node", String(26), primary_key=True),
    Column("added", JSON, nullable=False),
    Column("removed", JSON, nullable=False),
    Column("vitals", JSON, nullable=False),
    Column("vitals_at", BigInteger, nullable=False),
    Column("leaves", JSON, nullable=False),
    Column("changed", BigInteger, nullable=False),
)

#: Commands to nodes. `params` is JSON as text, as SQLite makes 21 of 21.0 in a column of JSON; it is "" once the job
#: has ended, for it may hold a password, and `names` are those of the parameters. `wide` is how many nodes at a time.
#: `changed` is greater with each change of any job or of what became of one, and 0 where nothing was yet.
jobs = Table(
    "jobs",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("id", String(16), nullable=False, unique=True),
    Column("actor", Text, nullable=False),
    Column("selector", Text, nullable=False),
    Column("method", String(64), nullable=False),
    Column("params", Text, nullable=False),
    Column("names", JSON, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("deadline", BigInteger, nullable=False),
    Column("timeout", BigInteger, nullable=False),
    Column("retries", Integer, nullable=False),
    Column("wide", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("ended", BigInteger),
    Column("changed", BigInteger, nullable=False, server_default="0"),
    Index("ix_jobs_state", "state"),
    Index("ix_jobs_changed", "changed"),
    sqlite_autoincrement=True,
)

#: What becomes of a job at each node. `call` is the id of the request, `gateway` who makes it, `nonce` the boot of the
#: node that it goes to and `until` when its time is over: with them the same request is sent again after a restart, and
#: done once. `result` is JSON as text.
job_targets = Table(
    "job_targets",
    metadata,
    Column("job", String(16), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("node", String(26), primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("call", String(16), nullable=False),
    Column("gateway", String(26), nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("result", Text),
    Column("error", Text, nullable=False),
    Column("began", BigInteger),
    Column("ended", BigInteger),
    Column("changed", BigInteger, nullable=False, server_default="0"),
    Index("ix_job_targets_changed", "changed"),
)

#: Warnings and errors of nodes. `event` and `part` are those of the mesh, so that a copy finds its row taken. `level`
#: is as Python's `logging` has it; `logger` of a leaf's is `leaf/` and its name. `lost` is how many before this one
#: the node has left out.
node_logs = Table(
    "node_logs",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("event", String(64), nullable=False),
    Column("part", Integer, nullable=False),
    Column("node", String(26), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("level", Integer, nullable=False),
    Column("logger", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("lost", Integer, nullable=False),
    UniqueConstraint("event", "part"),
    Index("ix_node_logs_node_at", "node", "at"),
    Index("ix_node_logs_at", "at"),
    sqlite_autoincrement=True,
)

#: How runs of nodes and leaves ended that crashed. `event` is the one that told of it, `id` what people call it, `leaf`
#: is "" for the node itself. `record` is all that was told.
crashes = Table(
    "crashes",
    metadata,
    Column("event", String(64), primary_key=True),
    Column("id", String(32), nullable=False),
    Column("node", String(26), nullable=False),
    Column("leaf", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("record", JSON, nullable=False),
    Index("ix_crashes_node_at", "node", "at"),
    Index("ix_crashes_at", "at"),
)
