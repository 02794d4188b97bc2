# SPDX-License-Identifier: GPL-3.0-or-later
"""mqtt.url: what is read, what is refused, and what is never shown."""

import pytest

from ganglion.errors import InvalidError
from ganglion.mqtt.url import BrokerUrl


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("mqtt://broker", BrokerUrl(host="broker", port=1883)),
        ("mqtt://broker:2000/", BrokerUrl(host="broker", port=2000)),
        ("mqtts://broker", BrokerUrl(host="broker", port=8883, tls=True)),
        ("mqtts://broker?ca=/etc/ca.pem", BrokerUrl(host="broker", port=8883, tls=True, ca="/etc/ca.pem")),
        ("mqtt://[::1]:1884", BrokerUrl(host="::1", port=1884)),
        ("mqtt://me:p%40ss%2F@h", BrokerUrl(host="h", port=1883, username="me", password="p@ss/")),
        ("mqtt://me@h", BrokerUrl(host="h", port=1883, username="me")),
    ],
)
def test_a_url_is_read(text, url):
    assert BrokerUrl.parse(text) == url


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://broker", "starts with mqtt:// or mqtts://"),
        ("broker:1883", "starts with mqtt:// or mqtts://"),
        ("mqtt://", "names no host"),
        ("mqtt://broker:0", "port 0"),
        ("mqtt://broker:65536", "cannot be read"),
        ("mqtt://broker:x", "cannot be read"),
        ("mqtt://[::1", "cannot be read"),
        ("mqtt://broker/topic", "nothing after the port"),
        ("mqtt://broker?ca=x", "only mqtts:// takes ca=FILE"),
        ("mqtts://broker?cert=x", "only ca=FILE is known"),
        ("mqtt://:secret@broker", "no user name"),
    ],
)
def test_a_url_that_is_none_is_refused_with_the_remedy(text, says):
    with pytest.raises(InvalidError, match=says) as raised:
        BrokerUrl.parse(text)
    assert "secret" not in str(raised.value)


def test_the_password_is_never_shown():
    url = BrokerUrl.parse("mqtts://me:secret@[::1]")
    assert str(url) == "mqtts://[::1]:8883"
    assert "secret" not in repr(url)


def test_authorities_that_cannot_be_read_are_named(tmp_path):
    url = BrokerUrl.parse(f"mqtts://broker?ca={tmp_path}/none.pem")
    with pytest.raises(InvalidError, match=r"none\.pem"):
        url.tls_context()
    (tmp_path / "none.pem").write_text("not PEM")
    with pytest.raises(InvalidError, match=r"none\.pem"):
        url.tls_context()


def test_without_tls_there_is_no_context():
    assert BrokerUrl.parse("mqtt://broker").tls_context() is None
