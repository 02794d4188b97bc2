# SPDX-License-Identifier: GPL-3.0-or-later
"""mqtt.url: what is read, what is refused, and what is never shown."""

import pytest

from ganglion.errors import InvalidError, NotFoundError
from ganglion.mqtt.url import BrokerUrl, addresses
from support.certificates import make_certificates


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("mqtt://broker", BrokerUrl(host="broker", port=1883)),
        ("mqtt://broker:2000/", BrokerUrl(host="broker", port=2000)),
        ("mqtts://broker", BrokerUrl(host="broker", port=8883, tls=True)),
        ("mqtts://broker?ca=/etc/ca.pem", BrokerUrl(host="broker", port=8883, tls=True, ca="/etc/ca.pem")),
        (
            "mqtts://broker?certificate=c.pem&key=k.pem&account=a",
            BrokerUrl(host="broker", port=8883, tls=True, certificate="c.pem", key="k.pem", account="a"),
        ),
        ("mqtt://broker?account=/run/a%20b", BrokerUrl(host="broker", port=1883, account="/run/a b")),
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
        ("mqtts://broker?cert=x", "option 'cert': known are account, ca, certificate, key"),
        ("mqtts://broker?ca=", "names no file: write ca=FILE"),
        ("mqtts://me@broker?account=x", "the file holds both"),
        ("mqtts://broker?key=x", "without the certificate=FILE"),
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


def test_files_of_a_url_begin_where_its_configuration_is(tmp_path):
    url = BrokerUrl.parse("mqtts://broker?ca=ca.pem&account=/run/account", tmp_path)
    assert (url.ca, url.account) == (str(tmp_path / "ca.pem"), "/run/account")


def test_an_account_is_read_whenever_a_connection_is_made(tmp_path):
    account = tmp_path / "account"
    url = BrokerUrl.parse(f"mqtt://broker?account={account}")
    for text, credentials in (("me:s:e#c\n", ("me", "s:e#c")), ("you:\r\nrest", ("you", ""))):
        account.write_bytes(text.encode())
        assert url.credentials() == credentials
    assert BrokerUrl.parse("mqtt://me:secret@broker").credentials() == ("me", "secret")


@pytest.mark.parametrize(("data", "says"), [(None, "No such file"), (b"secret", "no account"), (b"\xff:x", "no text")])
def test_an_account_that_is_none_is_named_and_not_repeated(tmp_path, data, says):
    account = tmp_path / "account"
    if data is not None:
        account.write_bytes(data)
    with pytest.raises((InvalidError, NotFoundError), match=says) as raised:
        BrokerUrl.parse(f"mqtt://broker?account={account}").credentials()
    assert str(raised.value).startswith(str(account))
    assert "user:password" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_certificate_without_its_key_is_named(tmp_path):
    files = make_certificates(tmp_path)
    url = BrokerUrl.parse(f"mqtts://broker?certificate={files.certificate}&key={files.authority}")
    with pytest.raises(InvalidError, match=r"server\.pem is no certificate with its key in .*authority\.pem"):
        url.tls_context()


def test_a_broker_has_one_address_or_several_and_never_none():
    one, two = BrokerUrl.parse("mqtt://a"), BrokerUrl.parse("mqtts://b")
    assert addresses("mqtt://a") == (one,)
    assert addresses(["mqtt://a", two]) == (one, two)
    with pytest.raises(InvalidError, match="at least one"):
        addresses([])


def test_without_tls_there_is_no_context():
    assert BrokerUrl.parse("mqtt://broker").tls_context() is None
