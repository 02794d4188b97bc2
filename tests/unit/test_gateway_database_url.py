# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs of the gateway's database: what they say, what they must not, and that no password leaves them."""

from pathlib import Path

import pytest

from ganglion.errors import InvalidError, NotFoundError
from ganglion_gateway.store.url import DatabaseUrl


def test_a_path_is_a_file_of_sqlite() -> None:
    for text in ("/srv/gateway.db", "sqlite:///srv/gateway.db"):
        url = DatabaseUrl.parse(text)
        assert (url.kind, url.path, str(url)) == ("sqlite", Path("/srv/gateway.db"), "/srv/gateway.db")


@pytest.mark.parametrize(
    ("text", "shown", "parameters"),
    [
        ("postgresql://db/fleet", "postgresql://db/fleet", {"host": "db"}),
        ("postgres://me:se%40cret@db:6432/fleet", "postgresql://db:6432/fleet", {"user": "me", "password": "se@cret"}),
        ("postgresql://a:1,b:2/fleet?target_session_attrs=read-write", "postgresql://a:1,b:2/fleet", {"host": "a,b"}),
        ("postgresql://[::1]:5/fleet", "postgresql://[::1]:5/fleet", {"host": "::1"}),
        ("postgresql://db/fleet?sslmode=verify-full", "postgresql://db/fleet", {"sslmode": "verify-full"}),
        ("postgresql:///fleet?host=/run/postgresql", "postgresql:///run/postgresql/fleet", {}),
    ],
)
def test_a_url_of_postgresql_is_libpqs_and_shows_no_credentials(
    text: str, shown: str, parameters: dict[str, str]
) -> None:
    url = DatabaseUrl.parse(text)
    known = url.connection()
    assert {name: known[name] for name in parameters} == parameters
    assert str(url) == shown
    assert "cret" not in repr(url)
    assert url.has_password is ("password" in known)


def test_a_connection_has_an_end_where_the_server_vanishes_and_the_url_may_say_another() -> None:
    known = DatabaseUrl.parse("postgresql://db/fleet").connection()
    assert (known["connect_timeout"], known["tcp_user_timeout"]) == (5, 15_000)
    assert known["keepalives_idle"] + known["keepalives_interval"] * known["keepalives_count"] <= 30
    said = DatabaseUrl.parse("postgresql://db/fleet?tcp_user_timeout=60000").connection()
    assert int(said["tcp_user_timeout"]) == 60_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mysql://db/fleet", "postgresql://"),
        ("postgresql://db", "names no database"),
        ("postgresql://db/fleet?account=", "names no file"),
        ("postgresql://me@db/fleet?account=/x", "leave one out"),
        ("postgresql://me:secret@db/fleet?colour=red", "cannot be read"),
        ("postgresql://db:port/fleet?x=%zz", "cannot be read"),
        ("postgresql://me:se%zzcret@db/fleet", "cannot be read"),
        ("postgresql://db/fleet?options=-c%20fsync=off", "'options'"),
        ("postgresql://db/fleet?password=secret", "'password'"),
        ("sqlite://host/x.db", "absolute path"),
        ("sqlite:///", "absolute path"),
    ],
)
def test_what_is_no_url_is_refused_without_repeating_it(text: str, said: str) -> None:
    with pytest.raises(InvalidError) as caught:
        DatabaseUrl.parse(text)
    assert said in str(caught.value)
    assert "cret" not in str(caught.value)


def test_the_account_is_read_at_each_connection(tmp_path: Path) -> None:
    account = tmp_path / "account"
    url = DatabaseUrl.parse(f"postgresql://db/fleet?account={account}")
    with pytest.raises(NotFoundError, match="write user:password there"):
        url.connection()
    for password in ("first", "sec:ond"):
        account.write_text(f"me:{password}\n")
        assert (url.connection()["user"], url.connection()["password"]) == ("me", password)
    account.write_text("nobody\n")
    with pytest.raises(InvalidError, match="no account for postgresql://db/fleet"):
        url.connection()
