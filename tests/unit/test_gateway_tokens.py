# SPDX-License-Identifier: GPL-3.0-or-later
"""Access and refresh tokens against whoever forges them, passwords, rates, and the table of rights."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError
from ganglion_gateway.access import passwords
from ganglion_gateway.access.bearer import ACCESS, Bearer, Refresh
from ganglion_gateway.access.limiter import Failures, Rate, source
from ganglion_gateway.access.passwords import Passwords
from ganglion_gateway.access.permissions import PUBLIC, ROLES, SCOPES, Role, needs, socket_needs

SECRET, MESH = b"s" * 48, "abcdefghijklm"
NOW = 1_767_225_600
LOGIN = "0123456789abcdef"
BEARER = Bearer(SECRET, MESH)


def claims(**other: Any) -> dict[str, Any]:
    return {"iss": "ganglion", "aud": MESH, "sub": "u", "sid": LOGIN, "iat": NOW, "exp": NOW + ACCESS, **other}


def part(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def test_an_access_token_holds_for_its_time_at_its_gateway() -> None:
    token = BEARER.access("u", LOGIN, NOW)
    assert BEARER.read(token, NOW + ACCESS - 1) == LOGIN
    assert BEARER.read(token, NOW + ACCESS) is None
    assert Bearer(b"t" * 48, MESH).read(token, NOW) is None
    assert Bearer(SECRET, "another-mesh").read(token, NOW) is None


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", ""])
def test_a_token_without_a_signature_is_none(algorithm: str) -> None:
    unsigned = f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims())}."
    assert BEARER.read(unsigned, NOW) is None
    head, _, _ = BEARER.access("u", LOGIN, NOW).rpartition(".")
    assert BEARER.read(head + ".", NOW) is None


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_no_other_algorithm_is_listened_to_whatever_the_token_says() -> None:
    key = BEARER._key  # even with the right key
    for algorithm in ("HS384", "HS512"):
        assert BEARER.read(jwt.encode(claims(), key, algorithm=algorithm), NOW) is None
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert BEARER.read(jwt.encode(claims(), private, algorithm="RS256"), NOW) is None
    # The classic confusion: an HMAC under a key that everybody may know
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    said = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims())}"
    for guessed in (public, b"", b"secret", MESH.encode()):
        mac = base64.urlsafe_b64encode(hmac.digest(guessed, said.encode(), hashlib.sha256)).rstrip(b"=").decode()
        assert BEARER.read(f"{said}.{mac}", NOW) is None


@pytest.mark.parametrize(
    "header", [{"jwk": {"kty": "oct", "k": "AA"}}, {"jku": "https://evil.test"}, {"kid": "/dev/null"}]
)
def test_a_key_that_the_token_brings_along_is_not_used(header: dict[str, Any]) -> None:
    forged = jwt.encode(claims(), b"\0" * 32, algorithm="HS256", headers=header)
    assert BEARER.read(forged, NOW) is None


@pytest.mark.parametrize(
    "other",
    [
        {"exp": None},
        {"exp": "9" * 12},
        {"exp": NOW + 0.5},
        {"exp": True},
        {"aud": "x"},
        {"iss": "x"},
        {"sid": None},
        {"sid": 7},
        {"sub": None},
    ],
)
def test_claims_that_are_not_ours_are_none(other: dict[str, Any]) -> None:
    wrong = {name: value for name, value in claims(**other).items() if value is not None}
    assert BEARER.read(jwt.encode(wrong, BEARER._key, algorithm="HS256"), NOW) is None


@given(st.text() | st.binary(max_size=90).map(lambda data: "gr_" + base64.urlsafe_b64encode(data).decode()))
def test_any_text_is_no_token(text: str) -> None:
    assert BEARER.read(text, NOW) is None
    assert BEARER.read_refresh(text) is None


@given(st.integers(0, 2**63), st.integers(0, 200), st.integers(1, 127))
def test_a_refresh_token_that_was_touched_is_none(counter: int, at: int, by: int) -> None:
    token = BEARER.refresh(LOGIN, counter)
    assert BEARER.read_refresh(token) == Refresh(LOGIN, counter)
    assert BEARER.read(token, NOW) is None
    at %= len(token)
    other = token[:at] + chr((ord(token[at]) + by) % 128) + token[at + 1 :]
    assert BEARER.read_refresh(other) in (None, Refresh(LOGIN, counter))  # the last letter has bits that mean nothing


async def test_a_password_is_kept_as_argon2id() -> None:
    known = Passwords()
    kept = await known.hash("correct horse battery")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await known.check(kept, "correct horse battery")
    assert not await known.check(kept, "correct horse batterx")
    assert not await known.check(None, "correct horse battery")
    assert not await known.check("no hash", "x")
    assert not known.is_weaker(kept)
    assert known.is_weaker(await Passwords(memory=64, passes=1).hash("x"))


async def test_a_name_that_nobody_has_takes_as_much_work(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Passwords()
    kept = await known.hash("a")
    asked: list[str] = []
    verify = known._verify
    monkeypatch.setattr(known, "_verify", lambda hashed, word: asked.append(hashed) or verify(hashed, word))
    await known.check(kept, "b")
    await known.check(None, "b")
    parameters = [hashed.split("$")[1:4] for hashed in asked]
    assert len(asked) == 2
    assert parameters[0] == parameters[1]


@pytest.mark.parametrize("word", ["short", "a" * 300, "aaaaaaaaaaaaaaaa", "my-name-is-Olena"])
def test_what_is_easily_guessed_is_no_password(word: str) -> None:
    with pytest.raises(InvalidError, match=r"^new: "):  # so that who gave the old one, too, knows which is meant
        passwords.check_choice(word, name="olena")


def test_a_one_time_password_may_be_chosen() -> None:
    first, second = passwords.one_time(), passwords.one_time()
    assert first != second
    passwords.check_choice(first, name="olena")


@given(st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_nobody_asks_more_often_than_the_rate(pauses: list[float]) -> None:
    rate, now, passed = Rate(each_second=2, burst=5), 0.0, 0
    for pause in pauses:
        now += pause
        passed += rate.wait("a", now) == 0
    assert passed <= 5 + 2 * now + 1e-6
    assert rate.wait("b", now) == 0


def test_what_was_right_is_no_failure() -> None:
    failures = Failures(most=2, seconds=10)
    for _ in range(50):
        assert failures.wait("a", 0.0) == 0
        failures.add("a", 0.0)
        failures.add("a", 0.0, -1)


def test_of_ipv6_whoever_has_a_network_is_one() -> None:
    assert source("2001:db8::1") == source("2001:db8::ffff") != source("2001:db8:0:1::1")
    assert source("::ffff:192.0.2.1") == source("192.0.2.1") != source("192.0.2.2")
    assert source("fe80::1%eth0") == source("fe80::2%eth0")
    assert source("testclient") == "testclient"


def test_what_is_in_no_table_is_not_there() -> None:
    for path in ("/api/v1/secret", "/api", "/health", "/ws/x", "/login/x", "/metrics/x", "/api/v1/nodes/a/b"):
        assert needs(path) is None, path
        assert socket_needs(path) is None, path
    assert needs("/api/v1/kv/keys/a/b/c") is not None
    assert needs("/") == needs("/nodes/x")
    assert socket_needs("/_nicegui_ws/socket.io/") == "read"


def test_each_role_may_what_the_one_before_may() -> None:
    assert ROLES[Role.VIEWER] < ROLES[Role.OPERATOR] < ROLES[Role.DEBUG] < ROLES[Role.ADMIN] == set(SCOPES)
    assert PUBLIC not in SCOPES


def test_the_clock_of_tokens_is_that_of_the_gateway() -> None:
    assert BEARER.read(BEARER.access("u", LOGIN, NOW + 10**9), NOW + 10**9) == LOGIN
    assert BEARER.read(BEARER.access("u", LOGIN, int(time.time()) - 10 * ACCESS), int(time.time())) is None
