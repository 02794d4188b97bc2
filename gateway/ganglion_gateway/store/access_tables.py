# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of who may use the API by a password, and of what was asked with an idempotency key."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table, Text

from ganglion_gateway.store.tables import metadata

#: People. `password` is argon2id with its parameters; `must_change` while it is the one that somebody else gave.
users = Table(
    "users",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("password", Text, nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
)

#: Each time that one of them has logged in, until it ends. `counter` is that of the refresh token which is good now.
logins = Table(
    "logins",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("user", String(16), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("address", Text, nullable=False),
    Column("client", Text, nullable=False),
    Index("ix_logins_user", "user"),
    Index("ix_logins_expires", "expires"),
)

#: Requests with an `Idempotency-Key`. `asked` is SHA-256 of the request; `status` is null while it is carried out, and
#: `answer` is sealed under a key of the state folder, as there may be a secret in it that is shown once.
idempotency = Table(
    "idempotency",
    metadata,
    Column("who", String(32), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("asked", LargeBinary, nullable=False),
    Column("status", BigInteger),
    Column("answer", LargeBinary),
    Column("expires", BigInteger, nullable=False),
    Index("ix_idempotency_expires", "expires"),
)
