# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion.redacted, and what a console keeps of a line: nothing of a secret is left, and all of what is none."""

import secrets
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mesh.enrol import EnrolKey
from ganglion.node.console.lines import HIDDEN, shown
from ganglion.redacted import Entered, redacted
from ganglion_gateway.access.bearer import Bearer
from ganglion_gateway.access.tokens import new_token
from ganglion_gateway.webhook.signature import new_secret
from ganglion_micro.leaf_key import LeafKey

BEARER = Bearer(bytes(32), "a" * 13)
#: One of each that the code makes; the letters after the prefix are the secret.
OWN = [
    EnrolKey(pin=secrets.token_bytes(16), secret=secrets.token_bytes(16)).text,
    EnrolKey(pin=secrets.token_bytes(16), secret=secrets.token_bytes(16)).text.upper(),
    LeafKey(secrets.token_bytes(8), secrets.token_bytes(32)).text(),
    new_token(),
    new_secret(),
    BEARER.access("u", "00" * 8, 7),
    BEARER.refresh("00" * 8, 7),
]
#: Under which people keep secrets.
NAMES = ("pass", "ssid_pass", "passcode", "wifi_key", "api.key", "auth", "wifi password")
#: Secrets that nothing tells by their look; and words, none of which has to do with secrets.
letters = string.ascii_letters + string.digits
odd = st.builds(
    "{}{}{}".format,
    st.text(letters, min_size=4, max_size=8),
    st.text(letters + "!$%&/()[]{}?+*~#,;.:-_<>|@=", max_size=8),
    st.text(letters, min_size=4, max_size=8),
)
names = st.sampled_from(["password", "wifi_password", "--token", "API-KEY", "psk", "client_secret", "mqtt.passwd"])
ordinary = st.text("abcdefghijlmnoqrstuvxyz ABC äß€ 0123456789 _-/.,()!", max_size=40)


def left(secret: str, text: str, size: int = 4) -> list[str]:
    """Pieces of a secret that stand in a text."""
    return [secret[i : i + size] for i in range(len(secret) - size + 1) if secret[i : i + size] in text]


@pytest.mark.parametrize("token", OWN, ids=[token.partition("_")[0] for token in OWN])
def test_what_ganglion_makes_is_known_by_its_look(token: str) -> None:
    for text in (token, f"key {token}.", f"a={token}, b", f'{{"x":"{token}"}}', f"my_{token}"):
        assert left(token[4:], redacted(text)) == []
        assert left(token[4:], shown(f"kv.set key=w value={text}")) == []
        assert left(token[4:], shown(text)) == []


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("status password hunter7", "status (hidden)"),
        ("nope token: hunter5", "nope (hidden)"),
        ("kv.set key=wifi_password value=hunter3", "kv.set key=wifi_password value=(hidden)"),
        ("kv.set value=hunter3 key=wifi_password", "kv.set value=(hidden) key=wifi_password"),
        ("wifi.join password=correct horse battery", "wifi.join (hidden)"),
        ("say text='the password is hunter7'", "say text=(hidden)"),
        ("""x.y with='["--token", "hunter7"]'""", 'x.y with=["--token", "(hidden)"]'),
        ("""x.y with='{"key": "pin", "value": 1234}'""", 'x.y with={"key": "pin", "value": "(hidden)"}'),
        ("password hunter7", "password (hidden)"),
        ("password=hunter7", "(hidden)"),
        ("x.y a=1 password='hunter", "x.y (hidden)"),
        ("""sim.set  sensor='a b' value='{"a":1}'""", """sim.set  sensor='a b' value='{"a":1}'"""),
        ("gpio.set line=4 value=1", "gpio.set line=4 value=1"),
        ("nope hunter72 b c", "nope (hidden)"),
        ("sensors.add sensor=x hunter74", "sensors.add (hidden)"),
        ("log hunter7", "log (hidden)"),
        ("log debug", "log debug"),
        ("help kv", "help kv"),
        ("""kv.set key=x value={"key":"wifi_password","value":"hunter30"}""", "kv.set key=x value=(hidden)"),
        *((f"kv.set key='{name}' value=hunter7", f"kv.set key={name} value=(hidden)") for name in NAMES),
        ("kv.get key=wifi_password", "kv.get key=wifi_password"),
    ],
)
def test_a_line_is_kept_as_it_is_but_for_what_is_secret(line: str, kept: str) -> None:
    assert shown(line) == kept


@given(
    odd, names, st.sampled_from(["{} {}", "{}: {}", "{}={}", "{} is {}", "{} => {}", '{}="{}"', "{}: '{}'", "{}=x {}"])
)
def test_nothing_is_left_of_what_is_named(secret: str, name: str, form: str) -> None:
    text = form.format(name, secret)
    for line in (f"status {text}", f"status a=1 {text} b", f"{text}"):
        assert left(secret, shown(line)) == []
    if "x {}" not in form:
        assert left(secret, Entered().line(f"run --now {text}")) == []
    if "=" in form or (":" in form and "x {}" not in form):
        assert left(secret, redacted(f"the broker said: {text.replace('=x ', '=')}")) == []


@given(odd, names)
def test_a_value_beside_the_name_of_a_secret_is_hidden_however_deep(secret: str, name: str) -> None:
    for value in (f"key={name} value='{secret}'", f"""with='[{{"key": "{name}", "to": ["{secret}"]}}]'"""):
        assert left(secret, shown(f"kv.set {value}")) == []


@given(ordinary)
def test_ordinary_text_stays_byte_for_byte(text: str) -> None:
    assert redacted(text) == text
    assert Entered().line(text) == text
    assert shown(f"say text='{text}'") == f"say text='{text}'"


@given(st.sampled_from([0, 2, 3, 4, 6]), st.data())
def test_a_secret_that_goes_on_in_the_next_line_is_hidden(which: int, data: Any) -> None:
    token = OWN[which]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(token) - 1), min_size=1, max_size=4)))
    pieces = [token[a:b] for a, b in zip([0, *cuts], [*cuts, len(token)], strict=True)]
    for before in ("export X=", "password ", "password=\\\n", 'password "two words\\\n'):
        entered = Entered()
        lines = (before + "\\\n".join(pieces)).split("\n")
        assert left(token[4:], "\n".join(entered.line(line) for line in lines)) == []


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("curl -u bob:hunter61 http://h", "curl -u bob:(hidden) http://h"),
        ("mysql -h db -phunter62 x", "mysql -h db -p(hidden) x"),
        ("sshpass -p hunter65 ssh -p 22 h", "sshpass -p (hidden) ssh -p 22 h"),
        ("sshpass -phunter65 true", "sshpass -p(hidden) true"),
        ("redis-cli -h db -a hunter67 PING", "redis-cli -h db -a (hidden) PING"),
        ("mkdir -p a/b", "mkdir -p a/b"),
    ],
)
def test_the_account_that_a_command_is_given_is_hidden(line: str, kept: str) -> None:
    assert Entered().line(line) == kept


def test_what_follows_a_secret_is_kept_again() -> None:
    entered = Entered()
    key = ["-----BEGIN PRIVATE KEY-----", "MC4CAQAwBQYDK2VwBCIEIDt", "-----END PRIVATE KEY-----", "ls -l"]
    assert [entered.line(line) for line in key] == [HIDDEN] * 3 + ["ls -l"]
    quoted = ["export PASSWORD='one", "two", "three' next", "ls -l", "run \\", "-l"]
    assert [entered.line(line) for line in quoted] == [
        *("export PASSWORD=(hidden)", "(hidden)", "(hidden)' next", "ls -l", "run \\", "-l")
    ]


def test_a_long_text_takes_no_time_that_grows_with_its_square() -> None:
    for text in ("a" * 200_000, "a-" * 100_000, "pass" * 50_000, "token " * 20_000, "'" * 100_000):
        redacted(text)
        Entered().line(text)
