# SPDX-License-Identifier: GPL-3.0-or-later
"""NATS Server's configuration as text: MQTT with JetStream, one user an account."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganglion_tools.admission import limits
from ganglion_tools.admission.book import Account, Book

PROGRAM = "nats-server"
CONFIGURATION = "nats.conf"

#: The fewest rounds of bcrypt (16). More would only slow the broker down when a thousand nodes come back at once: the
#: passwords are random and of 192 bits, which no guessing finds.
_COST = 4


def hashed(password: str) -> str:
    """What NATS Server compares a password with."""
    import bcrypt

    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_COST)).decode()


def render(book: Book, folder: Path) -> Mapping[str, str]:
    """The broker's files by name.

    Args:
        folder: Where they will be, absolute.
    """
    mqtt: dict[str, Any] = {"host": "0.0.0.0" if book.tls else "127.0.0.1", "port": book.port}  # noqa: S104
    if book.tls:
        mqtt["tls"] = {
            "cert_file": f"{folder}/tls/server.pem",
            "key_file": f"{folder}/tls/server.key",
            "min_version": "1.2",  # MicroPython has no 1.3
        }
    mqtt["max_ack_pending"] = limits.IN_FLIGHT
    settings: dict[str, Any] = {
        "server_name": f"ganglion-{book.mesh}",
        "pid_file": f"{folder}/{limits.PID_FILE}",
        # Its own protocol, for `nats` commands of this machine; no account below may use it
        "host": "127.0.0.1",
        "port": -1,
        "max_payload": limits.PACKET,
        "max_connections": limits.CONNECTIONS,
        "max_pending": limits.QUEUED_BYTES,
        "jetstream": {
            "store_dir": f"{folder}/data",
            "max_memory_store": limits.MEMORY_STORE,
            "max_file_store": limits.FILE_STORE,
        },
        "mqtt": mqtt,
    }
    lines = [f"# Written by Ganglion: `ganglion broker update {folder}` writes it again."]
    lines += [f"{name}: {json.dumps(value)}" for name, value in settings.items()]
    lines += ["authorization: {", "  users: ["]
    lines += [f"    {json.dumps(_user(book, account))}" for account in book.accounts.values()]
    lines += ["  ]", "}", ""]
    return {CONFIGURATION: "\n".join(lines)}


def _user(book: Book, account: Account) -> dict[str, Any]:
    granted = book.rights(account)
    subscribe = [_subject(topic) for topic in granted.subscribe]
    # `a/#` is `a` too (MQTT 3.1.1 section 4.7.1.2), for which NATS Server makes a subscription of its own
    subscribe += [_subject(topic.removesuffix("/#")) for topic in granted.subscribe if topic.endswith("/#")]
    return {
        "user": account.user,
        "password": account.hash,
        "allowed_connection_types": ["MQTT"],
        "permissions": {
            "publish": {"allow": [_subject(topic) for topic in granted.publish]},
            "subscribe": {"allow": subscribe},
        },
    }


def _subject(topic: str) -> str:
    """The subject of NATS that an MQTT topic filter of the mesh becomes; no level of those has a dot."""
    return topic.replace("/", ".").replace("+", "*").replace("#", ">")
