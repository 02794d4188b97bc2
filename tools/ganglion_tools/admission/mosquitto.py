# SPDX-License-Identifier: GPL-3.0-or-later
"""Mosquitto's configuration, password file and access control list, as text. Made for Mosquitto 2.0 and later."""

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from ganglion_tools.admission import limits
from ganglion_tools.admission.book import Book

PROGRAM = "mosquitto"
CONFIGURATION = "mosquitto.conf"

#: Rounds of PBKDF2, as `mosquitto_passwd` makes them. More would only slow the broker down: the passwords are random
#: and of 192 bits, which no guessing finds.
_ROUNDS = 101


def hashed(password: str) -> str:
    """What `mosquitto_passwd` writes behind the user: PBKDF2 with HMAC of SHA-512 (RFC 8018 section 5.2)."""
    salt = os.urandom(12)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS)
    return f"$7${_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def render(book: Book, folder: Path) -> Mapping[str, str]:
    """The broker's files by name.

    Args:
        folder: Where they will be, absolute.
    """
    return {
        CONFIGURATION: _configuration(book, folder),
        "passwords": "".join(f"{account.user}:{account.hash}\n" for account in book.accounts.values()),
        "acl": _acl(book),
    }


def _configuration(book: Book, folder: Path) -> str:
    listener = [f"listener {book.port} 127.0.0.1"]
    if book.tls:
        listener = [
            f"listener {book.port}",
            f"certfile {folder}/tls/server.pem",
            f"keyfile {folder}/tls/server.key",
            "tls_version tlsv1.2",  # and later; MicroPython has no 1.3
        ]
    return "\n".join(
        (
            f"# Written by Ganglion: `ganglion broker update {folder}` writes it again.",
            "per_listener_settings false",
            f"user {book.owner}",
            f"pid_file {folder}/{limits.PID_FILE}",
            "",
            "# Who, and what",
            "allow_anonymous false",
            "allow_zero_length_clientid false",
            f"password_file {folder}/passwords",
            f"acl_file {folder}/acl",
            "",
            "# How much",
            f"max_packet_size {limits.PACKET}",
            f"max_queued_messages {limits.QUEUED}",
            f"max_queued_bytes {limits.QUEUED_BYTES}",
            f"max_inflight_messages {limits.IN_FLIGHT}",
            f"persistent_client_expiration {limits.SESSION_DAYS}d",
            "sys_interval 0",
            "",
            "# What outlives a restart",
            "persistence true",
            f"persistence_location {folder}/data/",
            "autosave_interval 60",
            "",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "log_type notice",
            "set_tcp_nodelay true",
            "",
            *listener,
            f"max_connections {limits.CONNECTIONS}",
            "",
        )
    )


def _acl(book: Book) -> str:
    lines = ["# Written by Ganglion. Whoever is not named here may do nothing."]
    for account in book.accounts.values():
        granted = book.rights(account)
        both = [topic for topic in granted.publish if topic in granted.subscribe]
        lines += ["", f"user {account.user}"]
        lines += [f"topic readwrite {topic}" for topic in both]
        lines += [f"topic write {topic}" for topic in granted.publish if topic not in both]
        lines += [f"topic read {topic}" for topic in granted.subscribe if topic not in both]
    return "\n".join([*lines, ""])
