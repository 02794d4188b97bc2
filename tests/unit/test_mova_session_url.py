# SPDX-License-Identifier: GPL-3.0-or-later
"""Where sessions are kept: which URLs are read, which are refused, and what is never shown."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.clock import Clock
from ganglion.errors import UsageError
from ganglion.mova.session.memory import MemoryStore
from ganglion.mova.session.redis import RedisStore
from ganglion.mova.session.redis_url import RedisUrl
from ganglion.mova.session.sqlite import SQLiteStore
from ganglion.mova.session.store import open_store


@pytest.mark.parametrize(
    ("text", "url", "shown"),
    [
        ("redis://host", RedisUrl(host="host"), "redis://host:6379/0"),
        ("redis://host:1/2", RedisUrl(host="host", port=1, database=2), "redis://host:1/2"),
        ("redis://host/", RedisUrl(host="host"), "redis://host:6379/0"),
        ("redis://[::1]:7", RedisUrl(host="::1", port=7), "redis://[::1]:7/0"),
        ("redis://:p%2Fw@h", RedisUrl(host="h", password="p/w"), "redis://h:6379/0"),
        ("redis://me:pw@h", RedisUrl(host="h", username="me", password="pw"), "redis://h:6379/0"),
        ("rediss://h?ca=/etc/ca.pem", RedisUrl(host="h", tls=True, ca="/etc/ca.pem"), "rediss://h:6379/0"),
    ],
)
def test_a_url_of_redis_is_read(text: str, url: RedisUrl, shown: str) -> None:
    assert RedisUrl.parse(text) == url
    assert str(url) == shown
    assert isinstance(open_store(text, Clock()), RedisStore)


def test_each_kind_of_store_has_its_url(tmp_path: Path) -> None:
    assert isinstance(open_store("memory:", Clock()), MemoryStore)
    assert isinstance(open_store(f"sqlite:///{tmp_path}/s.db", Clock()), SQLiteStore)
    assert list(tmp_path.iterdir()) == []  # nothing is opened before it is used


@pytest.mark.parametrize(
    "text",
    [
        "",
        "memory",
        "memory:x",
        "sqlite:",
        "sqlite:///",
        "sqlite://s.db",
        "mysql://h/x",
        "/var/s.db",
        "redis://",
        "redis:host",
        "redis://h:x",
        "redis://h:0",
        "redis://h:65536",
        "redis://h/x",
        "redis://h/1/2",
        "redis://h/²",
        "redis://h/123456",
        "redis://h?ca=x",
        "rediss://h?db=1",
        "redis://h#x",
        "redis://[::1",
    ],
)
def test_what_is_no_store_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(UsageError, match=r"redis://"):
        open_store(text, Clock())


@given(st.text(st.sampled_from("redis:/@[]#?%1ca=."), max_size=30))
def test_any_text_is_a_url_or_an_error_without_the_password(text: str) -> None:
    for url in (text, f"redis://me:geheim{text}", f"rediss://:geheim@{text}"):
        try:
            assert "geheim" not in f"{RedisUrl.parse(url)} {RedisUrl.parse(url)!r}".replace(
                RedisUrl.parse(url).host, ""
            )
        except UsageError as error:
            assert "geheim" not in str(error)


def test_where_the_client_of_redis_is_missing_the_extra_is_named() -> None:
    says = "import sys; sys.modules['redis'] = None; from ganglion.cli.main import main; "
    says += "sys.exit(main(['mova', 'sessions', 'list', '--sessions', 'redis://127.0.0.1']))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", says], env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "ganglion: sessions in Redis need more than is installed: pip install 'ganglion[redis]'\n"
